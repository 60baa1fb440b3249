"""One round as reporting knows it: what a trace shows of it, and what the laws count again.

A round's events come from several sources, hence partitions: the fund, the round, each of its orders, its consignment,
its shipments. Each partition folds into a document of its own; `merged` puts them together when they are read. What one
source says is in one document, so nothing is in two.
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.envelope import Part
from pandapack.contracts.logistics import Leg, ParcelState
from pandapack.contracts.procurement import Category, FenInterval, SchoolShare
from services.reporting.domain.items import units_added


class Funding(Part):
    """What the fund gave, and for what. `at` is business time, RFC 3339, as all times here."""

    ordinal: int
    publication: int
    specification: str
    parcels: int
    plan_fen: dict[Category, int]
    contingency_fen: int
    reserved_fen: int
    intervals: tuple[FenInterval, ...]
    schools: tuple[SchoolShare, ...]
    at: str


class Closing(Part):
    """What was spent in the end, and what went back to the fund."""

    spent_fen: int
    released_fen: int
    released: tuple[FenInterval, ...]
    leftover: dict[str, int]
    at: str


class Commitment(Part):
    """The money of an order as its round tells it. An order is paid once; until then `paid` is False."""

    category: Category
    committed_fen: int
    spent_fen: int = 0
    uncommitted_fen: int = 0
    paid: bool = False


class OrderFacts(Part):
    """An order as it tells itself. `status`: placed, confirmed, partly_received, received, closed."""

    category: Category
    supplier: str
    amount_fen: int
    status: str = "placed"
    placed_at: str
    paid_fen: int = 0
    paid_at: str | None = None


class Lot(Part):
    """Parcels packed together: `first_ordinal` … `first_ordinal + count - 1`."""

    lot: str
    first_ordinal: int
    count: int
    at: str

    def holds(self, ordinal: int) -> bool:
        return self.first_ordinal <= ordinal < self.first_ordinal + self.count


class Stored(Part):
    """Parcels that logistics took over."""

    first_ordinal: int
    count: int


class Dispatch(Part):
    """What was in the warehouse left on a shipment."""

    shipment: str
    count: int
    at: str


class WriteOff(Part):
    """A loss and damage report."""

    report: str
    ordinals: tuple[int, ...]
    was: ParcelState
    now: ParcelState
    reason: str
    at: str


class Delivery(Part):
    """A school's proof of delivery; `document` is its SHA-256."""

    delivery: str
    school: str
    district: str
    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    reason: str | None
    at: str
    document: str


class Handout(Part):
    """A school's handout, a headcount."""

    handout: str
    school: str
    district: str
    parcels: int
    pupils: int
    at: str


class ConsignmentEnd(Part):
    """How many parcels ended how, as logistics closed the consignment."""

    accepted: int
    rejected: int
    damaged: int
    lost: int
    returned: int


class Customs(Part):
    """A stop at customs; `released_at` None: it goes on."""

    held_at: str | None = None
    reason: str | None = None
    released_at: str | None = None
    duty_fen: int = 0


class ShipmentFacts(Part):
    """A shipment. `departed` and `arrived`: leg (from 1) → when."""

    legs: tuple[Leg, ...] = ()
    departed: dict[str, str] = {}
    arrived: dict[str, str] = {}
    customs: tuple[Customs, ...] = ()
    arrived_at: str | None = None


class Round(Part):
    """What is known of a round: in one partition, or (`merged`) in all."""

    round: str = ""
    programme: str = ""
    country: str = ""
    funding: Funding | None = None
    closing: Closing | None = None
    commitments: dict[str, Commitment] = {}
    orders: dict[str, OrderFacts] = {}
    accepted: dict[str, int] = {}
    kitted: dict[str, int] = {}
    lots: tuple[Lot, ...] = ()
    stored: tuple[Stored, ...] = ()
    dispatches: tuple[Dispatch, ...] = ()
    write_offs: tuple[WriteOff, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    handouts: tuple[Handout, ...] = ()
    ended: ConsignmentEnd | None = None
    shipments: dict[str, ShipmentFacts] = {}

    @property
    def funded_fen(self) -> int:
        return self.funding.reserved_fen if self.funding else 0

    @property
    def released_fen(self) -> int:
        return self.closing.released_fen if self.closing else 0

    @property
    def committed_fen(self) -> int:
        """Ordered, and not paid."""
        return sum(one.committed_fen for one in self.commitments.values() if not one.paid)

    @property
    def spent_fen(self) -> int:
        return sum(one.spent_fen for one in self.commitments.values())

    @property
    def reserved_fen(self) -> int:
        """Not ordered, and not released."""
        return self.funded_fen - self.released_fen - self.committed_fen - self.spent_fen

    @property
    def packed_parcels(self) -> int:
        return sum(lot.count for lot in self.lots)

    @property
    def pupils(self) -> int:
        return sum(handout.pupils for handout in self.handouts)


def merged(parts: Iterable[Round]) -> Round:
    """One round out of its partitions' documents."""
    whole = Round()
    for part in parts:
        assert not whole.round or not part.round or whole.round == part.round
        update: dict[str, object] = {
            "round": whole.round or part.round,
            "programme": whole.programme or part.programme,
            "country": whole.country or part.country,
            "funding": whole.funding or part.funding,
            "closing": whole.closing or part.closing,
            "ended": whole.ended or part.ended,
            "commitments": whole.commitments | part.commitments,
            "orders": whole.orders | part.orders,
            "shipments": whole.shipments | part.shipments,
            "accepted": units_added(whole.accepted, part.accepted),
            "kitted": units_added(whole.kitted, part.kitted),
            "lots": (*whole.lots, *part.lots),
            "stored": (*whole.stored, *part.stored),
            "dispatches": (*whole.dispatches, *part.dispatches),
            "write_offs": (*whole.write_offs, *part.write_offs),
            "deliveries": (*whole.deliveries, *part.deliveries),
            "handouts": (*whole.handouts, *part.handouts),
        }
        whole = whole.model_copy(update=update)
    return whole


def by_round(parts: Iterable[Round]) -> dict[str, Round]:
    """Rounds out of all documents of the view, by name."""
    documents: dict[str, list[Round]] = {}
    for part in parts:
        documents.setdefault(part.round, []).append(part)
    return {name: merged(found) for name, found in sorted(documents.items())}


def states_of(round: Round) -> dict[str, int]:
    """Parcels by state, counted from what became of each parcel: the laws compare them with the parcels view."""
    left = dict.fromkeys(ParcelState, 0)
    for report in round.write_offs:
        left[report.was] += len(report.ordinals)
        left[report.now] -= len(report.ordinals)
    dispatched = sum(dispatch.count for dispatch in round.dispatches)
    delivered = sum(len(one.accepted) + len(one.rejected) for one in round.deliveries)
    states = {
        "packed": round.packed_parcels,
        "warehouse": round.packed_parcels - dispatched - left[ParcelState.WAREHOUSE],
        "in_transit": dispatched - delivered - left[ParcelState.IN_TRANSIT],
        "accepted": sum(len(one.accepted) for one in round.deliveries) - left[ParcelState.ACCEPTED],
        "rejected": sum(len(one.rejected) for one in round.deliveries) - left[ParcelState.REJECTED],
    }
    return states | {
        state.value: -left[state] for state in (ParcelState.DAMAGED, ParcelState.LOST, ParcelState.RETURNED)
    }


def status_of(round: Round) -> str:
    """How far a round is: funded, ordered, packing, on_the_way, handing_over, closed."""
    if round.closing is not None:
        return "closed"
    if round.deliveries:
        return "handing_over"
    if round.dispatches:
        return "on_the_way"
    if round.lots:
        return "packing"
    return "ordered" if round.orders else "funded"
