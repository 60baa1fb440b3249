"""An order of a round: goods of one supplier, or one service.

Goods: placed → confirmed → partly received → received → closed (paid). Services: placed → closed.

What is rejected is ordered again at the supplier's cost (`domain.order_lines`); paid is what was bought, at most
`amount_fen_max`, and only against its proof (`domain.matching`). `by` is the party that acts, None for staff: of
another's order it is told what it would be told of none.
"""

from __future__ import annotations

from pandapack.contracts.procurement import (
    Category,
    GoodsReceived,
    OrderConfirmed,
    OrderLine,
    OrderPlaced,
    OrderRequested,
)
from pandapack.decision import Decision, Refusal, RefusalKind
from services.procurement.domain.matching import match_again, pay_or_hold
from services.procurement.domain.order_lines import ReceiptCount, inspect, open_line
from services.procurement.domain.order_state import Order, OrderStatus, is_suppliers, is_warehouses, unknown_order
from services.procurement.domain.pricing import PER_MILLE

RECEIPTS_A_ORDER_MAX = 200
OVER_DELIVERY_PER_MILLE = 1_000
"""How much more than what was bought a warehouse may count: as much again, for a supplier sells in packs, and of a line
of one pack one more is twice as much. What is beyond is a slip of the pen."""


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
        warehouse=event.warehouse,
        invoice_fen_max_unapproved=event.invoice_fen_max_unapproved,
        cost=state.cost,
        delivered=state.delivered,
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
    paid = pay_or_hold(placed, placed.cost.document, placed.cost.fen)
    return Decision(paid.state, (order_placed, *paid.events))


def confirm(state: Order, prices: dict[str, int], by: str | None) -> Decision[Order] | Refusal:
    """The supplier confirms the order, perhaps at other prices; items left out keep theirs."""
    refusal = unknown_order(state.order) if not is_suppliers(state, by) else _refuse_no_goods(state)
    if refusal is not None:
        return refusal
    if state.status is not OrderStatus.PLACED:
        return Refusal("already_confirmed", f"{state.order} is {state.status}: it was confirmed before")
    for item, price in prices.items():
        line = next((known for known in state.lines if known.item == item), None)
        if line is None:
            return _not_ordered(state, item)
        if price > line.unit_price_fen_max:
            detail = f"{item} at {price} fen: {state.order} takes at most {line.unit_price_fen_max}"
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


def receive(state: Order, receipt: str, counted: tuple[ReceiptCount, ...], by: str | None) -> Decision[Order] | Refusal:
    """A delivery was counted and inspected. Short: the rest stays outstanding. Over: it is kept, and not paid."""
    refusal = unknown_order(state.order) if not is_warehouses(state, by) else _refuse_receipt(state, receipt, counted)
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
    matched = match_again(received)
    answer: dict[str, object] = {
        "order": state.order,
        "receipt": receipt,
        "status": matched.state.status.value,
        "reordered": inspection.reordered,
        "outstanding": {line.item: line.outstanding for line in inspection.lines if line.outstanding},
    }
    return Decision(matched.state, (goods_received, *matched.events), answer)


def _refuse_receipt(state: Order, receipt: str, counted: tuple[ReceiptCount, ...]) -> Refusal | None:
    refusal = _refuse_no_goods(state)
    if refusal is not None:
        return refusal
    if state.status is OrderStatus.PLACED:
        return Refusal("not_confirmed", f"{state.order} is not confirmed yet: its supplier confirms first")
    if state.status is OrderStatus.CLOSED:
        return Refusal("order_closed", f"{state.order} is paid and closed: give the delivery back to its supplier")
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
    line = next(line for line in state.lines if line.item == count.item)
    over_max = line.quantity * OVER_DELIVERY_PER_MILLE // PER_MILLE - line.over_delivered
    if count.counted > line.outstanding + over_max:
        detail = (
            f"{count.item}: {count.counted} counted, at most {line.outstanding + over_max}: {line.outstanding} are "
            f"outstanding, and {over_max} more would be kept"
        )
        return Refusal("counted_beyond_order", detail, RefusalKind.INVALID)
    if count.rejected > count.counted:
        detail = f"{count.item}: {count.rejected} rejected of {count.counted} counted"
        return Refusal("more_rejected_than_counted", detail, RefusalKind.INVALID)
    if count.rejected and not count.reason:
        return Refusal("reason_missing", f"{count.item}: say why {count.rejected} were rejected", RefusalKind.INVALID)
    return None


def _refuse_no_goods(state: Order) -> Refusal | None:
    if state.category is not Category.GOODS:
        return Refusal(
            "not_goods", f"{state.order} is a service ({state.category}): it is neither confirmed nor received"
        )
    return None


def _not_ordered(state: Order, item: str) -> Refusal:
    return Refusal("item_not_ordered", f"{state.order} has no line for {item}", RefusalKind.INVALID)
