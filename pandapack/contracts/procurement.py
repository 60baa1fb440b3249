"""What the procurement service publishes.

Sources: `/procurement/{publications,funds,needs,rounds,orders}/<id>`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.publication import Item, LocalizedName, Offer, Policy, Specification, Supplier


class Category(StrEnum):
    """What money is spent on: goods, and the services that bring them to a pupil."""

    GOODS = "goods"
    FREIGHT = "freight"
    INSURANCE = "insurance"
    DUTY = "duty"
    MONITORING = "monitoring"
    ADMINISTRATION = "administration"


class FenInterval(Part):
    """Fen `[fen_from, fen_to)` of one shard of the programme's fen line."""

    shard: int
    fen_from: int
    fen_to: int


def length_fen(intervals: Iterable[FenInterval]) -> int:
    """How many fen the intervals hold together."""
    return sum(interval.fen_to - interval.fen_from for interval in intervals)


class SchoolShare(Part):
    """How many of a round's parcels go to a school. Parcels are dealt out in ordinal order, school after school."""

    school: str
    district: str
    pupils: int
    parcels: int


class NeedOpened(Event):
    """A buyer opened a country's need: funding may meet it. `ordinal` counts the programme's needs from 1."""

    TYPE: ClassVar[str] = "procurement.NeedOpened"

    need: str
    programme: str
    country: str
    specification: str
    schools: tuple[SchoolShare, ...]
    parcels: int
    ordinal: int


class FundCredited(Event):
    """The fund applied new donations: `credited_fen` is what is new.

    `applied_fen`: shard → how many fen of the programme's fen line there the fund has applied by now.
    """

    TYPE: ClassVar[str] = "procurement.FundCredited"

    programme: str
    credited_fen: int
    applied_fen: dict[int, int]


class FundReversed(Event):
    """The fund applied reversals, or new fen that pay for earlier ones. `intervals` go to them, and to no round.

    `reversed_fen` is what is new; `owed_fen` what the fund owes to reversals after this, from the next fen on.
    """

    TYPE: ClassVar[str] = "procurement.FundReversed"

    programme: str
    reversed_fen: int
    intervals: tuple[FenInterval, ...]
    owed_fen: int


class RoundFunded(Event):
    """The fund reserved the full cost of a round of parcels. `ordinal` counts the programme's rounds from 1.

    `reserved_fen` is the sum of `plan_fen` by category and of `contingency_fen`, and of the lengths of `intervals`.
    Of the need's parcels these follow `parcels_before`, which earlier rounds have; `meets_need`: they are the last.
    """

    TYPE: ClassVar[str] = "procurement.RoundFunded"

    round: str
    ordinal: int
    programme: str
    publication: int  # which published version of the programme the round follows
    need: str
    country: str
    specification: str
    parcels: int
    plan_fen: dict[Category, int]
    contingency_fen: int
    reserved_fen: int
    intervals: tuple[FenInterval, ...]
    parcels_before: int
    meets_need: bool


class RoundOpened(Event):
    """A funded round was opened: for these schools of its need, which have `parcels` together."""

    TYPE: ClassVar[str] = "procurement.RoundOpened"

    round: str
    programme: str
    country: str
    need: str
    parcels: int
    schools: tuple[SchoolShare, ...]


class OrderLine(Part):
    """`quantity` in the item's base unit, at `unit_price_fen` each."""

    item: str
    quantity: int
    unit_price_fen: int


class OrderRequested(Event):
    """A round asks for an order: goods of one supplier, or one service."""

    TYPE: ClassVar[str] = "procurement.OrderRequested"

    order: str
    round: str
    programme: str
    country: str
    category: Category
    supplier: str
    lines: tuple[OrderLine, ...]
    amount_fen: int
    amount_fen_max: int  # what the order may cost at most: planned amount and its share of the contingency
    price_tolerance_per_mille: int = 0  # how far a confirmed unit price may lie above the requested one
    warehouse: str = ""  # who receives its goods
    invoice_fen_max_unapproved: int | None = None  # a treasurer releases what is above; None: no limit


class FundsCommitted(Event):
    """Reserved money became committed: an order was placed."""

    TYPE: ClassVar[str] = "procurement.FundsCommitted"

    round: str
    programme: str
    country: str
    order: str
    category: Category
    fen: int


class FundsSpent(Event):
    """An order was paid: `fen` are spent, and `uncommitted_fen` of its commitment go back to the round's reserve."""

    TYPE: ClassVar[str] = "procurement.FundsSpent"

    round: str
    programme: str
    country: str
    order: str
    category: Category
    fen: int
    uncommitted_fen: int


class ParcelsPacked(Event):
    """Parcels `first_ordinal` … `first_ordinal + count - 1` of a round were kitted (ordinals count from 1).

    The serial of ordinal k is `serial_of(round, k)`. `consumed` is what left the stock, item → base units.
    `warehouse` packed them; `services` tells of which party each service for the round was ordered, and
    `services_fen_max` what that order may cost at most.
    """

    TYPE: ClassVar[str] = "procurement.ParcelsPacked"

    round: str
    programme: str
    country: str
    specification: str
    lot: str
    first_ordinal: int
    count: int
    round_parcels: int
    consumed: dict[str, int]
    schools: tuple[SchoolShare, ...]
    warehouse: str = ""
    services: dict[Category, str] = {}
    services_fen_max: dict[Category, int] = {}


class RoundClosed(Event):
    """All is paid, packed and handed over. `released` (in all `released_fen`) goes back to the fund."""

    TYPE: ClassVar[str] = "procurement.RoundClosed"

    round: str
    programme: str
    country: str
    spent_fen: int
    released_fen: int
    released: tuple[FenInterval, ...]
    leftover: dict[str, int]  # item → base units that stay in stock


class OrderPlaced(Event):
    """An order went to its supplier."""

    TYPE: ClassVar[str] = "procurement.OrderPlaced"

    order: str
    round: str
    programme: str
    country: str
    category: Category
    supplier: str
    lines: tuple[OrderLine, ...]
    amount_fen: int


class OrderConfirmed(Event):
    """The supplier confirmed, perhaps at other prices (within the order's tolerance)."""

    TYPE: ClassVar[str] = "procurement.OrderConfirmed"

    order: str
    round: str
    lines: tuple[OrderLine, ...]
    amount_fen: int


class ReceiptLine(Part):
    """Goods counted at the warehouse: `counted = accepted + rejected`; `over_delivered` of them were not ordered."""

    item: str
    counted: int
    accepted: int
    rejected: int
    over_delivered: int = 0
    reason: str | None = None
    lot: str


class GoodsReceived(Event):
    """A delivery was counted and inspected. Rejected goods are ordered again at the supplier's cost (`reordered`)."""

    TYPE: ClassVar[str] = "procurement.GoodsReceived"

    order: str
    round: str
    programme: str
    receipt: str
    lines: tuple[ReceiptLine, ...]
    reordered: dict[str, int]
    complete: bool


class InvoiceReleased(Event):
    """A treasurer released an invoice that was held. `by` is the prefix of the treasurer's key."""

    TYPE: ClassVar[str] = "procurement.InvoiceReleased"

    order: str
    round: str
    programme: str
    invoice: str
    amount_fen: int
    reason: str
    by: str


class InvoiceRefused(Event):
    """A treasurer refused an invoice that was held: it is never paid. `by` is the prefix of the treasurer's key."""

    TYPE: ClassVar[str] = "procurement.InvoiceRefused"

    order: str
    round: str
    programme: str
    invoice: str
    amount_fen: int
    reason: str
    by: str


class OrderPaid(Event):
    """The invoice matched the order and its proof, or a treasurer released it, and `payee` was paid.

    The proof: goods received, the reported cost of freight, insurance and duty, delivery for the other services.
    """

    TYPE: ClassVar[str] = "procurement.OrderPaid"

    order: str
    round: str
    programme: str
    category: Category
    invoice: str
    amount_fen: int
    payee: str = ""  # in older events: the order's supplier


class OrderClosed(Event):
    """Nothing more will come of the order. `cancelled`: item → units that will not come any more."""

    TYPE: ClassVar[str] = "procurement.OrderClosed"

    order: str
    round: str
    programme: str
    cancelled: dict[str, int]


def round_name(ordinal: int, code: str = "R") -> str:
    """`7` → `R-000007`. `code` is the programme's own, so that no two programmes name a round alike."""
    return f"{code}-{ordinal:06d}"


def order_name(round_id: str, tail: str) -> str:
    """The order of a round at a supplier, or for a service: `R-000007`, `freight` → `O-000007-freight`."""
    return f"O{round_id.removeprefix('R')}-{tail}"


def serial_of(round_id: str, ordinal: int) -> str:
    """A parcel's serial number: `R-000007`, 12 → `R-000007-0012`."""
    return f"{round_id}-{ordinal:04d}"


def school_of(schools: tuple[SchoolShare, ...], ordinal: int) -> SchoolShare:
    """The school to which the round's parcel `ordinal` (from 1) goes. Raises LookupError past the last parcel."""
    upto = 0
    for share in schools:
        upto += share.parcels
        if ordinal <= upto:
            return share
    raise LookupError(f"the round has {upto} parcels, there is no parcel {ordinal}")


class ServiceRate(Part):
    """What a service costs a parcel: in one country, or (`country` None) in all that have no rate of their own."""

    category: Category
    supplier: str
    country: str | None = None
    fen_per_parcel: int


class ProgrammePublished(Event):
    """A programme's parcels, prices and policy were published; `publication` counts from 1 and never changes after.

    Source: `/procurement/publications/<programme>/<publication>`; it is that source's only event.
    """

    TYPE: ClassVar[str] = "procurement.ProgrammePublished"

    programme: str
    publication: int
    name: LocalizedName
    policy: Policy
    items: tuple[Item, ...]
    specifications: tuple[Specification, ...]
    suppliers: tuple[Supplier, ...]
    catalogue: tuple[Offer, ...]
    services: tuple[ServiceRate, ...]
    motto: LocalizedName | None = None  # what parcels want to say; older publications have none
    warehouse: str = ""  # who receives the goods and packs the parcels; in older publications nobody is named
