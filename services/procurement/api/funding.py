"""Programmes, needs and funds."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pandapack.contracts.procurement import (
    Item,
    Offer,
    Policy,
    ProgrammePublished,
    SchoolShare,
    ServiceRate,
    Specification,
    Supplier,
    Words,
)
from pandapack.decision import Refusal
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem, command_of, settled
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, Name, Reader, asked, page
from pandapack.runtime.store import Command
from services.procurement.domain import fund
from services.procurement.domain.allocation import NeedShare
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import (
    PARCELS_A_SCHOOL_MAX,
    SCHOOLS_A_NEED_MAX,
    Need,
    NeedRequest,
    NeedStatus,
    open_need,
)
from services.procurement.domain.publication import PUBLICATIONS_MAX, Publication, publication_id, publish
from services.procurement.store import Stores, latest_publication, needs_known, round_code_taken

Buyer = Depends(needs(Role.BUYER))
Count = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class ProgrammeBody(BaseModel):
    """All of a publication but its number. Parts are described in the contracts."""

    name: Words
    policy: Policy
    items: tuple[Item, ...]
    specifications: tuple[Specification, ...]
    suppliers: tuple[Supplier, ...]
    catalogue: tuple[Offer, ...]
    services: tuple[ServiceRate, ...]

    def as_published(self, programme: str, publication: int) -> ProgrammePublished:
        """The content of this publication."""
        return ProgrammePublished(
            programme=programme,
            publication=publication,
            name=self.name,
            policy=self.policy,
            items=self.items,
            specifications=self.specifications,
            suppliers=self.suppliers,
            catalogue=self.catalogue,
            services=self.services,
        )


class SchoolBody(BaseModel):
    """A school of a need: how many pupils it has, and how many parcels it waits for."""

    model_config = ConfigDict(extra="forbid")

    school: Name
    district: Annotated[str, Field(min_length=1, max_length=100)]
    pupils: Count
    parcels: Annotated[int, Field(ge=1, le=PARCELS_A_SCHOOL_MAX, strict=True)]


class NeedBody(BaseModel):
    """A country's need, school by school. Headcounts only."""

    model_config = ConfigDict(extra="forbid")

    need: Name
    programme: Name
    country: Country
    specification: Name
    schools: Annotated[tuple[SchoolBody, ...], Field(min_length=1, max_length=SCHOOLS_A_NEED_MAX)]

    def request(self) -> NeedRequest:
        """What is asked for."""
        return NeedRequest(
            programme=self.programme,
            country=self.country,
            specification=self.specification,
            schools=tuple(SchoolShare(**school.model_dump()) for school in self.schools),
        )


def shown_publication(state: Publication) -> dict[str, Any]:
    """A publication as JSON."""
    whole = state.model_dump(mode="json")
    content: dict[str, Any] = whole.pop("content")
    return {**whole, **content}


def shown_need(state: Need) -> dict[str, Any]:
    """A need as JSON."""
    return state.model_dump(mode="json")


def shown_fund(state: Fund) -> dict[str, Any]:
    """A fund as JSON: heard_fen = unallocated_fen + open_fen + spent_fen + reversed_fen, always."""
    coming = fund.next_round(state)
    return {
        "programme": state.programme,
        "publication": state.publication,
        "heard_fen": fund.heard_fen(state),
        "unallocated_fen": fund.unallocated_fen(state),
        "open_fen": fund.open_fen(state),
        "spent_fen": state.spent_fen,
        "reversed_fen": fund.reversed_fen(state),
        "rounds": state.rounds,
        "open_rounds": state.open_rounds,
        "lines": [front.model_dump() for front in state.lines],
        "released": [piece.model_dump() for piece in state.released],
        "needs": [_shown_share(need, need.parcels, need.funded_parcels) for need in state.needs],
        "next_round": None
        if coming is None
        else {
            "need": coming.need.need,
            "country": coming.need.country,
            "specification": coming.need.specification,
            "parcels": coming.plan.parcels,
            "reserved_fen": coming.plan.reserved_fen,
            "affordable": fund.affordable(state, coming),
        },
    }


def _shown_share(need: NeedShare, parcels: int, funded_parcels: int) -> dict[str, Any]:
    head = {"need": need.need, "country": need.country, "specification": need.specification}
    return {**head, "parcels": parcels, "funded_parcels": funded_parcels}


def funding_router(stores: Stores, clock: Clock) -> APIRouter:
    """`/programmes`, `/needs`, `/funds`."""
    router = APIRouter(tags=["funding"])

    @router.put("/programmes/{programme}", dependencies=[Buyer])
    async def put_programme(
        programme: Name, body: ProgrammeBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Makes the programme's next publication: its parcels, prices, suppliers and policy, from now on."""
        code = body.policy.round_code
        if await round_code_taken(stores, programme, code):
            raise Problem(409, "round_code_taken", f"another programme names its rounds {code}-…: choose another code")
        # The first free number takes it; a repeat of the same key finds its answer under the number that it got.
        for number in range(1, PUBLICATIONS_MAX + 1):
            content = body.as_published(programme, number)
            outcome = await stores.publications.change(
                publication_id(programme, number),
                partial(publish, content=content, at=clock.now()),
                command,
            )
            if not (isinstance(outcome, Refusal) and outcome.code == "publication_taken"):
                return settled(outcome)
        raise Problem(
            409, "publications_too_many", f"{programme} has {PUBLICATIONS_MAX} publications: no more are kept"
        )

    @router.get("/programmes/{programme}")
    async def get_programme(programme: Name, reader: Reader) -> dict[str, Any]:
        """The latest publication."""
        return shown_publication(await _latest(stores, programme))

    @router.post("/needs", status_code=201, dependencies=[Buyer])
    async def post_need(body: NeedBody, command: Annotated[Command, Depends(command_of)]) -> JSONResponse:
        """Opens a need: from now on rounds are funded for it."""
        latest = await _latest(stores, body.programme)
        content = latest.content
        assert content is not None
        asked_for = body.request()
        outcome = await stores.needs.change(
            body.need, lambda state: open_need(state, asked_for, content, clock.now()), command
        )
        return settled(outcome, status=201)

    @router.get("/needs")
    async def get_needs(
        *,
        reader: Reader,
        programme: Name | None = None,
        country: Country | None = None,
        status: NeedStatus | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Needs, and how far each is met."""
        where = asked(programme=programme, country=country, status=status)
        return page(await needs_known(stores, where, after=after, limit=limit + 1), limit, shown_need)

    @router.get("/funds/{programme}")
    async def get_fund(programme: Name, reader: Reader) -> dict[str, Any]:
        """The fund: what it has, what rounds have, and which round comes next."""
        known = await stores.funds.get(programme)
        if known is None:
            raise Problem(404, "fund_unknown", f"nothing was heard of a programme {programme} yet")
        return shown_fund(known)

    return router


async def _latest(stores: Stores, programme: str) -> Publication:
    latest = await latest_publication(stores, programme)
    if latest is None:
        raise Problem(
            404, "programme_unknown", f"no programme {programme} is published: PUT /v1/programmes/{programme}"
        )
    return latest
