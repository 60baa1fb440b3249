"""Shipments: booked, moved leg by leg, held and released by customs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from pandapack.contracts.logistics import Leg
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem, answer_to, command_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, Reader, filters_of, page
from pandapack.runtime.store import Command, Store
from services.logistics.api.bodies import COST_FEN_MAX, At, Body, Party, Remark
from services.logistics.domain import shipment
from services.logistics.domain.shipment import LEGS_MAX, Move, Movement, Shipment, ShipmentStatus
from services.logistics.store import find_shipments

Locode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[A-Z2-9]{3}$")]
"""UN/LOCODE."""
Carrier = Depends(needs(Role.CARRIER))


class LegBody(Body):
    """One movement. `document` is its transport document: bill of lading, CMR note, air waybill."""

    mode: Literal["road", "sea", "air", "rail"]
    carrier: Party
    document: DocumentNumber
    origin: Locode
    destination: Locode


class ShipmentBody(Body):
    """A booking: legs that join end to end."""

    shipment: Name
    round: Name
    legs: Annotated[tuple[LegBody, ...], Field(min_length=1, max_length=LEGS_MAX)]

    def planned(self) -> tuple[Leg, ...]:
        """The legs as the contract has them."""
        return tuple(Leg(**leg.model_dump()) for leg in self.legs)


class MovementBody(Body):
    """A leg, counted from 1, and when."""

    leg: Annotated[int, Field(ge=1, le=LEGS_MAX, strict=True)]
    at: At


class HoldBody(Body):
    """Why customs keep the shipment, and since when."""

    reason: Remark
    at: At


class ReleaseBody(Body):
    """What is to pay (duty, demurrage included), by which document, and when the shipment was let go."""

    duty_fen: Annotated[int, Field(ge=0, le=COST_FEN_MAX, strict=True)]
    document: DocumentNumber
    at: At


def shown_shipment(state: Shipment) -> dict[str, Any]:
    """A shipment as JSON: each leg with when it went and came."""
    fields = state.model_dump(mode="json", exclude={"legs"})
    arrived_at = state.legs[-1].arrived_at if state.legs else None
    legs = [
        {**one.leg.model_dump(), "departed_at": one.departed_at, "arrived_at": one.arrived_at} for one in state.legs
    ]
    return {**fields, "legs": legs, "arrived_at": arrived_at}


def shipments_router(shipments: Store[Shipment]) -> APIRouter:
    """`/shipments`."""
    router = APIRouter(prefix="/shipments", tags=["shipments"])

    @router.get("")
    async def get_shipments(
        *,
        reader: Reader,
        round: Name | None = None,
        status: ShipmentStatus | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Shipments, by id."""
        where = filters_of(round=round, status=status)
        return page(await find_shipments(shipments, where, after=after, limit=limit + 1), limit, shown_shipment)

    @router.get("/{shipment_id}")
    async def get_shipment(shipment_id: Name, reader: Reader) -> dict[str, Any]:
        """A shipment: where it is, and what customs did."""
        known = await shipments.get(shipment_id)
        if known is None or known.status is ShipmentStatus.NEW:
            raise Problem(404, "shipment_unknown", f"there is no shipment {shipment_id}")
        return shown_shipment(known)

    @router.post("", status_code=201, dependencies=[Carrier])
    async def post_shipment(body: ShipmentBody, command: Annotated[Command, Depends(command_of)]) -> JSONResponse:
        """Books a shipment for a round."""
        outcome = await shipments.change(
            body.shipment, lambda state: shipment.plan(state, body.round, body.planned()), command
        )
        return answer_to(outcome, status=201)

    @router.post("/{shipment_id}/departures", dependencies=[Carrier])
    async def post_departure(
        shipment_id: Name, body: MovementBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A carrier took the shipment over. Reported before its turn, it is parked."""
        return await _report(shipment_id, Move.DEPARTURE, body, command)

    @router.post("/{shipment_id}/arrivals", dependencies=[Carrier])
    async def post_arrival(
        shipment_id: Name, body: MovementBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """A carrier handed the shipment over. Reported before its turn, it is parked."""
        return await _report(shipment_id, Move.ARRIVAL, body, command)

    async def _report(shipment_id: str, move: Move, body: MovementBody, command: Command) -> JSONResponse:
        movement = Movement(move=move, leg=body.leg, at=body.at.isoformat())
        outcome = await shipments.change(shipment_id, lambda state: shipment.report(state, movement), command)
        return answer_to(outcome)

    _add_customs(router, shipments)
    return router


def _add_customs(router: APIRouter, shipments: Store[Shipment]) -> None:
    @router.post("/{shipment_id}/customs-holds", dependencies=[Carrier])
    async def post_hold(
        shipment_id: Name, body: HoldBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Customs keep the shipment."""
        outcome = await shipments.change(
            shipment_id, lambda state: shipment.hold(state, body.reason, body.at.isoformat()), command
        )
        return answer_to(outcome)

    @router.post("/{shipment_id}/customs-releases", dependencies=[Carrier])
    async def post_release(
        shipment_id: Name, body: ReleaseBody, command: Annotated[Command, Depends(command_of)]
    ) -> JSONResponse:
        """Customs let the shipment go: the round's duty is known."""
        outcome = await shipments.change(
            shipment_id,
            lambda state: shipment.release(state, body.duty_fen, body.document, body.at.isoformat()),
            command,
        )
        return answer_to(outcome)
