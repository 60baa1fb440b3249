"""A shipment: legs one after the other, and customs. It carries one round's parcels, all of them, and is named for it.

So the shipment's document is the claim on the round: whoever writes it first has booked, and nobody can take the name
of another round's. Nothing of a shipment can be reported before it is booked.

Carriers report late and out of order: a movement whose turn has not come is parked in the shipment, and applied when it
comes. Customs release a shipment once, whether they held it before or not.

`by` is the party that acts, None for staff, whom roles alone bound. A carrier reports its own legs; a hold any party of
the shipment; a release, which says what is to pay, the one of whom the duty was ordered. Of another's shipment a party
is told what it would be told of none.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import (
    CustomsHeld,
    CustomsReleased,
    Leg,
    LegArrived,
    LegDeparted,
    ShipmentArrived,
    ShipmentPlanned,
    shipment_name,
)
from pandapack.contracts.procurement import Category
from pandapack.decision import Decision, Refusal, RefusalKind
from services.logistics.domain.consignment.refusals import refuse_more_than_ordered
from services.logistics.domain.times import Now, is_before, refuse_time

LEGS_MAX = 12
"""More than any way from a warehouse to a school has. Each leg departs once and arrives once: so much can be parked."""
COUNTRY_CHARACTERS = 2


class ShipmentStatus(StrEnum):
    """`new`: nothing was booked yet, and nothing is kept."""

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


class Terms(NamedTuple):
    """What the consignment knows that bounds its shipment.

    `broker`: of whom the duty was ordered, for at most `duty_fen_max`; `packed_at`: before that nothing moved.
    """

    broker: str = ""
    duty_fen_max: int | None = None
    packed_at: str = ""


class Shipment(Part):
    """All that is known of a shipment. `country` is its destination's, ISO 3166-1.

    `parties`: who booked it, its carriers, and `broker`. That, `duty_fen_max` and `packed_at` are its `Terms`.
    """

    shipment: str
    status: ShipmentStatus = ShipmentStatus.NEW
    round: str = ""
    country: str = ""
    legs: tuple[ShipmentLeg, ...] = ()
    customs: tuple[CustomsStop, ...] = ()
    parked: tuple[Movement, ...] = ()
    broker: str = ""
    duty_fen_max: int | None = None
    packed_at: str = ""
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


def refuse_name(id: str, round: str) -> Refusal | None:
    """A round has one shipment, and that has one name."""
    if id == (name := shipment_name(round)):
        return None
    return Refusal("shipment_misnamed", f"the shipment of {round} is {name}, not {id}", RefusalKind.INVALID)


def plan(
    state: Shipment, round: str, legs: tuple[Leg, ...], terms: Terms, by: str | None
) -> Decision[Shipment] | Refusal:
    """A shipment is booked, once, by whoever may (`consignment.refuse_booking`)."""
    assert state.shipment == shipment_name(round), f"{state.shipment} is not the shipment of {round}"
    if state.status is not ShipmentStatus.NEW:
        detail = f"{round} is booked already: GET /v1/shipments/{state.shipment} shows on which legs"
        return Refusal("shipment_known", detail)
    for number, (before, after) in enumerate(pairwise(legs), 1):
        if before.destination != after.origin:
            detail = f"leg {number} ends at {before.destination}, leg {number + 1} begins at {after.origin}"
            return Refusal("legs_do_not_join", detail, RefusalKind.INVALID)
    country = country_of(legs)
    parties = {by or "", terms.broker, *(leg.carrier for leg in legs)} - {""}
    planned = state.model_copy(
        update={
            "status": ShipmentStatus.PLANNED,
            "round": round,
            "country": country,
            "legs": tuple(ShipmentLeg(leg=leg) for leg in legs),
            **terms._asdict(),
            "parties": tuple(sorted(parties)),
        }
    )
    shipment_planned = ShipmentPlanned(shipment=state.shipment, round=round, country=country, legs=legs)
    return _with_answer(Decision(planned, (shipment_planned,)), parked=False)


def report(state: Shipment, movement: Movement, by: str | None, now: Now) -> Decision[Shipment] | Refusal:
    """A carrier reports a departure or an arrival of its leg, perhaps before its turn."""
    refusal = (
        _refuse_stranger(state, by)
        or _refuse_movement(state, movement)
        or _refuse_others_leg(state, movement, by)
        or refuse_time(movement.at, state.packed_at, now)
        or _refuse_out_of_order(state, movement)
    )
    if refusal is not None:
        return refusal
    waiting = state.model_copy(update={"parked": (*state.parked, movement)})
    moved = _apply_parked(waiting, [])
    return _with_answer(moved, parked=movement in moved.state.parked)


def hold(state: Shipment, reason: str, at: str, by: str | None, now: Now) -> Decision[Shipment] | Refusal:
    """Customs keep the shipment."""
    refusal = _refuse_stranger(state, by) or _refuse_customs(state) or refuse_time(at, state.packed_at, now)
    if refusal is not None:
        return refusal
    if state.status is ShipmentStatus.HELD:
        return Refusal("held_already", f"{state.shipment} is held by customs already")
    stop = CustomsStop(held_at=at, reason=reason)
    held = state.model_copy(update={"status": ShipmentStatus.HELD, "customs": (*state.customs, stop)})
    customs_held = CustomsHeld(shipment=state.shipment, round=state.round, country=state.country, reason=reason, at=at)
    return _with_answer(Decision(held, (customs_held,)), parked=False)


class Release(NamedTuple):
    """Customs let a shipment go; `duty_fen` is what all of it costs, demurrage included. `at` is RFC 3339."""

    duty_fen: int
    document: str
    at: str


def release(state: Shipment, freed: Release, by: str | None, now: Now) -> Decision[Shipment] | Refusal:
    """Customs let the shipment go, once."""
    duty_fen, document, at = freed
    refusal = (
        _refuse_stranger(state, by)
        or _refuse_not_broker(state, by)
        or _refuse_customs(state)
        or refuse_time(at, state.packed_at, now)
        or _refuse_before_hold(state, at)
        or refuse_more_than_ordered(state.round, Category.DUTY, duty_fen, state.duty_fen_max)
    )
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
    return None if is_partys(state, by) else unknown_shipment(state.shipment)


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
    if _is_released(state):
        return Refusal("released_already", f"customs released {state.shipment} already")
    return None


def _refuse_movement(state: Shipment, movement: Movement) -> Refusal | None:
    if movement.leg > len(state.legs):
        detail = f"{state.shipment} has {len(state.legs)} legs, there is no leg {movement.leg}"
        return Refusal("leg_unknown", detail, RefusalKind.INVALID)
    known = (one for one in state.parked if (one.move, one.leg) == (movement.move, movement.leg))
    if next(known, None) is not None or _happened(state, movement):
        return Refusal("movement_known", f"the {movement.move} of leg {movement.leg} was reported before")
    return None


def _refuse_out_of_order(state: Shipment, movement: Movement) -> Refusal | None:
    """It would have happened after what follows it, or before what it follows, whether that is applied or parked."""
    for known in (*_happened_movements(state), *state.parked):
        first, second = sorted((movement, known), key=lambda one: (one.leg, one.move is Move.ARRIVAL))
        if is_before(second.at, first.at):
            detail = (
                f"the {first.move} of leg {first.leg} of {state.shipment} at {first.at} would be after the "
                f"{second.move} of leg {second.leg} at {second.at}: look at the dates and their zones"
            )
            return Refusal("at_out_of_order", detail, RefusalKind.INVALID)
    return None


def _refuse_before_hold(state: Shipment, at: str) -> Refusal | None:
    held_at = next((stop.held_at for stop in state.customs if stop.released_at is None), None)
    if held_at is None or not is_before(at, held_at):
        return None
    detail = f"customs cannot have released {state.shipment} at {at}, before they held it ({held_at})"
    return Refusal("at_out_of_order", detail, RefusalKind.INVALID)


def _happened_movements(state: Shipment) -> Iterator[Movement]:
    for number, leg in enumerate(state.legs, 1):
        for move, at in ((Move.DEPARTURE, leg.departed_at), (Move.ARRIVAL, leg.arrived_at)):
            if at is not None:
                yield Movement(move=move, leg=number, at=at)


def _happened(state: Shipment, movement: Movement) -> bool:
    leg = state.legs[movement.leg - 1]
    return (leg.departed_at if movement.move is Move.DEPARTURE else leg.arrived_at) is not None


def _is_next(state: Shipment, movement: Movement) -> bool:
    """Whether it is the movement's turn. What customs hold does not move."""
    if state.status is ShipmentStatus.HELD:
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
