"""The three-way match: what was ordered, what proves that it came, what is asked for.

Goods are proven once they are received whole, counted and inspected; asked for is the supplier's invoice, to the fen.
Freight, insurance and duty are proven by the cost that logistics reports (duty by the release of customs); asked for is
an invoice that waits, else the report's own document, and at most what is reported. Monitoring and administration are
proven once every parcel of the round has found its end; asked for is the supplier's invoice.

A service may cost what was ordered and its tolerance, which is the order's share of the contingency. Nothing is paid
without its proof. What is asked for too early waits for the proof, and is matched again when that comes; what does not
match, or is above what the policy lets pass, waits for a treasurer. Who is paid is who delivered.
"""

from __future__ import annotations

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import ConsignmentClosed, CostIncurred
from pandapack.contracts.procurement import Category, InvoiceRefused, InvoiceReleased, OrderClosed, OrderPaid
from pandapack.decision import Decision, Refusal, RefusalKind
from services.procurement.domain.order_state import (
    INVOICE_TIMES_MAX,
    INVOICES_A_ORDER_MAX,
    Cost,
    HeldFor,
    HeldInvoice,
    HeldReason,
    Invoice,
    Order,
    OrderStatus,
    Ruling,
    Verdict,
    is_reported,
    is_suppliers,
    unknown_order,
)


def match_invoice(state: Order, invoice: str, amount_fen: int, by: str | None) -> Decision[Order] | Refusal:
    """The supplier asks for its money: it is paid, or held. A later invoice takes the place of one that is held."""
    refusal = unknown_order(state.order) if not is_suppliers(state, by) else _refuse_invoice(state, invoice, amount_fen)
    if refusal is not None:
        return refusal
    one = Invoice(invoice=invoice, amount_fen=amount_fen)
    known = state.invoices if one in state.invoices else (*state.invoices, one)
    matched = pay_or_hold(state.model_copy(update={"invoices": known}), invoice, amount_fen)
    after = matched.state
    answer: dict[str, object] = {
        "order": after.order,
        "status": after.status.value,
        "matched": after.held is None,
        "held": after.held.model_dump(mode="json") if after.held else None,
        "paid_fen": after.paid_fen,
    }
    return Decision(after, matched.events, answer)


def record_cost(state: Order, event: CostIncurred) -> Decision[Order]:
    """A service was rendered and costs this much. Before the round asks for the order, the report is kept for it."""
    if state.status is OrderStatus.CLOSED or state.cost is not None:
        return Decision(state)
    assert event.category is not Category.GOODS and event.fen >= 0
    cost = Cost(fen=event.fen, document=event.document, party=event.party)
    known = state.model_copy(update={"cost": cost})
    if state.status is OrderStatus.NEW:
        return Decision(known)
    return match_again(known) if known.held is not None else pay_or_hold(known, event.document, event.fen)


def record_delivery(state: Order, event: ConsignmentClosed) -> Decision[Order]:
    """Every parcel of the round has found its end: services that nobody reports a cost of are proven."""
    assert state.category in (Category.GOODS, Category.MONITORING, Category.ADMINISTRATION)
    if state.status is OrderStatus.CLOSED:
        return Decision(state)
    return match_again(state.model_copy(update={"delivered": True}))


def match_again(state: Order) -> Decision[Order]:
    """What was held for its proof is matched again."""
    if state.held is None or state.held.reason.held_for is not HeldFor.PROOF:
        return Decision(state)
    return pay_or_hold(state, state.held.invoice, state.held.amount_fen)


def pay_or_hold(state: Order, invoice: str, amount_fen: int) -> Decision[Order]:
    """Pays what matches, holds what does not."""
    reason = _mismatch(state, amount_fen)
    if reason is None:
        return Decision(*_pay(state, invoice, amount_fen))
    held = HeldInvoice(invoice=invoice, amount_fen=amount_fen, reason=reason)
    return Decision(state.model_copy(update={"held": held}))


def release_invoice(state: Order, invoice: str, reason: str, by: str) -> Decision[Order] | Refusal:
    """A treasurer has an invoice paid that is proven and does not match, or needs approval."""
    held = _held_for_ruling(state, invoice, Verdict.RELEASED)
    if not isinstance(held, HeldInvoice):
        return held
    if held.reason.held_for is HeldFor.PROOF:
        detail = f"{invoice} waits for its proof ({held.reason}): it is matched by itself once that comes"
        return Refusal("proof_outstanding", detail)
    if held.amount_fen > state.amount_fen_max:
        detail = (
            f"{invoice} asks for {held.amount_fen} fen, and {state.order} has {state.amount_fen_max}: refuse it, and "
            "let the supplier invoice at most that"
        )
        return Refusal("above_committed", detail)
    ruled = _with_ruling(state, held, Verdict.RELEASED, reason, by)
    named = {"order": state.order, "round": state.round, "programme": state.programme}
    released = InvoiceReleased(**named, invoice=invoice, amount_fen=held.amount_fen, reason=reason, by=by)
    paid, events = _pay(ruled, invoice, held.amount_fen)
    return Decision(paid, (released, *events), _ruled(paid, invoice, Verdict.RELEASED))


def refuse_invoice(state: Order, invoice: str, reason: str, by: str) -> Decision[Order] | Refusal:
    """A treasurer refuses an invoice that is held: it is never paid, and the supplier may send another."""
    held = _held_for_ruling(state, invoice, Verdict.REFUSED)
    if not isinstance(held, HeldInvoice):
        return held
    ruled = _with_ruling(state, held, Verdict.REFUSED, reason, by).model_copy(update={"held": None})
    refused = InvoiceRefused(
        order=state.order,
        round=state.round,
        programme=state.programme,
        invoice=invoice,
        amount_fen=held.amount_fen,
        reason=reason,
        by=by,
    )
    return Decision(ruled, (refused,), _ruled(ruled, invoice, Verdict.REFUSED))


def payee_of(state: Order) -> str:
    """Who delivered: of a service whose cost was reported, who reported it; else the supplier."""
    return (state.cost.party if state.cost else "") or state.supplier


def _mismatch(state: Order, amount_fen: int) -> HeldReason | None:
    outstanding = _outstanding(state)
    if outstanding is not None:
        return outstanding
    if state.category is Category.GOODS and amount_fen != state.amount_fen:
        return HeldReason.AMOUNT_DIFFERS
    if amount_fen > state.amount_fen_max:
        return HeldReason.ABOVE_LIMIT
    if state.cost is not None and amount_fen > state.cost.fen:
        return HeldReason.AMOUNT_DIFFERS
    if payee_of(state) != state.supplier:
        return HeldReason.PAYEE_DIFFERS
    limit = state.invoice_fen_max_unapproved
    return None if limit is None or amount_fen <= limit else HeldReason.APPROVAL_OUTSTANDING


def _outstanding(state: Order) -> HeldReason | None:
    """Which proof is still to come."""
    if state.category is Category.GOODS:
        return None if state.status is OrderStatus.RECEIVED else HeldReason.GOODS_OUTSTANDING
    if is_reported(state):
        return HeldReason.COST_OUTSTANDING if state.cost is None else None
    return None if state.delivered else HeldReason.DELIVERY_OUTSTANDING


def _pay(state: Order, invoice: str, amount_fen: int) -> tuple[Order, tuple[Event, ...]]:
    assert 0 <= amount_fen <= state.amount_fen_max, "an order never costs more than was committed"
    assert _outstanding(state) is None, "nothing is paid without its proof"
    payee = payee_of(state)
    update = {"status": OrderStatus.CLOSED, "held": None, "invoice": invoice, "paid_fen": amount_fen, "payee": payee}
    named = {"order": state.order, "round": state.round, "programme": state.programme}
    cancelled = {line.item: line.cancelled for line in state.lines if line.cancelled}
    return state.model_copy(update=update), (
        OrderPaid(**named, category=state.category, invoice=invoice, amount_fen=amount_fen, payee=payee),
        OrderClosed(**named, cancelled=cancelled),
    )


def _refuse_invoice(state: Order, invoice: str, amount_fen: int) -> Refusal | None:
    if state.status is OrderStatus.CLOSED:
        return Refusal("order_closed", f"{state.order} was paid by invoice {state.invoice}: nothing is open")
    if any((one.invoice, one.verdict) == (invoice, Verdict.REFUSED) for one in state.rulings):
        return Refusal("invoice_refused", f"{invoice} was refused by a treasurer: send another, under its own number")
    fen_max = INVOICE_TIMES_MAX * state.amount_fen_max
    if amount_fen > fen_max:
        detail = (
            f"{invoice} asks for {amount_fen} fen, at most {fen_max}: {state.order} may cost {state.amount_fen_max}"
        )
        return Refusal("invoice_beyond_order", detail, RefusalKind.INVALID)
    known = next((one for one in state.invoices if one.invoice == invoice), None)
    if known is not None and known.amount_fen != amount_fen:
        detail = f"{state.order} has an invoice {invoice} of {known.amount_fen} fen: give another amount its own number"
        return Refusal("invoice_known", detail)
    if known is None and len(state.invoices) >= INVOICES_A_ORDER_MAX:
        detail = f"{state.order} has {INVOICES_A_ORDER_MAX} invoices, none of which matched: let a treasurer decide"
        return Refusal("invoices_too_many", detail)
    return None


def _held_for_ruling(state: Order, invoice: str, verdict: Verdict) -> HeldInvoice | Decision[Order] | Refusal:
    """The held invoice on which a treasurer rules; the earlier answer where the ruling is known."""
    if state.status is OrderStatus.NEW:
        return unknown_order(state.order)
    known = next((one for one in state.rulings if one.invoice == invoice), None)
    if known is not None and known.verdict is verdict:
        return Decision(state, (), _ruled(state, invoice, verdict))
    if known is not None:
        return Refusal("invoice_decided", f"{invoice} was {known.verdict} before: {known.reason}")
    if state.held is None or state.held.invoice != invoice:
        detail = f"no invoice {invoice} of {state.order} is held: GET /v1/orders/{state.order} shows which is"
        return Refusal("invoice_unknown", detail, RefusalKind.NOT_FOUND)
    return state.held


def _with_ruling(state: Order, held: HeldInvoice, verdict: Verdict, reason: str, by: str) -> Order:
    ruling = Ruling(invoice=held.invoice, amount_fen=held.amount_fen, verdict=verdict, reason=reason, by=by)
    return state.model_copy(update={"rulings": (*state.rulings, ruling)})


def _ruled(state: Order, invoice: str, verdict: Verdict) -> dict[str, object]:
    return {
        "order": state.order,
        "invoice": invoice,
        "verdict": verdict.value,
        "status": state.status.value,
        "paid_fen": state.paid_fen,
        "payee": state.payee,
    }
