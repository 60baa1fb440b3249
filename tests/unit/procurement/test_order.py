"""Orders: the item law in every state that can be reached, the three-way match, and refusals in a table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pandapack.contracts.procurement import Category, GoodsReceived, OrderClosed, OrderLine, OrderPaid, OrderRequested
from pandapack.decision import Decision, Refusal
from services.procurement.domain.matching import match_invoice
from services.procurement.domain.order import confirm, place, receive
from services.procurement.domain.order_lines import ReceiptCount
from services.procurement.domain.order_state import Order, OrderStatus

GOODS = "O-000001-demo-supplier-01"
SUPPLIER, WAREHOUSE = "demo-supplier-01", "demo-warehouse"
LINES = (
    OrderLine(item="pencil", quantity=100, unit_price_fen=10),
    OrderLine(item="towel", quantity=20, unit_price_fen=100),
)


def requested(category: Category = Category.GOODS, amount_fen: int = 3_000) -> OrderRequested:
    return OrderRequested(
        order=GOODS,
        round="R-000001",
        programme="love-parcel",
        country="NP",
        category=category,
        supplier="demo-supplier-01",
        lines=LINES if category is Category.GOODS else (),
        amount_fen=amount_fen,
        amount_fen_max=amount_fen + amount_fen // 10,
        price_tolerance_per_mille=50,
        warehouse=WAREHOUSE,
    )


def done(decision: Decision[Order] | Refusal) -> Decision[Order]:
    assert isinstance(decision, Decision), decision
    return decision


def placed(category: Category = Category.GOODS) -> Order:
    return place(Order(order=GOODS), requested(category)).state


def confirmed() -> Order:
    return done(confirm(placed(), {}, SUPPLIER)).state


def count(item: str, counted: int, rejected: int = 0, reason: str | None = "torn") -> ReceiptCount:
    return ReceiptCount(item=item, counted=counted, rejected=rejected, reason=reason if rejected else None, lot="L1")


def received(*counts: ReceiptCount) -> Order:
    return done(receive(confirmed(), "GRN-1", counts, WAREHOUSE)).state


ALL = (count("pencil", 100), count("towel", 20))


def test_a_short_delivery_leaves_the_rest_outstanding() -> None:
    decision = done(receive(confirmed(), "GRN-1", (count("pencil", 60),), WAREHOUSE))
    assert decision.answer["outstanding"] == {"pencil": 40, "towel": 20}
    assert decision.state.status is OrderStatus.PARTLY_RECEIVED


def test_what_is_rejected_is_ordered_again() -> None:
    decision = done(receive(confirmed(), "GRN-1", (count("pencil", 100, 7), count("towel", 20)), WAREHOUSE))
    pencil = decision.state.lines[0]
    assert decision.answer["reordered"] == decision.answer["outstanding"] == {"pencil": 7}
    assert (pencil.ordered, pencil.accepted, pencil.rejected) == (107, 93, 7)
    event = decision.events[0]
    assert isinstance(event, GoodsReceived) and not event.complete and event.reordered == {"pencil": 7}


def test_what_was_over_delivered_stands_in_for_what_was_rejected() -> None:
    decision = done(receive(confirmed(), "GRN-1", (count("pencil", 110, 4), count("towel", 20)), WAREHOUSE))
    assert decision.answer["reordered"] == {} and decision.state.status is OrderStatus.RECEIVED
    event = decision.events[0]
    assert isinstance(event, GoodsReceived) and event.lines[0].over_delivered == 10


def test_paid_is_what_was_bought_and_not_what_was_delivered_beyond_it() -> None:
    over = received(count("pencil", 150), count("towel", 20))
    paid = done(match_invoice(over, "INV-1", 3_000, SUPPLIER))
    assert [type(event) for event in paid.events] == [OrderPaid, OrderClosed]
    assert paid.answer == {"order": GOODS, "status": "closed", "matched": True, "held": None, "paid_fen": 3_000}


def test_a_confirmed_price_counts_for_the_invoice() -> None:
    dearer = done(confirm(placed(), {"towel": 105}, SUPPLIER)).state
    assert dearer.amount_fen == 3_100
    whole = done(receive(dearer, "GRN-1", ALL, WAREHOUSE)).state
    assert done(match_invoice(whole, "INV-1", 3_000, SUPPLIER)).answer["matched"] is False
    assert done(match_invoice(whole, "INV-1", 3_100, SUPPLIER)).answer["matched"] is True


def test_an_invoice_that_differs_is_held_until_a_right_one_comes() -> None:
    held = done(match_invoice(received(*ALL), "INV-1", 3_001, SUPPLIER))
    assert held.answer["held"] == {"invoice": "INV-1", "amount_fen": 3_001, "reason": "amount_differs"}
    assert done(match_invoice(held.state, "INV-2", 3_000, SUPPLIER)).state.status is OrderStatus.CLOSED


def test_an_early_invoice_waits_for_the_goods_and_is_then_paid_by_itself() -> None:
    early = done(match_invoice(confirmed(), "INV-1", 3_000, SUPPLIER))
    assert early.state.held is not None and early.state.held.reason == "goods_outstanding"
    last = done(receive(early.state, "GRN-1", ALL, WAREHOUSE))
    assert [type(event) for event in last.events] == [GoodsReceived, OrderPaid, OrderClosed]
    assert last.answer["status"] == "closed"


CLOSED = done(match_invoice(received(*ALL), "INV-1", 3_000, SUPPLIER)).state
REFUSED: list[tuple[str, Any]] = [
    ("order_unknown", lambda: confirm(Order(order=GOODS), {}, SUPPLIER)),
    ("order_unknown", lambda: receive(Order(order=GOODS), "G", ALL, WAREHOUSE)),
    ("order_unknown", lambda: match_invoice(Order(order=GOODS), "I", 1, SUPPLIER)),
    ("order_unknown", lambda: confirm(placed(), {}, "demo-supplier-02")),
    ("order_unknown", lambda: confirm(placed(), {}, WAREHOUSE)),
    ("order_unknown", lambda: receive(confirmed(), "G", ALL, "other-warehouse")),
    ("order_unknown", lambda: receive(confirmed(), "G", ALL, SUPPLIER)),
    ("order_unknown", lambda: receive(placed(Category.DUTY), "G", ALL, WAREHOUSE)),
    ("order_unknown", lambda: match_invoice(received(*ALL), "I", 3_000, "demo-supplier-02")),
    ("not_goods", lambda: confirm(placed(Category.DUTY), {}, SUPPLIER)),
    ("not_goods", lambda: receive(placed(Category.DUTY), "G", ALL, None)),
    ("already_confirmed", lambda: confirm(confirmed(), {}, SUPPLIER)),
    ("item_not_ordered", lambda: confirm(placed(), {"spoon": 1}, SUPPLIER)),
    ("price_above_tolerance", lambda: confirm(placed(), {"towel": 106}, SUPPLIER)),
    ("not_confirmed", lambda: receive(placed(), "G", ALL, WAREHOUSE)),
    ("order_closed", lambda: receive(CLOSED, "G", ALL, WAREHOUSE)),
    ("order_closed", lambda: match_invoice(CLOSED, "I", 3_000, SUPPLIER)),
    ("receipt_known", lambda: receive(received(count("pencil", 1)), "GRN-1", ALL, WAREHOUSE)),
    ("item_not_ordered", lambda: receive(confirmed(), "G", (count("spoon", 1),), WAREHOUSE)),
    ("item_named_twice", lambda: receive(confirmed(), "G", (count("pencil", 1), count("pencil", 1)), WAREHOUSE)),
    ("more_rejected_than_counted", lambda: receive(confirmed(), "G", (count("pencil", 1, 2),), WAREHOUSE)),
    ("reason_missing", lambda: receive(confirmed(), "G", (count("pencil", 2, 1, None),), WAREHOUSE)),
]


@pytest.mark.parametrize(("code", "decide"), REFUSED, ids=[f"{n}-{code}" for n, (code, _) in enumerate(REFUSED)])
def test_refusals_are_named(code: str, decide: Any) -> None:
    refusal = decide()
    assert isinstance(refusal, Refusal) and refusal.code == code


@given(st.dictionaries(st.sampled_from(["pencil", "towel"]), st.integers(1, 200)))
def test_whatever_is_confirmed_stays_within_what_was_committed(prices: dict[str, int]) -> None:
    decision = confirm(placed(), prices, SUPPLIER)
    if isinstance(decision, Decision):
        assert decision.state.amount_fen <= decision.state.amount_fen_max


COUNTS = st.tuples(st.integers(0, 130), st.integers(0, 130)).map(lambda pair: (max(pair), min(pair)))


class Receiving(RuleBasedStateMachine):
    """Deliveries of any size and quality, and invoices, in any order."""

    @initialize()
    def start(self) -> None:
        self.order = confirmed()
        self.number = 0
        self.receipts: list[GoodsReceived] = []

    @rule(pencil=COUNTS, towel=COUNTS | st.none())
    def deliver(self, pencil: tuple[int, int], towel: tuple[int, int] | None) -> None:
        counts = [count("pencil", *pencil), *([count("towel", *towel)] if towel else [])]
        self.number += 1
        decision = receive(self.order, f"GRN-{self.number}", tuple(counts), WAREHOUSE)
        if self.order.status is OrderStatus.CLOSED:
            assert isinstance(decision, Refusal)
            return
        if isinstance(decision, Refusal):
            lines = {line.item: line for line in self.order.lines}
            kept = {item: line.outstanding + line.quantity - line.over_delivered for item, line in lines.items()}
            assert decision.code == "counted_beyond_order"
            assert any(one.counted > kept[one.item] for one in counts)
            return
        self.order = decision.state
        self.receipts.extend(event for event in decision.events if isinstance(event, GoodsReceived))

    @rule(amount_fen=st.sampled_from([2_999, 3_000, 3_000, 3_001]))
    def invoice(self, amount_fen: int) -> None:
        if self.order.status is not OrderStatus.CLOSED:
            self.order = done(match_invoice(self.order, f"INV-{amount_fen}", amount_fen, SUPPLIER)).state

    @invariant()
    def the_item_law_holds(self) -> None:
        for line in getattr(self, "order", confirmed()).lines:
            assert line.ordered + line.over_delivered == line.received + line.outstanding + line.cancelled
            assert line.received == line.accepted + line.rejected
            assert min(line.outstanding, line.accepted, line.rejected) >= 0
            assert line.complete or line.accepted + line.outstanding == line.quantity

    @invariant()
    def the_law_holds_for_what_was_published_too(self) -> None:
        if not hasattr(self, "order"):
            return
        for line in self.order.lines:
            counts = [one for event in self.receipts for one in event.lines if one.item == line.item]
            assert sum(one.counted for one in counts) == line.received
            assert sum(one.accepted for one in counts) == line.accepted
            assert sum(one.over_delivered for one in counts) == line.over_delivered
            assert line.quantity + sum(event.reordered.get(line.item, 0) for event in self.receipts) == line.ordered

    @invariant()
    def only_complete_orders_are_paid_and_exactly(self) -> None:
        order = getattr(self, "order", confirmed())
        if order.status is OrderStatus.CLOSED:
            assert order.paid_fen == 3_000 and all(line.complete for line in order.lines)


TestReceiving = Receiving.TestCase
