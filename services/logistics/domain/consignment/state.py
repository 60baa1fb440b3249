"""What is known of a consignment, and what follows from it. The types here are the storage format."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pandapack.contracts.envelope import Part
from pandapack.contracts.logistics import ParcelState
from pandapack.contracts.procurement import Category, SchoolShare

OPEN_STATES = (ParcelState.WAREHOUSE, ParcelState.IN_TRANSIT)


class ConsignmentStatus(StrEnum):
    """`new`: no parcel was packed yet, as far as is known: nothing is kept of it, and nothing reported."""

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


class WriteOff(Part):
    """A loss and damage report: parcels that ended as `now`, damaged or lost. `at` is RFC 3339."""

    report: str
    ordinals: tuple[int, ...]
    now: ParcelState
    reason: str
    at: str


class TurnedDown(Part):
    """A report that was parked and turned out not to be true. `kind`: delivery or handout; `code` says why.

    Its number is free again: whoever sent it sends it right.
    """

    kind: str
    id: str
    school: str
    code: str


class Cost(Part):
    """What a service cost for the whole round. `party` reported it; "" where staff did."""

    fen: int
    document: str
    party: str = ""


class Departure(Part):
    """The shipment left; its parcels are dispatched once all are stored."""

    shipment: str
    at: str


class PupilsReached(Part):
    """A school's sums of what was applied. `pupils` count (see `pupils`); `over_reported` were reported beyond them."""

    handed_out: int = 0
    pupils: int = 0
    over_reported: int = 0


class Consignment(Part):
    """All that is known. `ended`: state → ordinals; every other parcel up to `stored` is in `open_state`.

    `services`: of which party each service was ordered, `services_fen_max`: for how much at most; `carriers`: those of
    its shipment's legs; `parties`: all who take part, schools apart. `packed_at`: when its first parcels were packed;
    `arrived_at`: when its shipment's last leg ended. `turned_down`: what was parked, and cannot be true.
    """

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
    turned_down: tuple[TurnedDown, ...] = ()
    reached: dict[str, PupilsReached] = {}
    costs: dict[Category, Cost] = {}
    costs_published: tuple[Category, ...] = ()
    warehouse: str = ""
    services: dict[Category, str] = {}
    services_fen_max: dict[Category, int] = {}
    carriers: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    packed_at: str = ""
    arrived_at: str | None = None


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


def with_ended(
    ended: dict[ParcelState, tuple[int, ...]], now: ParcelState, ordinals: Iterable[int]
) -> dict[ParcelState, tuple[int, ...]]:
    """State → ordinals, once these parcels have ended so."""
    more = tuple(sorted((*ended.get(now, ()), *ordinals)))
    return ended | {now: more} if more else ended


def with_cost(state: Consignment, category: Category, cost: Cost) -> Consignment:
    """The consignment once a cost is known; it is published once the consignment is open."""
    return state.model_copy(update={"costs": state.costs | {category: cost}})
