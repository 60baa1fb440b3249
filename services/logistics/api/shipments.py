"""Shipments: booked, moved leg by leg, held and released by customs. Each party sees its own, and acts on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from pandapack.contracts.logistics import Leg
from pandapack.runtime.auth import STAFF_ROLES, Caller, Role, needs
from pandapack.runtime.http import answer_to, problem_of
from pandapack.runtime.openapi import COMMAND
from pandapack.runtime.paging import PAGE_DEFAULT, After, DocumentNumber, Limit, Name, filters_of, page
from pandapack.runtime.parties import Act, acting
from pandapack.runtime.store import Store
from services.logistics.api.bodies import COST_FEN_MAX, At, Body, Reason
from services.logistics.domain import shipment
from services.logistics.domain.shipment import LEGS_MAX, Move, Movement, Release, Shipment, ShipmentStatus
from services.logistics.domain.times import Now
from services.logistics.store import Stores, find_shipments
from services.logistics.work import book_shipment

Locode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[A-Z2-9]{3}$")]
"""UN/LOCODE."""
Reader = Annotated[Caller, Depends(needs(*STAFF_ROLES, Role.SUPPLIER, Role.CARRIER))]
Carrying = Annotated[Act, Depends(acting(Role.CARRIER))]
Serving = Annotated[Act, Depends(acting(Role.SUPPLIER, Role.CARRIER))]


class LegBody(Body):
    """One movement, by a registered carrier. `document` is its transport document: bill of lading, CMR note, …"""

    mode: Literal["road", "sea", "air", "rail"]
    carrier: Name
    document: DocumentNumber
    origin: Locode
    destination: Locode


class ShipmentBody(Body):
    """A booking: legs that join end to end. `shipment` is the round's name behind `SH-`: a round has one shipment."""

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

    reason: Reason
    at: At


class ReleaseBody(Body):
    """What is to pay (duty, demurrage included), by which document, and when the shipment was let go."""

    duty_fen: Annotated[int, Field(ge=0, le=COST_FEN_MAX, strict=True)]
    document: DocumentNumber
    at: At


BOUNDS = ("duty_fen_max", "packed_at")
"""What holds reports in bounds: the orders' business, not the carriers'."""


def shown_shipment(state: Shipment) -> dict[str, Any]:
    """A shipment as JSON: each leg with when it went and came."""
    fields = state.model_dump(mode="json", exclude={"legs", *BOUNDS})
    arrived_at = state.legs[-1].arrived_at if state.legs else None
    legs = [
        {**one.leg.model_dump(), "departed_at": one.departed_at, "arrived_at": one.arrived_at} for one in state.legs
    ]
    return {**fields, "legs": legs, "arrived_at": arrived_at}


def shipments_router(stores: Stores, now: Callable[[], Now]) -> APIRouter:
    """`/shipments`."""
    router = APIRouter(prefix="/shipments", tags=["shipments"])
    _add_reads(router, stores.shipments)
    _add_movements(router, stores, now)
    _add_customs(router, stores.shipments, now)
    return router


def _add_reads(router: APIRouter, shipments: Store[Shipment]) -> None:
    @router.get("")
    async def get_shipments(
        *,
        reader: Reader,
        round: Name | None = None,
        status: ShipmentStatus | None = None,
        parked: bool = False,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Shipments, by id: those that a party booked, carries or clears, all for staff.

        `parked`: only those with movements that wait for their turn.
        """
        own = {} if reader.is_staff else {"state.parties": reader.owner}
        waiting = {"state.parked.move": list(Move)} if parked else {}
        where = filters_of(round=round, status=status) | waiting | own
        return page(await find_shipments(shipments, where, after=after, limit=limit + 1), limit, shown_shipment)

    @router.get("/{shipment_id}")
    async def get_shipment(shipment_id: Name, reader: Reader) -> dict[str, Any]:
        """A shipment: where it is, and what customs did."""
        known = await shipments.get(shipment_id)
        if known is None or not shipment.is_partys(known, reader.acts_for):
            raise problem_of(shipment.unknown_shipment(shipment_id))
        return shown_shipment(known)


def _add_movements(router: APIRouter, stores: Stores, now: Callable[[], Now]) -> None:
    shipments = stores.shipments

    @router.post("", status_code=201, openapi_extra=COMMAND)
    async def post_shipment(body: ShipmentBody, act: Serving) -> JSONResponse:
        """Books a round's shipment, once: by whom its freight was ordered of, on registered carriers' legs."""
        outcome = await book_shipment(stores, body.shipment, body.round, body.planned(), act)
        return answer_to(outcome, status=201)

    @router.post("/{shipment_id}/departures", openapi_extra=COMMAND)
    async def post_departure(shipment_id: Name, body: MovementBody, act: Carrying) -> JSONResponse:
        """A leg's carrier took the shipment over. Reported before its turn, it is parked."""
        return await _report(shipment_id, Move.DEPARTURE, body, act)

    @router.post("/{shipment_id}/arrivals", openapi_extra=COMMAND)
    async def post_arrival(shipment_id: Name, body: MovementBody, act: Carrying) -> JSONResponse:
        """A leg's carrier handed the shipment over. Reported before its turn, it is parked."""
        return await _report(shipment_id, Move.ARRIVAL, body, act)

    async def _report(shipment_id: str, move: Move, body: MovementBody, act: Act) -> JSONResponse:
        movement = Movement(move=move, leg=body.leg, at=body.at.isoformat())
        outcome = await shipments.change(
            shipment_id, lambda state: shipment.report(state, movement, act.by, now()), act.command
        )
        return answer_to(outcome)


def _add_customs(router: APIRouter, shipments: Store[Shipment], now: Callable[[], Now]) -> None:
    @router.post("/{shipment_id}/customs-holds", openapi_extra=COMMAND)
    async def post_hold(shipment_id: Name, body: HoldBody, act: Serving) -> JSONResponse:
        """Customs keep the shipment."""
        outcome = await shipments.change(
            shipment_id,
            lambda state: shipment.hold(state, body.reason, body.at.isoformat(), act.by, now()),
            act.command,
        )
        return answer_to(outcome)

    @router.post("/{shipment_id}/customs-releases", openapi_extra=COMMAND)
    async def post_release(shipment_id: Name, body: ReleaseBody, act: Serving) -> JSONResponse:
        """Customs let the shipment go: the party of whom the duty was ordered reports it, and what it cost."""
        released = Release(duty_fen=body.duty_fen, document=body.document, at=body.at.isoformat())
        outcome = await shipments.change(
            shipment_id, lambda state: shipment.release(state, released, act.by, now()), act.command
        )
        return answer_to(outcome)
