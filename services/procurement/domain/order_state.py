"""What is known of an order. The types here are the storage format."""

from __future__ import annotations

from enum import StrEnum

from pandapack.contracts.envelope import Part
from pandapack.contracts.logistics import REPORTED_COSTS
from pandapack.contracts.procurement import Category
from pandapack.decision import Refusal, RefusalKind
from services.procurement.domain.order_lines import Line

INVOICES_A_ORDER_MAX = 50
INVOICE_TIMES_MAX = 10
"""An invoice of more than so many times what its order may cost is a slip of the pen, and no matter for a treasurer."""


class OrderStatus(StrEnum):
    """`new`: the round has not asked for it yet, as far as the order knows."""

    NEW = "new"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    CLOSED = "closed"


class HeldFor(StrEnum):
    """For whom a held invoice waits: for its proof, which matches it again by itself, or for a treasurer."""

    PROOF = "proof"
    TREASURER = "treasurer"


class HeldReason(StrEnum):
    """Why an invoice is not paid."""

    GOODS_OUTSTANDING = "goods_outstanding"
    COST_OUTSTANDING = "cost_outstanding"
    DELIVERY_OUTSTANDING = "delivery_outstanding"
    AMOUNT_DIFFERS = "amount_differs"  # goods: from the order; a service: more than was reported that it cost
    ABOVE_LIMIT = "above_limit"  # more than the order may cost with its tolerance
    PAYEE_DIFFERS = "payee_differs"  # it was rendered by another party than it was ordered of
    APPROVAL_OUTSTANDING = "approval_outstanding"  # more than the policy lets pass without a treasurer

    @property
    def held_for(self) -> HeldFor:
        return HeldFor.PROOF if self in WAITS_FOR_PROOF else HeldFor.TREASURER


WAITS_FOR_PROOF = (HeldReason.GOODS_OUTSTANDING, HeldReason.COST_OUTSTANDING, HeldReason.DELIVERY_OUTSTANDING)


class HeldInvoice(Part):
    """An invoice that is not paid, and why."""

    invoice: str
    amount_fen: int
    reason: HeldReason


class Invoice(Part):
    """An invoice that came. Its number stands for this amount, for good."""

    invoice: str
    amount_fen: int


class Verdict(StrEnum):
    """What a treasurer makes of an invoice that is held."""

    RELEASED = "released"
    REFUSED = "refused"


class Ruling(Part):
    """A treasurer's verdict on an invoice, and why. `by` is the prefix of the treasurer's key."""

    invoice: str
    amount_fen: int
    verdict: Verdict
    reason: str
    by: str


class Cost(Part):
    """What logistics reported that a service cost. `party` reported it; "" where staff did."""

    fen: int
    document: str
    party: str = ""


class Order(Part):
    """All that is known of an order. `amount_fen` is what it costs as confirmed, at most `amount_fen_max`.

    `delivered`: the round's parcels have found their end, which proves the services that nobody reports a cost of.
    `payee` was paid; in older orders it is "", and the supplier was.
    """

    order: str
    status: OrderStatus = OrderStatus.NEW
    round: str = ""
    programme: str = ""
    country: str = ""
    category: Category = Category.GOODS
    supplier: str = ""
    lines: tuple[Line, ...] = ()
    amount_fen: int = 0
    amount_fen_max: int = 0
    price_tolerance_per_mille: int = 0
    receipts: tuple[str, ...] = ()
    warehouse: str = ""
    invoice_fen_max_unapproved: int | None = None
    cost: Cost | None = None
    delivered: bool = False
    invoices: tuple[Invoice, ...] = ()
    held: HeldInvoice | None = None
    rulings: tuple[Ruling, ...] = ()
    invoice: str | None = None
    paid_fen: int = 0
    payee: str = ""


def is_suppliers(state: Order, by: str | None) -> bool:
    """Whether it is this party's order to confirm and to invoice. `by` None: staff."""
    return state.status is not OrderStatus.NEW and by in (None, state.supplier)


def is_warehouses(state: Order, by: str | None) -> bool:
    """Whether it is this party's order to receive: goods for its warehouse. `by` None: staff."""
    if state.status is OrderStatus.NEW:
        return False
    return by is None or (by == state.warehouse and state.category is Category.GOODS)


def is_reported(state: Order) -> bool:
    """Whether logistics reports what the service cost."""
    return state.category in REPORTED_COSTS


def unknown_order(id: str) -> Refusal:
    """There is no such order, or none of the caller's: the same is told of both."""
    return Refusal("order_unknown", f"there is no order {id}", RefusalKind.NOT_FOUND)
