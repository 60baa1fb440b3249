"""A round's state: what a trace needs of it, and nothing else. Its figures are the public log's.

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
    specification: str
    parcels: int
    reserved_fen: int
    intervals: tuple[FenInterval, ...]
    at: str


class Closing(Part):
    """What went back to the fund in the end."""

    released: tuple[FenInterval, ...]
    at: str


class OrderFacts(Part):
    """An order by its own events. `status`: placed, confirmed, partly_received, received, closed.

    `amount_fen` is what was agreed, `paid_fen` what was paid in the end; None: nothing was yet.
    """

    category: Category
    supplier: str
    amount_fen: int
    status: str = "placed"
    placed_at: str
    paid_at: str | None = None
    paid_fen: int | None = None


class Lot(Part):
    """Parcels packed together: `first_ordinal` … `first_ordinal + count - 1`."""

    lot: str
    first_ordinal: int
    count: int
    at: str

    def holds(self, ordinal: int) -> bool:
        return self.first_ordinal <= ordinal < self.first_ordinal + self.count


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
    accepted: tuple[int, ...]
    rejected: tuple[int, ...]
    reason: str | None
    at: str
    document: str


class Handout(Part):
    """A school's handout."""

    handout: str
    school: str
    at: str


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
    orders: dict[str, OrderFacts] = {}
    lots: tuple[Lot, ...] = ()
    dispatches: tuple[Dispatch, ...] = ()
    write_offs: tuple[WriteOff, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    handouts: tuple[Handout, ...] = ()
    shipments: dict[str, ShipmentFacts] = {}

    @property
    def funded_fen(self) -> int:
        return self.funding.reserved_fen if self.funding else 0
