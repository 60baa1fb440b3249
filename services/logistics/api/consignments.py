"""Consignments, and what warehouses, carriers and schools report of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from pandapack.contracts.logistics import ParcelState
from pandapack.contracts.procurement import Category
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem, answer_to, command_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, Reader, filters_of, page
from pandapack.runtime.store import Command, Store
from services.logistics.api.bodies import COST_FEN_MAX, At, Body, Party, Remark
from services.logistics.domain import consignment
from services.logistics.domain.consignment import (
    Consignment,
    ConsignmentStatus,
    Cost,
    Delivery,
    Handout,
    PupilsReached,
    SchoolRange,
)
from services.logistics.store import find_consignments

ORDINAL_MAX = 9_999

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
    reason: Remark
    at: At


class DeliveryBody(Body):
    """A school's proof of delivery. `gave` and `received` name offices, never a pupil; `document` is its SHA-256."""

    delivery: DocumentNumber
    school: Name
    accepted: Ordinals = ()
    rejected: Ordinals = ()
    reason: Remark | None = None
    gave: Party
    received: Party
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
        "costs": {category.value: cost.fen for category, cost in state.costs.items()},
    }


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


def consignments_router(consignments: Store[Consignment]) -> APIRouter:
    """`/consignments`."""
    router = APIRouter(prefix="/consignments", tags=["consignments"])
    _add_reads(router, consignments)
    _add_reports(router, consignments)
    return router


def _add_reads(router: APIRouter, consignments: Store[Consignment]) -> None:
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
        """Consignments, round after round."""
        where = filters_of(status=status, programme=programme, country=country)
        found = await find_consignments(consignments, where, after=after, limit=limit + 1)
        return page(found, limit, shown_consignment)

    @router.get("/{round_id}")
    async def get_consignment(round_id: Name, reader: Reader) -> dict[str, Any]:
        """A consignment: where each of its parcels is. It is `new` while only reports of it are known, all parked."""
        known = await consignments.get(round_id)
        if known is None:
            raise Problem(404, "round_unknown", f"no parcel of {round_id} is packed yet")
        return shown_consignment(known)


def _add_reports(router: APIRouter, consignments: Store[Consignment]) -> None:
    @router.post("/{round_id}/costs", dependencies=[Depends(needs(Role.CARRIER))])
    async def post_cost(
        round_id: Name, body: CostBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A service was rendered for the round: procurement pays it by this report."""
        category, cost = Category(body.category), Cost(fen=body.fen, document=body.document)
        outcome = await consignments.change(
            round_id, lambda state: consignment.record_cost(state, category, cost), command
        )
        return answer_to(outcome)

    @router.post("/{round_id}/write-offs", dependencies=[Depends(needs(Role.WAREHOUSE, Role.CARRIER))])
    async def post_write_off(
        round_id: Name, body: WriteOffBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Parcels were damaged or lost, in the warehouse or on the way."""
        now, at = ParcelState(body.now), body.at.isoformat()
        outcome = await consignments.change(
            round_id,
            lambda state: consignment.write_off(state, body.report, body.ordinals, now, body.reason, at),
            command,
        )
        return answer_to(outcome)

    @router.post("/{round_id}/deliveries", dependencies=[Depends(needs(Role.SCHOOL, Role.CARRIER))])
    async def post_delivery(
        round_id: Name, body: DeliveryBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A school's proof: what it accepted and rejected. Before its parcels are in transit it is parked."""
        proof = body.proof()
        outcome = await consignments.change(round_id, lambda state: consignment.deliver(state, proof), command)
        return answer_to(outcome)

    @router.post("/{round_id}/handouts", dependencies=[Depends(needs(Role.SCHOOL))])
    async def post_handout(
        round_id: Name, body: HandoutBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A school gave parcels to pupils. What is more than it has accepted so far is parked.

        Heads beyond its parcels, or beyond the school's enrolment over the round, are recorded and are no pupils
        reached: the answer tells how many (`pupils_over_reported`).
        """
        handout = body.handout_report()
        outcome = await consignments.change(round_id, lambda state: consignment.hand_out(state, handout), command)
        return answer_to(outcome)
