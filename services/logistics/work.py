"""Use cases that are more than one decision: they read of other documents what may be done with this one."""

from __future__ import annotations

from functools import partial

from pandapack.contracts.logistics import Leg
from pandapack.contracts.procurement import Category
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.parties import Act, Party, PartyKind, refuse_school
from pandapack.runtime.store import Outcome, Store
from pandapack.runtime.telemetry import PARKED_REPORTS
from services.logistics.domain import consignment, shipment, survey
from services.logistics.domain.consignment import Consignment
from services.logistics.domain.shipment import Shipment, Terms
from services.logistics.domain.survey import Survey
from services.logistics.domain.times import Now
from services.logistics.store import Stores, count_parked, reached_in

PARKED_PAUSE_S = 5.0
"""As often as Prometheus asks, or more; three counts by small indexes."""


async def tell_parked(stores: Stores) -> None:
    """The metrics say how many reports wait for their turn now."""
    PARKED_REPORTS.set(await count_parked(stores))


async def book_shipment(
    stores: Stores, id: str, round_id: str, legs: tuple[Leg, ...], act: Act
) -> Outcome[Shipment] | Refusal:
    """Books the shipment of a round that is packed, on legs of registered carriers.

    What is read here only ever grows: a consignment keeps its services, a party its kind. The claim on the round is the
    shipment's document itself, which has the round's name and is written once.
    """
    known = await stores.consignments.get(round_id) or Consignment(round=round_id)
    refusal = consignment.refuse_booking(known, shipment.country_of(legs), act.by)
    refusal = refusal or shipment.refuse_name(id, round_id) or await _refuse_carriers(stores.parties, legs)
    if refusal is not None:
        return refusal
    terms = Terms(
        broker=known.services.get(Category.DUTY, ""),
        duty_fen_max=known.services_fen_max.get(Category.DUTY),
        packed_at=known.packed_at,
    )
    decide = partial(shipment.plan, round=round_id, legs=legs, terms=terms, by=act.by)
    return await stores.shipments.change(id, decide, act.command)


async def report_survey(stores: Stores, found: Survey, act: Act, now: Now) -> Outcome[Survey] | Refusal:
    """Takes a survey. What rounds reached only ever grows: what is read here is true when the survey is written."""
    reached = {one.country: await reached_in(stores.reached, found.programme, one.country) for one in found.countries}
    decide = partial(survey.report, found=found, by=act.by, reached=reached, now=now)
    return await stores.surveys.change(found.survey, decide, act.command)


async def schools_of(parties: Store[Party], by: str) -> tuple[str, ...]:
    """The schools that a party is, or acts for."""
    party = await parties.get(by)
    return () if party is None else party.schools


async def refuse_others_school(parties: Store[Party], school: str, act: Act) -> Refusal | None:
    """Whoever acts is not this school, nor acts for it. Staff act for each."""
    return None if act.by is None else refuse_school(await parties.get(act.by), school)


async def _refuse_carriers(parties: Store[Party], legs: tuple[Leg, ...]) -> Refusal | None:
    for number, leg in enumerate(legs, 1):
        party = await parties.get(leg.carrier)
        if party is None or party.kind is not PartyKind.CARRIER:
            detail = f"leg {number}: no carrier {leg.carrier} is registered here: `panda party add` registers one"
            return Refusal("carrier_unknown", detail, RefusalKind.INVALID)
    return None
