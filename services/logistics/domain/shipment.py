"""A shipment: legs one after the other, and customs. It carries one round's parcels.

Carriers report late and out of order: a movement whose turn has not come is parked in the shipment, and applied when it
comes. Customs release a shipment once, whether they held it before or not.

`by` is the party that acts, None for staff, whom roles alone bound. A carrier reports its own legs; a hold any party of
the shipment; a release, which says what is to pay, the one of whom the duty was ordered. Of another's shipment a party
is told what it would be told of none, so that none of it can be reported before it is booked.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import (
    CustomsHeld,
    CustomsReleased,
    Leg,
    LegArrived,
    LegDeparted,
    ShipmentArrived,
    ShipmentPlanned,
)
from pandapack.decision import Decision, Refusal, RefusalKind

LEGS_MAX = 12
PARKED_MAX = 2 * LEGS_MAX
COUNTRY_CHARACTERS = 2


class ShipmentStatus(StrEnum):
    """`new`: nothing was planned yet; what staff report is parked."""

    NEW = "new"
    PLANNED = "planned"
    MOVING = "moving"
    HELD = "held"
    ARRIVED = "arrived"


class Move(StrEnum):
    """What a carrier reports of a leg."""

    DEPARTURE = "departure"
    ARRIVAL = "arrival"


class Movement(Part):
    """One report of one leg, counted from 1. `at` is RFC 3339."""

    move: Move
    leg: int
    at: str


class ShipmentLeg(Part):
    """A leg, and when the shipment went and came."""

    leg: Leg
    departed_at: str | None = None
    arrived_at: str | None = None


class CustomsStop(Part):
    """A hold, or a release without one; `released_at` None: it is held."""

    held_at: str | None = None
    reason: str | None = None
    released_at: str | None = None
    duty_fen: int = 0
    document: str | None = None


class Shipment(Part):
    """All that is known of a shipment. `country` is its destination's, ISO 3166-1.

    `parties`: who booked it, its carriers, and `broker`, of whom the duty was ordered.
    """

    shipment: str
    status: ShipmentStatus = ShipmentStatus.NEW
    round: str = ""
    country: str = ""
    legs: tuple[ShipmentLeg, ...] = ()
    customs: tuple[CustomsStop, ...] = ()
    parked: tuple[Movement, ...] = ()
    broker: str = ""
    parties: tuple[str, ...] = ()


def is_partys(state: Shipment, by: str | None) -> bool:
    """Whether the shipment is one of this party's. `by` None: staff."""
    return state.status is not ShipmentStatus.NEW and (by is None or by in state.parties)


def unknown_shipment(id: str) -> Refusal:
    """There is no such shipment, or none of the caller's: the same is told of both."""
    return Refusal("shipment_unknown", f"there is no shipment {id}", RefusalKind.NOT_FOUND)


def country_of(legs: tuple[Leg, ...]) -> str:
    """Where the last leg ends, ISO 3166-1."""
    return legs[-1].destination[:COUNTRY_CHARACTERS]


def plan(
    state: Shipment, round: str, legs: tuple[Leg, ...], *, broker: str, by: str | None
) -> Decision[Shipment] | Refusal:
    """A shipment is booked by whoever may (`consignment.refuse_booking`). `broker` releases it from customs."""
    if state.status is not ShipmentStatus.NEW:
        detail = f"there is a shipment {state.shipment} already: give this one its own id"
        return Refusal("shipment_known", detail)
    for number, (before, after) in enumerate(pairwise(legs), 1):
        if before.destination != after.origin:
            detail = f"leg {number} ends at {before.destination}, leg {number + 1} begins at {after.origin}"
            return Refusal("legs_do_not_join", detail, RefusalKind.INVALID)
    country = country_of(legs)
    parties = {by or "", broker, *(leg.carrier for leg in legs)} - {""}
    planned = state.model_copy(
        update={
            "status": ShipmentStatus.PLANNED,
            "round": round,
            "country": country,
            "legs": tuple(ShipmentLeg(leg=leg) for leg in legs),
            "broker": broker,
            "parties": tuple(sorted(parties)),
        }
    )
    shipment_planned = ShipmentPlanned(shipment=state.shipment, round=round, country=country, legs=legs)
    return _with_answer(_apply_parked(planned, [shipment_planned]), parked=False)


def report(state: Shipment, movement: Movement, by: str | None) -> Decision[Shipment] | Refusal:
    """A carrier reports a departure or an arrival of its leg, perhaps before its turn."""
    refusal = (
        _refuse_stranger(state, by) or _refuse_movement(state, movement) or _refuse_others_leg(state, movement, by)
    )
    if refusal is not None:
        return refusal
    waiting = state.model_copy(update={"parked": (*state.parked, movement)})
    moved = _apply_parked(waiting, [])
    return _with_answer(moved, parked=movement in moved.state.parked)


def hold(state: Shipment, reason: str, at: str, by: str | None) -> Decision[Shipment] | Refusal:
    """Customs keep the shipment."""
    if (refusal := _refuse_stranger(state, by) or _refuse_customs(state)) is not None:
        return refusal
    if state.status is ShipmentStatus.HELD:
        return Refusal("held_already", f"{state.shipment} is held by customs already")
    stop = CustomsStop(held_at=at, reason=reason)
    held = state.model_copy(update={"status": ShipmentStatus.HELD, "customs": (*state.customs, stop)})
    customs_held = CustomsHeld(shipment=state.shipment, round=state.round, country=state.country, reason=reason, at=at)
    return _with_answer(Decision(held, (customs_held,)), parked=False)


def release(state: Shipment, duty_fen: int, document: str, at: str, by: str | None) -> Decision[Shipment] | Refusal:
    """Customs let the shipment go; `duty_fen` is what all of it costs, demurrage included."""
    refusal = _refuse_stranger(state, by) or _refuse_not_broker(state, by) or _refuse_customs(state)
    if refusal is not None:
        return refusal
    is_held = state.status is ShipmentStatus.HELD
    before = state.customs[:-1] if is_held else state.customs
    stop = (state.customs[-1] if is_held else CustomsStop()).model_copy(
        update={"released_at": at, "duty_fen": duty_fen, "document": document}
    )
    status = _status_of(state.legs)
    released = state.model_copy(update={"status": status, "customs": (*before, stop)})
    customs_released = CustomsReleased(
        shipment=state.shipment,
        round=state.round,
        country=state.country,
        duty_fen=duty_fen,
        at=at,
        document=document,
        party=by or "",
    )
    return _with_answer(_apply_parked(released, [customs_released]), parked=False)


def _status_of(legs: tuple[ShipmentLeg, ...]) -> ShipmentStatus:
    if legs[-1].arrived_at is not None:
        return ShipmentStatus.ARRIVED
    return ShipmentStatus.MOVING if legs[0].departed_at is not None else ShipmentStatus.PLANNED


def _is_released(state: Shipment) -> bool:
    return any(stop.released_at is not None for stop in state.customs)


def _refuse_stranger(state: Shipment, by: str | None) -> Refusal | None:
    return None if by is None or is_partys(state, by) else unknown_shipment(state.shipment)


def _refuse_others_leg(state: Shipment, movement: Movement, by: str | None) -> Refusal | None:
    if by is None or by == state.legs[movement.leg - 1].leg.carrier:
        return None
    detail = f"leg {movement.leg} of {state.shipment} is another carrier's, which reports it"
    return Refusal("leg_of_another", detail, RefusalKind.FORBIDDEN)


def _refuse_not_broker(state: Shipment, by: str | None) -> Refusal | None:
    if by in (None, state.broker):
        return None
    detail = f"the duty of {state.round} was ordered of another party, which reports the release of {state.shipment}"
    return Refusal("not_ordered", detail, RefusalKind.FORBIDDEN)


def _refuse_customs(state: Shipment) -> Refusal | None:
    if state.status is ShipmentStatus.NEW:
        return unknown_shipment(state.shipment)
    if _is_released(state):
        return Refusal("released_already", f"customs released {state.shipment} already")
    return None


def _refuse_movement(state: Shipment, movement: Movement) -> Refusal | None:
    if state.status is not ShipmentStatus.NEW and movement.leg > len(state.legs):
        detail = f"{state.shipment} has {len(state.legs)} legs, there is no leg {movement.leg}"
        return Refusal("leg_unknown", detail, RefusalKind.INVALID)
    known = (one for one in state.parked if (one.move, one.leg) == (movement.move, movement.leg))
    if next(known, None) is not None or _happened(state, movement):
        return Refusal("movement_known", f"the {movement.move} of leg {movement.leg} was reported before")
    if len(state.parked) >= PARKED_MAX:
        return Refusal("parked_too_many", f"{PARKED_MAX} reports of {state.shipment} wait already: plan it first")
    return None


def _happened(state: Shipment, movement: Movement) -> bool:
    if movement.leg > len(state.legs):
        return False
    leg = state.legs[movement.leg - 1]
    return (leg.departed_at if movement.move is Move.DEPARTURE else leg.arrived_at) is not None


def _is_next(state: Shipment, movement: Movement) -> bool:
    """Whether it is the movement's turn. What customs hold does not move."""
    if movement.leg > len(state.legs) or state.status in (ShipmentStatus.NEW, ShipmentStatus.HELD):
        return False
    leg = state.legs[movement.leg - 1]
    if movement.move is Move.ARRIVAL:
        return leg.departed_at is not None
    return movement.leg == 1 or state.legs[movement.leg - 2].arrived_at is not None


def _apply_parked(state: Shipment, events: list[Event]) -> Decision[Shipment]:
    """Applies what is parked for as long as one of it has its turn."""
    while (movement := next((one for one in state.parked if _is_next(state, one)), None)) is not None:
        state, following = _move(state, movement)
        events = [*events, *following]
    return Decision(state, tuple(events))


def _move(state: Shipment, movement: Movement) -> tuple[Shipment, list[Event]]:
    named = {"shipment": state.shipment, "round": state.round, "country": state.country}
    is_departure = movement.move is Move.DEPARTURE
    field = "departed_at" if is_departure else "arrived_at"
    legs = tuple(
        leg.model_copy(update={field: movement.at}) if number == movement.leg else leg
        for number, leg in enumerate(state.legs, 1)
    )
    events: list[Event] = []
    if is_departure:
        events.append(LegDeparted(**named, leg=movement.leg, at=movement.at))
    else:
        events.append(LegArrived(**named, leg=movement.leg, at=movement.at))
        if movement.leg == len(legs):
            events.append(ShipmentArrived(**named, at=movement.at))
    parked = tuple(one for one in state.parked if one != movement)
    return state.model_copy(update={"legs": legs, "status": _status_of(legs), "parked": parked}), events


def _with_answer(decision: Decision[Shipment], *, parked: bool) -> Decision[Shipment]:
    state = decision.state
    answer: dict[str, object] = {
        "shipment": state.shipment,
        "round": state.round,
        "status": state.status.value,
        "parked": parked,
    }
    return Decision(state, decision.events, answer)
