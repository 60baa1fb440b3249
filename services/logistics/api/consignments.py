"""Consignments, and what warehouses, carriers and schools report of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from pandapack.contracts.procurement import Category
from pandapack.runtime.auth import STAFF_ROLES, Caller, Role, needs
from pandapack.runtime.http import answer_to, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, filters_of, page
from pandapack.runtime.parties import Act, acting
from services.logistics.api.bodies import COST_FEN_MAX, At, Body, Office, Reason
from services.logistics.domain import consignment
from services.logistics.domain.consignment import (
    Consignment,
    ConsignmentStatus,
    Cost,
    Delivery,
    Handout,
    PupilsReached,
    SchoolRange,
    WriteOff,
)
from services.logistics.domain.times import Now
from services.logistics.store import Stores, find_consignments
from services.logistics.work import refuse_others_school, schools_of

ORDINAL_MAX = 9_999
Reader = Annotated[Caller, Depends(needs(*STAFF_ROLES, Role.SUPPLIER, Role.WAREHOUSE, Role.CARRIER, Role.SCHOOL))]
Serving = Annotated[Act, Depends(acting(Role.SUPPLIER, Role.CARRIER))]
Holding = Annotated[Act, Depends(acting(Role.WAREHOUSE, Role.CARRIER))]
Taught = Annotated[Act, Depends(acting(Role.SCHOOL))]

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Ordinal = Annotated[int, Field(ge=1, le=ORDINAL_MAX, strict=True)]
Headcount = Annotated[int, Field(ge=0, le=ORDINAL_MAX, strict=True)]
Ordinals = Annotated[tuple[Ordinal, ...], Field(max_length=ORDINAL_MAX)]


class CostBody(Body):
    """What a service cost for the whole round, by which document. Duty comes with the release by customs."""

    category: Literal["freight", "insurance"]
    fen: Annotated[int, Field(ge=0, le=COST_FEN_MAX, strict=True)]
    document: DocumentNumber


class WriteOffBody(Body):
    """A loss and damage report."""

    report: DocumentNumber
    ordinals: Annotated[Ordinals, Field(min_length=1)]
    now: Literal["damaged", "lost"]
    reason: Reason
    at: At

    def loss(self) -> WriteOff:
        """The report as the domain has it."""
        return WriteOff(**self.model_dump(exclude={"at"}), at=self.at.isoformat())


class DeliveryBody(Body):
    """A school's proof of delivery. `gave` and `received` name offices, never a pupil; `document` is its SHA-256."""

    delivery: DocumentNumber
    school: Name
    accepted: Ordinals = ()
    rejected: Ordinals = ()
    reason: Reason | None = None
    gave: Office
    received: Office
    document: Digest
    at: At

    def proof(self) -> Delivery:
        """The proof as the domain has it."""
        return Delivery(**self.model_dump(exclude={"at"}), at=self.at.isoformat())


class HandoutBody(Body):
    """Parcels given to pupils of a school, as headcounts."""

    handout: DocumentNumber
    school: Name
    parcels: Annotated[int, Field(ge=1, le=ORDINAL_MAX, strict=True)]
    girls: Headcount
    boys: Headcount
    at: At

    def handout_report(self) -> Handout:
        """The handout as the domain has it."""
        return Handout(**self.model_dump(exclude={"at"}), at=self.at.isoformat())


SCHOOLS_SEE = (
    *("round", "status", "closed", "programme", "country", "specification", "round_parcels", "stored"),
    *("dispatched", "arrived_at"),
)
SCHOOLS_OWN = ("schools", "parked", "turned_down")


def shown_consignment(state: Consignment) -> dict[str, Any]:
    """A consignment as JSON: parcels by state, school by school, and what waits for its turn."""
    by_state, named = consignment.counts(state), consignment.ordinals(state)
    return {
        "round": state.round,
        "status": state.status.value,
        "closed": state.status is ConsignmentStatus.CLOSED,
        "programme": state.programme,
        "country": state.country,
        "specification": state.specification,
        "round_parcels": state.round_parcels,
        "stored": state.stored,
        "shipment": state.departure.shipment if state.departure else None,
        "dispatched": state.dispatched,
        "parcels": {one.value: count for one, count in by_state.items()},
        "ordinals": {one.value: list(ordinals) for one, ordinals in named.items()},
        "schools": [_shown_school(state, school) for school in consignment.ranges(state)],
        "parked": [
            *({"kind": "delivery", "id": one.delivery, "school": one.school} for one in state.parked_deliveries),
            *({"kind": "handout", "id": one.handout, "school": one.school} for one in state.parked_handouts),
        ],
        "turned_down": [one.model_dump() for one in state.turned_down],
        "costs": {category.value: cost.fen for category, cost in state.costs.items()},
        "warehouse": state.warehouse,
        "services": {category.value: party for category, party in state.services.items()},
        "carriers": list(state.carriers),
        "arrived_at": state.arrived_at,
    }


def shown_to(state: Consignment, party: str | None, schools: tuple[str, ...] | None) -> dict[str, Any]:
    """What a party sees of its consignment: of costs its own. `party` None: staff, who see all.

    `schools`: whoever acts for these sees what is theirs; None: who acts for no schools.
    """
    shown = shown_consignment(state)
    if party is None:
        return shown
    if schools is None:
        own = {category.value for category, supplier in state.services.items() if supplier == party}
        return {**shown, "costs": {name: fen for name, fen in shown["costs"].items() if name in own}}
    theirs = {name: [one for one in shown[name] if one["school"] in schools] for name in SCHOOLS_OWN}
    return {**{name: shown[name] for name in SCHOOLS_SEE}, **theirs}


def _shown_school(state: Consignment, school: SchoolRange) -> dict[str, Any]:
    share = school.share
    own = [one for one in state.deliveries if one.school == share.school]
    reached = state.reached.get(share.school, PupilsReached())
    return {
        "school": share.school,
        "district": share.district,
        "pupils": share.pupils,
        "first_ordinal": school.first_ordinal,
        "parcels": share.parcels,
        "accepted": sum(len(one.accepted) for one in own),
        "rejected": sum(len(one.rejected) for one in own),
        "handed_out": reached.handed_out,
        "pupils_reached": reached.pupils,
        "pupils_over_reported": reached.over_reported,
        "more_pupils_than_enrolled": reached.pupils + reached.over_reported > share.pupils,
    }


def consignments_router(stores: Stores, now: Callable[[], Now]) -> APIRouter:
    """`/consignments`."""
    router = APIRouter(prefix="/consignments", tags=["consignments"])
    _add_reads(router, stores)
    _add_reports(router, stores, now)
    _add_school_reports(router, stores, now)
    return router


def _add_reads(router: APIRouter, stores: Stores) -> None:
    async def schools_seen(reader: Caller) -> tuple[str, ...] | None:
        return await schools_of(stores.parties, reader.owner) if reader.role is Role.SCHOOL else None

    @router.get("")
    async def get_consignments(
        *,
        reader: Reader,
        status: ConsignmentStatus | None = None,
        programme: Name | None = None,
        country: Name | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Consignments, round after round: those in which a party takes part, or that are for its schools."""
        schools, where = await schools_seen(reader), filters_of(status=status, programme=programme, country=country)
        if schools is not None:
            where["state.schools.school"] = list(schools)
        elif not reader.is_staff:
            where["state.parties"] = reader.owner
        found = await find_consignments(stores.consignments, where, after=after, limit=limit + 1)
        return page(found, limit, lambda state: shown_to(state, reader.acts_for, schools))

    @router.get("/{round_id}")
    async def get_consignment(round_id: Name, reader: Reader) -> dict[str, Any]:
        """A consignment: where each of its parcels is, what waits for its turn, and what turned out not to be true."""
        schools, known = await schools_seen(reader), await stores.consignments.get(round_id)
        is_seen = known is not None and (
            consignment.takes_part(known, reader.acts_for) if schools is None else consignment.is_for(known, schools)
        )
        if known is None or not is_seen:
            raise problem_of(consignment.unknown_round(round_id))
        return shown_to(known, reader.acts_for, schools)


def _add_reports(router: APIRouter, stores: Stores, now: Callable[[], Now]) -> None:
    consignments = stores.consignments

    @router.post("/{round_id}/costs", openapi_extra=COMMAND)
    async def post_cost(round_id: Name, body: CostBody, act: Serving) -> JSONResponse:
        """A service was rendered for the round by the party of whom it was ordered: procurement pays by this report."""
        category, cost = Category(body.category), Cost(fen=body.fen, document=body.document, party=act.by or "")
        outcome = await consignments.change(
            round_id, lambda state: consignment.record_cost(state, category, cost, act.by), act.command
        )
        return answer_to(outcome)

    @router.post("/{round_id}/write-offs", openapi_extra=COMMAND)
    async def post_write_off(round_id: Name, body: WriteOffBody, act: Holding) -> JSONResponse:
        """Parcels were damaged or lost: the warehouse reports it until they leave, then a carrier of their shipment."""
        loss = body.loss()
        outcome = await consignments.change(
            round_id, lambda state: consignment.write_off(state, loss, act.by, now()), act.command
        )
        return answer_to(outcome)


def _add_school_reports(router: APIRouter, stores: Stores, now: Callable[[], Now]) -> None:
    consignments = stores.consignments

    @router.post("/{round_id}/deliveries", openapi_extra=COMMAND)
    async def post_delivery(round_id: Name, body: DeliveryBody, act: Taught) -> JSONResponse:
        """A school's proof, its own or its field partner's: what it accepted and rejected.

        Before its parcels are in transit it is parked; once they have left, what was proven before that is turned down.
        """
        if (refusal := await refuse_others_school(stores.parties, body.school, act)) is not None:
            raise problem_of(refusal)
        proof = body.proof()
        outcome = await consignments.change(
            round_id, lambda state: consignment.deliver(state, proof, now()), act.command
        )
        return answer_to(outcome)

    @router.post("/{round_id}/handouts", openapi_extra=COMMAND)
    async def post_handout(round_id: Name, body: HandoutBody, act: Taught) -> JSONResponse:
        """A school gave parcels to pupils. What is more than it has accepted so far is parked.

        Heads beyond its parcels, or beyond the school's enrolment over the round, are recorded and are no pupils
        reached: the answer tells how many (`pupils_over_reported`).
        """
        if (refusal := await refuse_others_school(stores.parties, body.school, act)) is not None:
            raise problem_of(refusal)
        handout = body.handout_report()
        outcome = await consignments.change(
            round_id, lambda state: consignment.hand_out(state, handout, now()), act.command
        )
        return answer_to(outcome)
