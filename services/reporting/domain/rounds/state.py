"""A round's state: what a trace shows of it, and what the laws count again.

A round's events come from several sources, hence partitions: the fund, the round, each of its orders, its consignment,
its shipments. Each partition folds into a document of its own (`fold`); `figures.merged` puts them together when they
are read. A source's events are in one document, so nothing is in two.
"""

from __future__ import annotations

from pandapack.contracts.envelope import Part
from pandapack.contracts.logistics import Leg, ParcelState
from pandapack.contracts.procurement import Category, FenInterval, SchoolShare


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
    at: str


class Closing(Part):
    """What was spent in the end, and what went back to the fund."""

    spent_fen: int
    released_fen: int
    released: tuple[FenInterval, ...]
    leftover: dict[str, int]
    at: str


class Commitment(Part):
    """The money of an order by its round's events. An order is paid once; until then `paid` is False."""

    category: Category
    committed_fen: int
    spent_fen: int = 0
    uncommitted_fen: int = 0
    paid: bool = False


class OrderFacts(Part):
    """An order by its own events. `status`: placed, confirmed, partly_received, received, closed."""

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


class Storage(Part):
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
    """A school's handout. `pupils` count; `over_reported` heads were reported beyond them."""

    handout: str
    school: str
    district: str
    parcels: int
    pupils: int
    over_reported: int = 0
    at: str


class ConsignmentEnd(Part):
    """How many parcels ended how, as logistics closed the consignment."""

    accepted: int
    rejected: int
    damaged: int
    lost: int
    returned: int


class Customs(Part):
    """A stop at customs; `released_at` None: it still lasts."""

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
    schools: tuple[SchoolShare, ...] = ()
    closing: Closing | None = None
    commitments: dict[str, Commitment] = {}
    orders: dict[str, OrderFacts] = {}
    accepted: dict[str, int] = {}
    kitted: dict[str, int] = {}
    lots: tuple[Lot, ...] = ()
    stored: tuple[Storage, ...] = ()
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

    @property
    def over_reported(self) -> int:
        return sum(handout.over_reported for handout in self.handouts)
