"""An order of a round: goods of one supplier, or one service.

Goods: placed → confirmed → partly received → received → closed (paid). Services: placed → closed.

What is rejected is ordered again at the supplier's cost (`domain.order_lines`); paid is what was bought, at most
`amount_fen_max`. An invoice that does not match is held: for what it waits for, or for a person.
"""

from __future__ import annotations

from enum import StrEnum

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import REPORTED_COSTS, CostIncurred
from pandapack.contracts.procurement import (
    Category,
    GoodsReceived,
    OrderClosed,
    OrderConfirmed,
    OrderLine,
    OrderPaid,
    OrderPlaced,
    OrderRequested,
)
from pandapack.decision import Decision, Refusal, RefusalKind
from services.procurement.domain.order_lines import Line, ReceiptCount, inspect, open_line

RECEIPTS_A_ORDER_MAX = 200


class OrderStatus(StrEnum):
    """`new`: the round has not asked for it yet, as far as the order knows."""

    NEW = "new"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    CLOSED = "closed"


class HeldInvoice(Part):
    """An invoice that is not paid, and why. One that came too early waits, and is matched again."""

    invoice: str
    amount_fen: int
    reason: str  # it waits: goods_outstanding, cost_outstanding; for a person: amount_differs, above_limit


class Cost(Part):
    """What logistics reported that a service cost."""

    fen: int
    document: str


class Order(Part):
    """All that is known of an order. `amount_fen` is what it costs as confirmed, at most `amount_fen_max`."""

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
    cost: Cost | None = None
    held: HeldInvoice | None = None
    invoice: str | None = None
    paid_fen: int = 0


def place(state: Order, event: OrderRequested) -> Decision[Order]:
    """The round asks for the order. A cost that was reported before is paid now."""
    if state.status is not OrderStatus.NEW:
        return Decision(state)
    placed = Order(
        order=state.order,
        status=OrderStatus.PLACED,
        round=event.round,
        programme=event.programme,
        country=event.country,
        category=event.category,
        supplier=event.supplier,
        lines=tuple(open_line(line, event.price_tolerance_per_mille) for line in event.lines),
        amount_fen=event.amount_fen,
        amount_fen_max=event.amount_fen_max,
        price_tolerance_per_mille=event.price_tolerance_per_mille,
        cost=state.cost,
    )
    order_placed = OrderPlaced(
        order=state.order,
        round=event.round,
        programme=event.programme,
        country=event.country,
        category=event.category,
        supplier=event.supplier,
        lines=event.lines,
        amount_fen=event.amount_fen,
    )
    if placed.cost is None:
        return Decision(placed, (order_placed,))
    paid = _pay_or_hold(placed, placed.cost.document, placed.cost.fen)
    return Decision(paid.state, (order_placed, *paid.events))


def confirm(state: Order, prices: dict[str, int]) -> Decision[Order] | Refusal:
    """The supplier confirms the order, perhaps at other prices; items left out keep theirs."""
    refusal = _refuse_no_goods(state)
    if refusal is not None:
        return refusal
    if state.status is not OrderStatus.PLACED:
        return Refusal("already_confirmed", f"{state.order} is {state.status}: it was confirmed before")
    for item, price in prices.items():
        line = next((known for known in state.lines if known.item == item), None)
        if line is None:
            return _not_ordered(state, item)
        if price > line.unit_price_fen_max:
            detail = f"{item} at {price} fen: {state.order} takes at most {line.unit_price_fen_max}; ask the buyer"
            return Refusal("price_above_tolerance", detail, RefusalKind.INVALID)
    lines = tuple(
        line.model_copy(update={"unit_price_fen": prices.get(line.item, line.unit_price_fen)}) for line in state.lines
    )
    amount_fen = sum(line.quantity * line.unit_price_fen for line in lines)
    assert amount_fen <= state.amount_fen_max, "the tolerance is within the contingency"
    confirmed = state.model_copy(update={"status": OrderStatus.CONFIRMED, "lines": lines, "amount_fen": amount_fen})
    order_confirmed = OrderConfirmed(
        order=state.order,
        round=state.round,
        lines=tuple(
            OrderLine(item=line.item, quantity=line.quantity, unit_price_fen=line.unit_price_fen) for line in lines
        ),
        amount_fen=amount_fen,
    )
    answer: dict[str, object] = {
        "order": state.order,
        "status": confirmed.status.value,
        "amount_fen": amount_fen,
    }
    return Decision(confirmed, (order_confirmed,), answer)


def receive(state: Order, receipt: str, counted: tuple[ReceiptCount, ...]) -> Decision[Order] | Refusal:
    """A delivery was counted and inspected. Short: the rest stays outstanding. Over: it is kept, and not paid."""
    refusal = _refuse_receipt(state, receipt, counted)
    if refusal is not None:
        return refusal
    inspection = inspect(state.lines, counted)
    complete = all(line.complete for line in inspection.lines)
    received = state.model_copy(
        update={
            "status": OrderStatus.RECEIVED if complete else OrderStatus.PARTLY_RECEIVED,
            "lines": inspection.lines,
            "receipts": (*state.receipts, receipt),
        }
    )
    goods_received = GoodsReceived(
        order=state.order,
        round=state.round,
        programme=state.programme,
        receipt=receipt,
        lines=inspection.receipt_lines,
        reordered=inspection.reordered,
        complete=complete,
    )
    matched = _match_again(received)
    answer: dict[str, object] = {
        "order": state.order,
        "receipt": receipt,
        "status": matched.state.status.value,
        "reordered": inspection.reordered,
        "outstanding": {line.item: line.outstanding for line in inspection.lines if line.outstanding},
    }
    return Decision(matched.state, (goods_received, *matched.events), answer)


def match_invoice(state: Order, invoice: str, amount_fen: int) -> Decision[Order] | Refusal:
    """The three-way match: what was ordered, what was received, what is asked for. What does not match is held."""
    if state.status is OrderStatus.NEW:
        return _unknown(state)
    if state.status is OrderStatus.CLOSED:
        return Refusal("order_closed", f"{state.order} was paid by invoice {state.invoice}: nothing is open")
    matched = _pay_or_hold(state, invoice, amount_fen)
    after = matched.state
    answer: dict[str, object] = {
        "order": after.order,
        "status": after.status.value,
        "matched": after.held is None,
        "held": after.held.model_dump() if after.held else None,
        "paid_fen": after.paid_fen,
    }
    return Decision(after, matched.events, answer)


def record_cost(state: Order, event: CostIncurred) -> Decision[Order]:
    """A service was rendered and costs this much. Before the round asks for the order, the report is kept for it."""
    if state.status is OrderStatus.CLOSED:
        return Decision(state)
    assert event.category is not Category.GOODS and event.fen >= 0
    known = state.model_copy(update={"cost": Cost(fen=event.fen, document=event.document)})
    if state.status is OrderStatus.NEW:
        return Decision(known)
    return _pay_or_hold(known, event.document, event.fen)


def _pay_or_hold(state: Order, invoice: str, amount_fen: int) -> Decision[Order]:
    reason = _mismatch(state, amount_fen)
    if reason is None:
        return _pay(state, invoice, amount_fen)
    held = HeldInvoice(invoice=invoice, amount_fen=amount_fen, reason=reason)
    return Decision(state.model_copy(update={"held": held}))


def _mismatch(state: Order, amount_fen: int) -> str | None:
    if state.category is Category.GOODS:
        if state.status is not OrderStatus.RECEIVED:
            return "goods_outstanding"
        return None if amount_fen == state.amount_fen else "amount_differs"
    if state.category in REPORTED_COSTS and state.cost is None:
        return "cost_outstanding"
    return None if amount_fen <= state.amount_fen_max else "above_limit"


def _match_again(state: Order) -> Decision[Order]:
    if state.held is None or state.status is not OrderStatus.RECEIVED:
        return Decision(state)
    return _pay_or_hold(state, state.held.invoice, state.held.amount_fen)


def _pay(state: Order, invoice: str, amount_fen: int) -> Decision[Order]:
    assert 0 <= amount_fen <= state.amount_fen_max, "an order never costs more than was committed"
    paid = state.model_copy(
        update={"status": OrderStatus.CLOSED, "held": None, "invoice": invoice, "paid_fen": amount_fen}
    )
    cancelled = {line.item: line.cancelled for line in state.lines if line.cancelled}
    events: tuple[Event, ...] = (
        OrderPaid(
            order=state.order,
            round=state.round,
            programme=state.programme,
            category=state.category,
            invoice=invoice,
            amount_fen=amount_fen,
        ),
        OrderClosed(order=state.order, round=state.round, programme=state.programme, cancelled=cancelled),
    )
    return Decision(paid, events)


def _refuse_receipt(state: Order, receipt: str, counted: tuple[ReceiptCount, ...]) -> Refusal | None:
    refusal = _refuse_no_goods(state)
    if refusal is not None:
        return refusal
    if state.status is OrderStatus.PLACED:
        return Refusal("not_confirmed", f"{state.order} is not confirmed yet: its supplier confirms first")
    if state.status is OrderStatus.CLOSED:
        return Refusal("order_closed", f"{state.order} is paid and closed: give the delivery back, or ask the buyer")
    if receipt in state.receipts:
        return Refusal("receipt_known", f"{state.order} has a receipt {receipt} already: give this one its own id")
    if len(state.receipts) >= RECEIPTS_A_ORDER_MAX:
        return Refusal("receipts_too_many", f"{state.order} has {RECEIPTS_A_ORDER_MAX} receipts: count several as one")
    seen: set[str] = set()
    for count in counted:
        refusal = _refuse_count(state, count, seen)
        if refusal is not None:
            return refusal
        seen.add(count.item)
    return None


def _refuse_count(state: Order, count: ReceiptCount, seen: set[str]) -> Refusal | None:
    if all(line.item != count.item for line in state.lines):
        return _not_ordered(state, count.item)
    if count.item in seen:
        return Refusal("item_named_twice", f"{count.item} is counted twice: add it up", RefusalKind.INVALID)
    if count.rejected > count.counted:
        detail = f"{count.item}: {count.rejected} rejected of {count.counted} counted"
        return Refusal("more_rejected_than_counted", detail, RefusalKind.INVALID)
    if count.rejected and not count.reason:
        return Refusal("reason_missing", f"{count.item}: say why {count.rejected} were rejected", RefusalKind.INVALID)
    return None


def _refuse_no_goods(state: Order) -> Refusal | None:
    if state.status is OrderStatus.NEW:
        return _unknown(state)
    if state.category is not Category.GOODS:
        return Refusal(
            "not_goods", f"{state.order} is a service ({state.category}): it is neither confirmed nor received"
        )
    return None


def _not_ordered(state: Order, item: str) -> Refusal:
    return Refusal("item_not_ordered", f"{state.order} has no line for {item}", RefusalKind.INVALID)


def _unknown(state: Order) -> Refusal:
    return Refusal("order_unknown", f"there is no order {state.order}", RefusalKind.NOT_FOUND)
