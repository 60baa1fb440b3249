"""Programmes, needs and funds: buyers publish and open, staff see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from pandapack.contracts.donations import CHINA
from pandapack.contracts.procurement import ProgrammePublished, SchoolShare, ServiceRate
from pandapack.contracts.publication import Item, LocalizedName, Offer, Policy, Specification, Supplier
from pandapack.decision import Refusal
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem, answer_to, command_of, problem_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, Name, Staff, filters_of, page
from pandapack.runtime.store import Command
from services.procurement import work
from services.procurement.api.bodies import PRINTABLE, Body
from services.procurement.domain import fund
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import (
    DISTRICT_CHARACTERS_MAX,
    PARCELS_A_SCHOOL_MAX,
    PUPILS_A_SCHOOL_MAX,
    SCHOOLS_A_NEED_MAX,
    Need,
    NeedRequest,
    NeedStatus,
)
from services.procurement.domain.publication import Publication
from services.procurement.store import Stores, find_needs

Buyer = Depends(needs(Role.BUYER))
Pupils = Annotated[int, Field(ge=0, le=PUPILS_A_SCHOOL_MAX, strict=True)]
District = Annotated[str, StringConstraints(min_length=1, max_length=DISTRICT_CHARACTERS_MAX, pattern=PRINTABLE)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class ProgrammeBody(BaseModel):
    """All of a publication but its number. Parts are described in the contracts.

    `warehouse` is the party that receives the goods and packs the parcels, `motto` what parcels want to say.
    """

    name: LocalizedName
    policy: Policy
    items: tuple[Item, ...]
    specifications: tuple[Specification, ...]
    suppliers: tuple[Supplier, ...]
    catalogue: tuple[Offer, ...]
    services: tuple[ServiceRate, ...]
    warehouse: Name
    motto: LocalizedName | None = None

    def draft(self, programme: str) -> ProgrammePublished:
        """The content as the contract has it; its number is still to be given."""
        return ProgrammePublished(
            programme=programme,
            publication=0,
            name=self.name,
            policy=self.policy,
            items=self.items,
            specifications=self.specifications,
            suppliers=self.suppliers,
            catalogue=self.catalogue,
            services=self.services,
            warehouse=self.warehouse,
            motto=self.motto,
        )


class SchoolBody(Body):
    """A school of a need: how many pupils it has, and how many parcels it waits for."""

    school: Name
    district: District
    pupils: Pupils
    parcels: Annotated[int, Field(ge=1, le=PARCELS_A_SCHOOL_MAX, strict=True)]


class NeedBody(Body):
    """A country's need, school by school. Headcounts only."""

    need: Name
    programme: Name
    country: Country
    specification: Name
    schools: Annotated[tuple[SchoolBody, ...], Field(min_length=1, max_length=SCHOOLS_A_NEED_MAX)]

    def request(self) -> NeedRequest:
        """The request as the domain has it."""
        return NeedRequest(
            programme=self.programme,
            country=self.country,
            specification=self.specification,
            schools=tuple(SchoolShare(**school.model_dump()) for school in self.schools),
        )


def shown_publication(state: Publication) -> dict[str, Any]:
    """A publication as JSON."""
    fields = state.model_dump(mode="json")
    content: dict[str, Any] = fields.pop("content")
    return {**fields, **content}


def shown_need(state: Need) -> dict[str, Any]:
    """A need as JSON."""
    return state.model_dump(mode="json", exclude={"ordinal"})


def shown_fund(state: Fund, day: date) -> dict[str, Any]:
    """A fund as JSON: applied_fen = unallocated_fen + open_fen + spent_fen + reversed_fen, always."""
    return {
        "programme": state.programme,
        "publication": state.publication,
        "applied_fen": fund.applied_fen(state),
        "unallocated_fen": fund.unallocated_fen(state),
        "open_fen": fund.open_fen(state),
        "spent_fen": state.spent_fen,
        "reversed_fen": fund.reversed_fen(state),
        "rounds": state.rounds,
        "open_rounds": state.open_rounds,
        "shards": [front.model_dump() for front in state.shards],
        "released": [piece.model_dump() for piece in state.released],
        "needs": [need.model_dump() for need in state.needs],
        "next_round": _shown_next_round(state, day),
    }


def _shown_next_round(state: Fund, day: date) -> dict[str, Any] | None:
    coming = fund.next_round(state, day)
    if coming is None:
        return None
    return {
        "need": coming.need.need,
        "country": coming.need.country,
        "specification": coming.need.specification,
        "parcels": coming.plan.parcels,
        "reserved_fen": coming.plan.reserved_fen,
        "affordable": fund.is_affordable(state, coming),
    }


def funding_router(stores: Stores, clock: Clock) -> APIRouter:
    """`/programmes`, `/needs`, `/funds`."""
    router = APIRouter(tags=["funding"])

    @router.put("/programmes/{programme}", dependencies=[Buyer])
    async def put_programme(
        programme: Name, body: ProgrammeBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Makes the programme's next publication: its parcels, prices, suppliers and policy, from now on."""
        draft = body.draft(programme)
        return answer_to(await work.publish_programme(stores, draft, clock.now(), command))

    @router.get("/programmes/{programme}")
    async def get_programme(programme: Name, staff: Staff) -> dict[str, Any]:
        """The latest publication."""
        current = await work.current_publication(stores.publications, programme)
        if isinstance(current, Refusal):
            raise problem_of(current)
        return shown_publication(current)

    @router.post("/needs", status_code=201, dependencies=[Buyer])
    async def post_need(body: NeedBody, command: Annotated[Command, Depends(command_of)]) -> JSONResponse:
        """Opens a need: from now on rounds are funded for it."""
        outcome = await work.open_need(stores, body.need, body.request(), clock.now(), command)
        return answer_to(outcome, status=201)

    @router.get("/needs")
    async def get_needs(
        *,
        staff: Staff,
        programme: Name | None = None,
        country: Country | None = None,
        status: NeedStatus | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Needs, and how far each is met."""
        where = filters_of(programme=programme, country=country, status=status)
        return page(await find_needs(stores.needs, where, after=after, limit=limit + 1), limit, shown_need)

    @router.get("/funds/{programme}")
    async def get_fund(programme: Name, staff: Staff) -> dict[str, Any]:
        """The fund: what it has, what rounds have, and which round comes next."""
        known = await stores.funds.get(programme)
        if known is None:
            raise Problem(404, "fund_unknown", f"nothing is known of a programme {programme} yet")
        return shown_fund(known, clock.now().astimezone(CHINA).date())

    return router
