"""What a publication of a programme consists of: its names, policy, items, parcels, suppliers and offers."""

from __future__ import annotations

from pandapack.contracts.envelope import Part


class LocalizedName(Part):
    """One name in Chinese and in English."""

    zh: str
    en: str


class Policy(Part):
    """How a programme buys. A confirmed price may exceed the catalogue's by the tolerance, never by more than the
    contingency, so that a round never costs more than was reserved for it. Invoices above
    `invoice_fen_max_unapproved` wait for a treasurer; None: no limit."""

    round_parcels: int
    contingency_per_mille: int
    price_tolerance_per_mille: int
    round_code: str = "R"
    invoice_fen_max_unapproved: int | None = None


class Item(Part):
    """A thing that parcels hold, counted in its base unit."""

    id: str
    category: str
    name: LocalizedName
    unit: str
    hs_code: str


class BillLine(Part):
    """`quantity` base units of an item in one parcel."""

    item: str
    quantity: int


class Specification(Part):
    """One version of a parcel's bill of materials. `value_fen` is the value declared to customs, not the cost."""

    id: str
    version: int
    effective_from: str
    lines: tuple[BillLine, ...]
    weight_g: int
    volume_cm3: int
    value_fen: int


class Supplier(Part):
    """Who sells goods or renders a service."""

    id: str
    name: str


class Offer(Part):
    """What a supplier asks for an item; it is sold in packs of `pack_size` base units."""

    supplier: str
    item: str
    unit_price_fen: int
    pack_size: int
