"""The three-way match of services, what a treasurer makes of held invoices, and who is paid."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.logistics import ConsignmentClosed, CostIncurred
from pandapack.contracts.procurement import Category, InvoiceRefused, InvoiceReleased, OrderClosed, OrderPaid
from pandapack.decision import Decision, Refusal
from services.procurement.domain.matching import (
    match_invoice,
    record_cost,
    record_delivery,
    refuse_invoice,
    release_invoice,
)
from services.procurement.domain.order import place, receive
from services.procurement.domain.order_state import HeldFor, HeldReason, Order, OrderStatus, Verdict
from tests.unit.procurement.test_order import ALL, GOODS, SUPPLIER, WAREHOUSE, confirmed, done, placed, requested

OTHER = "demo-supplier-02"
TREASURER, BUYER = "0a1b2c3d", "9f8e7d6c"


def cost(fen: int, category: Category = Category.FREIGHT, party: str = SUPPLIER) -> CostIncurred:
    return CostIncurred(
        round="R-000001",
        programme="love-parcel",
        country="NP",
        category=category,
        fen=fen,
        document="AWB-1",
        party=party,
    )


def delivered() -> ConsignmentClosed:
    named = {"round": "R-000001", "programme": "love-parcel", "country": "NP"}
    return ConsignmentClosed(**named, accepted=4, rejected=0, damaged=0, lost=0, returned=0)


def invoiced(state: Order, invoice: str, fen: int) -> Order:
    return done(match_invoice(state, invoice, fen, SUPPLIER)).state


def whole(limit_fen: int | None = None) -> Order:
    """Goods of 3,000 fen, all there."""
    state = confirmed().model_copy(update={"invoice_fen_max_unapproved": limit_fen})
    return done(receive(state, "GRN-1", ALL, WAREHOUSE)).state


def reason_of(state: Order) -> HeldReason | None:
    return state.held.reason if state.held else None


def test_a_service_is_paid_when_logistics_reports_its_cost() -> None:
    paid = record_cost(placed(Category.FREIGHT), cost(2_900)).state
    assert (paid.status, paid.paid_fen, paid.invoice, paid.payee) == (OrderStatus.CLOSED, 2_900, "AWB-1", SUPPLIER)


def test_a_cost_that_comes_before_the_request_waits_in_the_order() -> None:
    parked = record_cost(Order(order=GOODS), cost(2_900))
    assert parked.state.status is OrderStatus.NEW and parked.events == ()
    paid = place(parked.state, requested(Category.FREIGHT))
    assert (paid.state.status, paid.state.paid_fen) == (OrderStatus.CLOSED, 2_900)


def test_a_cost_above_the_limit_is_held_and_a_lower_invoice_is_paid() -> None:
    held = record_cost(placed(Category.DUTY), cost(3_301, Category.DUTY)).state
    assert reason_of(held) is HeldReason.ABOVE_LIMIT
    assert invoiced(held, "INV-2", 3_300).paid_fen == 3_300


def test_freight_is_not_paid_before_its_cost_is_reported_and_then_by_the_invoice_that_waits() -> None:
    early = invoiced(placed(Category.FREIGHT), "INV-1", 2_000)
    assert reason_of(early) is HeldReason.COST_OUTSTANDING
    paid = record_cost(early, cost(2_900)).state
    assert (paid.paid_fen, paid.invoice) == (2_000, "INV-1")


def test_an_invoice_above_the_cost_that_was_reported_is_held() -> None:
    early = invoiced(placed(Category.FREIGHT), "INV-1", 2_901)
    held = record_cost(early, cost(2_900)).state
    assert (held.status, reason_of(held)) == (OrderStatus.PLACED, HeldReason.AMOUNT_DIFFERS)
    assert invoiced(held, "INV-2", 2_900).paid_fen == 2_900


@pytest.mark.parametrize("category", [Category.MONITORING, Category.ADMINISTRATION])
def test_a_service_that_nobody_reports_is_paid_once_the_parcels_have_found_their_end(category: Category) -> None:
    early = invoiced(placed(category), "INV-1", 3_300)
    assert reason_of(early) is HeldReason.DELIVERY_OUTSTANDING
    paid = record_delivery(early, delivered())
    assert [type(event) for event in paid.events] == [OrderPaid, OrderClosed]
    assert (paid.state.paid_fen, paid.state.payee) == (3_300, SUPPLIER)


def test_delivery_alone_pays_nothing() -> None:
    proven = record_delivery(placed(Category.MONITORING), delivered())
    assert (proven.state.status, proven.events) == (OrderStatus.PLACED, ())
    assert invoiced(proven.state, "INV-1", 3_300).status is OrderStatus.CLOSED


def test_a_delivery_that_comes_before_the_request_is_kept_for_it() -> None:
    early = record_delivery(Order(order=GOODS), delivered()).state
    order = place(early, requested(Category.MONITORING)).state
    assert invoiced(order, "INV-1", 3_000).status is OrderStatus.CLOSED


def test_what_exceeds_order_and_tolerance_is_held_though_it_is_proven() -> None:
    proven = record_delivery(placed(Category.ADMINISTRATION), delivered()).state
    assert reason_of(invoiced(proven, "INV-1", 3_301)) is HeldReason.ABOVE_LIMIT


def test_who_is_paid_is_who_delivered_and_another_than_was_ordered_waits_for_a_treasurer() -> None:
    held = record_cost(placed(Category.FREIGHT), cost(2_900, party=OTHER)).state
    assert reason_of(held) is HeldReason.PAYEE_DIFFERS
    paid = done(release_invoice(held, "AWB-1", "the order was passed on", TREASURER))
    event = paid.events[1]
    assert isinstance(event, OrderPaid) and event.payee == OTHER == paid.state.payee


def test_a_cost_that_staff_reported_is_paid_to_the_supplier() -> None:
    assert record_cost(placed(Category.FREIGHT), cost(2_900, party="")).state.payee == SUPPLIER


@pytest.mark.parametrize(("limit_fen", "reason"), [(None, None), (3_000, None), (2_999, "approval_outstanding")])
def test_a_matched_invoice_above_the_policys_limit_waits_for_a_treasurer(
    limit_fen: int | None, reason: str | None
) -> None:
    after = invoiced(whole(limit_fen), "INV-1", 3_000)
    assert (after.status is OrderStatus.CLOSED, reason_of(after)) == (reason is None, reason)


def test_a_released_invoice_is_paid_and_tells_who_released_it_and_why() -> None:
    held = invoiced(whole(), "INV-1", 3_100)
    released = done(release_invoice(held, "INV-1", "freight was agreed by telephone", TREASURER))
    assert [type(event) for event in released.events] == [InvoiceReleased, OrderPaid, OrderClosed]
    event = released.events[0]
    assert isinstance(event, InvoiceReleased)
    assert (event.by, event.reason, event.amount_fen) == (TREASURER, "freight was agreed by telephone", 3_100)
    assert (released.state.paid_fen, released.state.rulings[0].by) == (3_100, TREASURER)


def test_ruling_again_changes_nothing_and_answers_the_same() -> None:
    released = done(release_invoice(invoiced(whole(), "INV-1", 3_100), "INV-1", "why", TREASURER))
    assert release_invoice(released.state, "INV-1", "again", BUYER) == Decision(released.state, (), released.answer)
    refused = done(refuse_invoice(invoiced(whole(), "INV-1", 3_100), "INV-1", "why", TREASURER))
    assert refuse_invoice(refused.state, "INV-1", "again", BUYER) == Decision(refused.state, (), refused.answer)


def test_a_refused_invoice_is_never_paid_and_the_next_one_may_be() -> None:
    refused = done(refuse_invoice(invoiced(whole(), "INV-1", 3_100), "INV-1", "not what we agreed", TREASURER))
    (event,) = refused.events
    assert isinstance(event, InvoiceRefused) and (event.by, event.reason) == (TREASURER, "not what we agreed")
    assert (refused.state.held, refused.state.rulings[0].verdict) == (None, Verdict.REFUSED)
    again = match_invoice(refused.state, "INV-1", 3_100, SUPPLIER)
    assert isinstance(again, Refusal) and again.code == "invoice_refused"
    assert invoiced(refused.state, "INV-2", 3_000).status is OrderStatus.CLOSED


def test_each_reason_waits_for_its_proof_or_for_a_treasurer() -> None:
    for_proof = {one for one in HeldReason if one.held_for is HeldFor.PROOF}
    assert for_proof == {
        HeldReason.GOODS_OUTSTANDING,
        HeldReason.COST_OUTSTANDING,
        HeldReason.DELIVERY_OUTSTANDING,
    }


def test_replays_change_nothing() -> None:
    paid = record_cost(placed(Category.FREIGHT), cost(2_900)).state
    assert record_cost(paid, cost(2_900)) == Decision(paid)
    assert place(paid, requested(Category.FREIGHT)) == Decision(paid)
    held = record_cost(placed(Category.FREIGHT), cost(9_999)).state
    assert record_cost(held, cost(1)) == Decision(held)


def many_invoices() -> Order:
    state = confirmed()
    for number in range(50):
        state = invoiced(state, f"INV-{number}", number)
    return state


DIFFERS = invoiced(whole(), "INV-1", 3_100)
REFUSED: list[tuple[str, Any]] = [
    ("order_unknown", lambda: release_invoice(Order(order=GOODS), "INV-1", "why", TREASURER)),
    ("order_unknown", lambda: refuse_invoice(Order(order=GOODS), "INV-1", "why", TREASURER)),
    ("invoice_unknown", lambda: release_invoice(DIFFERS, "INV-2", "why", TREASURER)),
    ("invoice_unknown", lambda: release_invoice(whole(), "INV-1", "why", TREASURER)),
    ("proof_outstanding", lambda: release_invoice(invoiced(confirmed(), "I", 3_000), "I", "why", TREASURER)),
    ("proof_outstanding", lambda: release_invoice(invoiced(placed(Category.DUTY), "I", 1), "I", "why", TREASURER)),
    ("proof_outstanding", lambda: release_invoice(invoiced(placed(Category.MONITORING), "I", 1), "I", "w", TREASURER)),
    ("above_committed", lambda: release_invoice(invoiced(whole(), "INV-1", 3_301), "INV-1", "why", TREASURER)),
    (
        "invoice_decided",
        lambda: refuse_invoice(
            done(release_invoice(DIFFERS, "INV-1", "why", TREASURER)).state, "INV-1", "w", TREASURER
        ),
    ),
    ("invoice_known", lambda: match_invoice(DIFFERS, "INV-1", 3_000, SUPPLIER)),
    ("invoices_too_many", lambda: match_invoice(many_invoices(), "INV-50", 1, SUPPLIER)),
    ("order_unknown", lambda: match_invoice(DIFFERS, "INV-2", 3_000, OTHER)),
    ("order_unknown", lambda: match_invoice(DIFFERS, "INV-2", 3_000, WAREHOUSE)),
]


@pytest.mark.parametrize(("code", "decide"), REFUSED, ids=[f"{n}-{code}" for n, (code, _) in enumerate(REFUSED)])
def test_refusals_are_named(code: str, decide: Any) -> None:
    refusal = decide()
    assert isinstance(refusal, Refusal) and refusal.code == code
