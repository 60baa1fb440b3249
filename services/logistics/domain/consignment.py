"""A consignment: the parcels of one round, from the warehouse to the pupils. Its id is the round's.

Each parcel is in exactly one state, always: warehouse or in transit until it has ended, and then accepted, rejected,
damaged or lost. What is reported before its turn is parked here and applied when its turn comes, so that the end does
not depend on the order in which schools, carriers and Kafka tell things.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import (
    ConsignmentClosed,
    ConsignmentOpened,
    CostIncurred,
    CustomsReleased,
    LegDeparted,
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelsStored,
    ParcelState,
)
from pandapack.contracts.procurement import Category, ParcelsPacked, SchoolShare
from pandapack.decision import Decision

REPORTED_COSTS = (Category.FREIGHT, Category.INSURANCE, Category.DUTY)
"""Without these the round cannot be closed: procurement pays them by our report."""
OPEN_STATES = (ParcelState.WAREHOUSE, ParcelState.IN_TRANSIT)
FIRST_LEG = 1


class ConsignmentStatus(StrEnum):
    """`new`: no parcel was packed yet, as far as is heard; reports may be parked."""

    NEW = "new"
    OPEN = "open"
    CLOSED = "closed"


class Delivery(Part):
    """A proof of delivery. `gave` and `received` are offices, never pupils; `document` is the proof's SHA-256."""

    delivery: str
    school: str
    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    reason: str | None = None
    gave: str
    received: str
    document: str
    at: str

    @property
    def named(self) -> tuple[int, ...]:
        """All parcels of the proof."""
        return (*self.accepted, *self.rejected)


class Handout(Part):
    """Parcels given to pupils: headcounts."""

    handout: str
    school: str
    parcels: int
    girls: int
    boys: int
    at: str


class Cost(Part):
    """What a service cost for the whole round."""

    fen: int
    document: str


class Departure(Part):
    """The shipment left; its parcels are dispatched once all are stored."""

    shipment: str
    at: str


class Reached(Part):
    """A school's sums of what was applied."""

    handed_out: int = 0
    pupils: int = 0


class Consignment(Part):
    """All that is known. `ended`: state → ordinals; every other parcel up to `stored` is in `open_state`."""

    round: str
    status: ConsignmentStatus = ConsignmentStatus.NEW
    programme: str = ""
    country: str = ""
    specification: str = ""
    round_parcels: int = 0
    schools: tuple[SchoolShare, ...] = ()
    stored: int = 0
    departure: Departure | None = None
    dispatched: bool = False
    ended: dict[ParcelState, tuple[int, ...]] = {}
    written_off: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    handouts: tuple[Handout, ...] = ()
    parked_deliveries: tuple[Delivery, ...] = ()
    parked_handouts: tuple[Handout, ...] = ()
    reached: dict[str, Reached] = {}
    costs: dict[Category, Cost] = {}
    costs_said: tuple[Category, ...] = ()


class SchoolRange(Part):
    """Parcels `first_ordinal` … `first_ordinal + parcels - 1` go to the school."""

    share: SchoolShare
    first_ordinal: int

    def holds(self, ordinal: int) -> bool:
        return self.first_ordinal <= ordinal < self.first_ordinal + self.share.parcels


def ranges(state: Consignment) -> list[SchoolRange]:
    """The schools with the ordinals that were dealt to them."""
    found, first = [], 1
    for share in state.schools:
        found.append(SchoolRange(share=share, first_ordinal=first))
        first += share.parcels
    return found


def range_of(state: Consignment, school: str) -> SchoolRange | None:
    """A school's parcels, or None where the round has none for it."""
    return next((one for one in ranges(state) if one.share.school == school), None)


def open_state(state: Consignment) -> ParcelState:
    """Where parcels are that have not ended."""
    return ParcelState.IN_TRANSIT if state.dispatched else ParcelState.WAREHOUSE


def ended_ordinals(state: Consignment) -> set[int]:
    """The parcels that have found their end."""
    return {ordinal for ordinals in state.ended.values() for ordinal in ordinals}


def counts(state: Consignment) -> dict[ParcelState, int]:
    """Parcels by state; together they are `stored`. Asserts the parcel law: each ordinal is in exactly one state."""
    by_state = {one: len(state.ended.get(one, ())) for one in ParcelState}
    gone = ended_ordinals(state)
    assert not any(by_state[one] for one in OPEN_STATES), f"{state.round}: a parcel has ended where none ends"
    assert len(gone) == sum(by_state.values()), f"{state.round}: a parcel is in two states"
    assert not gone or 1 <= min(gone) <= max(gone) <= state.stored, f"{state.round}: a parcel that was never stored"
    by_state[open_state(state)] = state.stored - len(gone)
    return by_state


def ordinals(state: Consignment) -> dict[ParcelState, tuple[int, ...]]:
    """Which parcels are in which state, in order."""
    gone = ended_ordinals(state)
    unfinished = tuple(one for one in range(1, state.stored + 1) if one not in gone)
    by_state = {one: state.ended.get(one, ()) for one in ParcelState}
    return by_state | {open_state(state): unfinished}


def store(state: Consignment, event: ParcelsPacked) -> Decision[Consignment]:
    """Packed parcels are taken into the warehouse."""
    assert event.first_ordinal == state.stored + 1, f"{state.round} has {state.stored}, then {event.first_ordinal}"
    named = {"round": state.round, "programme": event.programme, "country": event.country}
    events: list[Event] = []
    if state.status is ConsignmentStatus.NEW:
        events.append(ConsignmentOpened(**named, round_parcels=event.round_parcels))
    events.append(ParcelsStored(**named, first_ordinal=event.first_ordinal, count=event.count))
    stored = state.model_copy(
        update={
            "status": ConsignmentStatus.OPEN,
            "programme": event.programme,
            "country": event.country,
            "specification": event.specification,
            "round_parcels": event.round_parcels,
            "schools": event.schools,
            "stored": state.stored + event.count,
        }
    )
    assert stored.stored <= stored.round_parcels, f"{state.round} has more parcels than it was funded for"
    return settled(stored, events)


def hear_departure(state: Consignment, event: LegDeparted) -> Decision[Consignment]:
    """The shipment's first leg began: its parcels leave the warehouse once all of them are there."""
    if event.leg != FIRST_LEG or state.departure is not None:
        return Decision(state)
    departure = Departure(shipment=event.shipment, at=event.at)
    return settled(state.model_copy(update={"departure": departure}), [])


def hear_release(state: Consignment, event: CustomsReleased) -> Decision[Consignment]:
    """Customs let the shipment go: duty, with demurrage, is what it cost."""
    if Category.DUTY in state.costs:
        return Decision(state)
    cost = Cost(fen=event.duty_fen, document=event.document or event.shipment)
    return settled(with_cost(state, Category.DUTY, cost), [])


def with_cost(state: Consignment, category: Category, cost: Cost) -> Consignment:
    """The consignment once a cost is known; it is said once the consignment is open (`settled`)."""
    return state.model_copy(update={"costs": state.costs | {category: cost}})


def settled(state: Consignment, events: Iterable[Event]) -> Decision[Consignment]:
    """Applies all whose turn has come, says what could not be said before, and closes what is over."""
    said = list(events)
    state, incurred = _costed(state)
    said += incurred
    state, dispatched = _dispatched(state)
    said += dispatched
    state, delivered = _delivered(state)
    said += delivered
    state, handed_out = _handed_out(state)
    said += handed_out
    return _closed_if_over(state, said)


def _costed(state: Consignment) -> tuple[Consignment, list[Event]]:
    unsaid = sorted(category for category in state.costs if category not in state.costs_said)
    if state.status is ConsignmentStatus.NEW or not unsaid:
        return state, []
    said: list[Event] = [
        CostIncurred(
            round=state.round,
            programme=state.programme,
            country=state.country,
            category=category,
            fen=state.costs[category].fen,
            document=state.costs[category].document,
        )
        for category in unsaid
    ]
    return state.model_copy(update={"costs_said": (*state.costs_said, *unsaid)}), said


def _dispatched(state: Consignment) -> tuple[Consignment, list[Event]]:
    departure = state.departure
    complete = state.status is ConsignmentStatus.OPEN and state.stored == state.round_parcels
    if departure is None or state.dispatched or not complete:
        return state, []
    leaving = counts(state)[ParcelState.WAREHOUSE]
    said = ParcelsDispatched(
        round=state.round,
        programme=state.programme,
        country=state.country,
        shipment=departure.shipment,
        count=leaving,
        at=departure.at,
    )
    return state.model_copy(update={"dispatched": True}), [said]


def _delivered(state: Consignment) -> tuple[Consignment, list[Event]]:
    said: list[Event] = []
    if not state.dispatched:
        return state, said
    gone = ended_ordinals(state)
    # The earliest first: which of two proofs of one parcel is applied must not depend on the order of arrival.
    for delivery in sorted(state.parked_deliveries, key=lambda one: (one.at, one.delivery)):
        share = range_of(state, delivery.school)
        if share is not None and all(share.holds(one) and one not in gone for one in delivery.named):
            gone.update(delivery.named)
            state = _with_delivery(state, delivery)
            said.append(_delivery_event(state, delivery))
    return state, said


def _with_delivery(state: Consignment, delivery: Delivery) -> Consignment:
    ended = with_ended(state.ended, ParcelState.ACCEPTED, delivery.accepted)
    return state.model_copy(
        update={
            "ended": with_ended(ended, ParcelState.REJECTED, delivery.rejected),
            "deliveries": (*state.deliveries, delivery),
            "parked_deliveries": tuple(one for one in state.parked_deliveries if one != delivery),
        }
    )


def _delivery_event(state: Consignment, delivery: Delivery) -> ParcelsDelivered:
    share = range_of(state, delivery.school)
    assert share is not None
    return ParcelsDelivered(
        round=state.round,
        programme=state.programme,
        country=state.country,
        school=delivery.school,
        district=share.share.district,
        delivery=delivery.delivery,
        accepted=delivery.accepted,
        rejected=delivery.rejected,
        reason=delivery.reason,
        at=delivery.at,
        document=delivery.document,
    )


def with_ended(
    ended: dict[ParcelState, tuple[int, ...]], now: ParcelState, ordinals: Iterable[int]
) -> dict[ParcelState, tuple[int, ...]]:
    """State → ordinals, once these parcels have ended so."""
    more = tuple(sorted((*ended.get(now, ()), *ordinals)))
    return ended | {now: more} if more else ended


def _handed_out(state: Consignment) -> tuple[Consignment, list[Event]]:
    said: list[Event] = []
    accepted: Counter[str] = Counter()
    for delivery in state.deliveries:
        accepted[delivery.school] += len(delivery.accepted)
    # The smallest first, by id where equal: which of several are applied must not depend on the order of arrival.
    for handout in sorted(state.parked_handouts, key=lambda one: (one.parcels, one.handout)):
        share = range_of(state, handout.school)
        reached = state.reached.get(handout.school, Reached())
        if share is None or reached.handed_out + handout.parcels > accepted[handout.school]:
            continue
        grown = Reached(
            handed_out=reached.handed_out + handout.parcels, pupils=reached.pupils + handout.girls + handout.boys
        )
        state = state.model_copy(
            update={
                "reached": state.reached | {handout.school: grown},
                "handouts": (*state.handouts, handout),
                "parked_handouts": tuple(one for one in state.parked_handouts if one != handout),
            }
        )
        said.append(_handout_event(state, handout, share.share))
    return state, said


def _handout_event(state: Consignment, handout: Handout, share: SchoolShare) -> ParcelsHandedOut:
    return ParcelsHandedOut(
        round=state.round,
        programme=state.programme,
        country=state.country,
        school=handout.school,
        district=share.district,
        handout=handout.handout,
        parcels=handout.parcels,
        girls=handout.girls,
        boys=handout.boys,
        at=handout.at,
    )


def _closed_if_over(state: Consignment, said: list[Event]) -> Decision[Consignment]:
    by_state = counts(state)
    unfinished = sum(by_state[one] for one in OPEN_STATES)
    handed_out = sum(reached.handed_out for reached in state.reached.values())
    is_over = (
        state.status is ConsignmentStatus.OPEN
        and state.stored == state.round_parcels
        and unfinished == 0
        and handed_out == by_state[ParcelState.ACCEPTED]
        and all(category in state.costs for category in REPORTED_COSTS)
    )
    if not is_over:
        return Decision(state, tuple(said))
    closed = ConsignmentClosed(
        round=state.round,
        programme=state.programme,
        country=state.country,
        accepted=by_state[ParcelState.ACCEPTED],
        rejected=by_state[ParcelState.REJECTED],
        damaged=by_state[ParcelState.DAMAGED],
        lost=by_state[ParcelState.LOST],
        returned=by_state[ParcelState.RETURNED],
    )
    return Decision(state.model_copy(update={"status": ConsignmentStatus.CLOSED}), (*said, closed))
