"""A country's need: schools and how many parcels each waits for. Headcounts only; no pupil is an entity."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pandapack.contracts.donations import CHINA
from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import NeedOpened, ProgrammePublished, RoundFunded, SchoolShare
from pandapack.decision import Decision, Refusal, RefusalKind
from services.procurement.domain.pricing import is_in_force, is_superseded, pricing_of, serves

SCHOOLS_A_NEED_MAX = 500
"""So many, with names as long as they may be, are told in one event. A country of more opens several needs."""
PARCELS_A_SCHOOL_MAX = 100_000
"""Ten times the largest schools that there are."""
PUPILS_A_SCHOOL_MAX = 100_000
DISTRICT_CHARACTERS_MAX = 64


class NeedStatus(StrEnum):
    """`new`: there is no such need yet."""

    NEW = "new"
    OPEN = "open"
    MET = "met"


class Need(Part):
    """A need and how far it is met."""

    need: str
    ordinal: int = 0
    status: NeedStatus = NeedStatus.NEW
    programme: str = ""
    country: str = ""
    specification: str = ""
    schools: tuple[SchoolShare, ...] = ()
    parcels: int = 0
    funded_parcels: int = 0
    rounds: int = 0
    opened_at: datetime | None = None


class NeedRequest(Part):
    """What a buyer asks for."""

    programme: str
    country: str
    specification: str
    schools: tuple[SchoolShare, ...]


def open_need(
    state: Need, request: NeedRequest, ordinal: int, published: ProgrammePublished, at: datetime
) -> Decision[Need] | Refusal:
    """A buyer opens a need, the programme's `ordinal`-th: it waits for money."""
    if state.status is not NeedStatus.NEW:
        return Refusal("need_known", f"there is a need {state.need} already: choose another id")
    pricing = pricing_of(published)
    if request.specification not in pricing.bills:
        known = ", ".join(sorted(pricing.bills))
        detail = f"{request.programme} has no specification {request.specification}; it has {known}"
        return Refusal("specification_unknown", detail, RefusalKind.INVALID)
    if not serves(pricing, request.specification, request.country):
        detail = f"no rate for {request.country} is published for each service: publish them, or name another country"
        return Refusal("country_not_served", detail, RefusalKind.INVALID)
    day = at.astimezone(CHINA).date()
    if is_superseded(pricing, request.specification, day):
        since = pricing.in_force[request.specification][1]
        in_force = ", ".join(sorted(id for id in pricing.bills if is_in_force(pricing, id, day)))
        detail = f"{request.specification} has not been bought since {since}: ask for one that is in force ({in_force})"
        return Refusal("specification_superseded", detail, RefusalKind.INVALID)
    names = [school.school for school in request.schools]
    if len(set(names)) < len(names):
        return Refusal("school_named_twice", "a school is named twice: add its parcels up", RefusalKind.INVALID)
    assert request.schools and all(school.parcels > 0 for school in request.schools)
    parcels = sum(school.parcels for school in request.schools)
    opened = Need(
        need=state.need,
        ordinal=ordinal,
        status=NeedStatus.OPEN,
        programme=request.programme,
        country=request.country,
        specification=request.specification,
        schools=request.schools,
        parcels=parcels,
        opened_at=at,
    )
    event = NeedOpened(
        need=state.need,
        programme=request.programme,
        country=request.country,
        specification=request.specification,
        schools=request.schools,
        parcels=parcels,
        ordinal=ordinal,
    )
    return Decision(opened, (event,), {"need": state.need, "status": opened.status.value, "parcels": parcels})


def fund(state: Need, event: RoundFunded) -> Decision[Need]:
    """A round was funded for this need."""
    assert event.need == state.need and state.status is NeedStatus.OPEN
    assert event.parcels_before == state.funded_parcels, "a need's rounds follow each other"
    funded = state.funded_parcels + event.parcels
    assert funded <= state.parcels, "the fund never gives more than is needed"
    update = {
        "funded_parcels": funded,
        "rounds": state.rounds + 1,
        "status": NeedStatus.MET if funded == state.parcels else NeedStatus.OPEN,
    }
    return Decision(state.model_copy(update=update))
