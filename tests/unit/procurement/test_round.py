"""Rounds: money, stock and parcels, from the funding to the close."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.logistics import ConsignmentClosed
from pandapack.contracts.procurement import (
    FenInterval,
    FundsCommitted,
    FundsSpent,
    GoodsReceived,
    OrderClosed,
    OrderPaid,
    OrderRequested,
    ParcelsPacked,
    ReceiptLine,
    RoundClosed,
    RoundFunded,
    length_fen,
)
from pandapack.decision import Decision, Refusal
from services.procurement.domain import round
from services.procurement.domain.pricing import plan_round, pricing_of
from services.procurement.domain.round import Round, RoundStatus
from tests.unit.procurement.programme import schools, small

PRICING = pricing_of(small())
PLAN = plan_round(PRICING, "small", "NP", 4)
HALF = FenInterval(shard=0, fen_from=0, fen_to=400)
REST = FenInterval(shard=1, fen_from=50, fen_to=50 + PLAN.reserved_fen - 400)
FUNDED = RoundFunded(
    round="R-000001",
    ordinal=1,
    programme="love-parcel",
    publication=1,
    need="need-np",
    country="NP",
    specification="small",
    parcels=4,
    plan_fen=PLAN.plan_fen,
    contingency_fen=PLAN.contingency_fen,
    reserved_fen=PLAN.reserved_fen,
    intervals=(HALF, REST),
    parcels_before=0,
    meets_need=False,
)
PENCILS, TOWELS = "O-000001-demo-supplier-01", "O-000001-demo-supplier-02"


def opened() -> Round:
    return round.open_round(Round(round="R-000001"), FUNDED, PRICING, schools(4)).state


def goods(order: str, item: str, accepted: int) -> GoodsReceived:
    line = ReceiptLine(item=item, counted=accepted, accepted=accepted, rejected=0, lot="L")
    return GoodsReceived(
        order=order,
        round="R-000001",
        programme="love-parcel",
        receipt="G",
        lines=(line,),
        reordered={},
        complete=True,
    )


def stocked(pencils: int = 10, towels: int = 4) -> Round:
    state = round.receive_goods(opened(), goods(PENCILS, "pencil", pencils)).state
    return round.receive_goods(state, goods(TOWELS, "towel", towels)).state


def payment(order: str, fen: int) -> OrderPaid:
    category = next(known.category for known in opened().orders if known.order == order)
    return OrderPaid(
        order=order, round="R-000001", programme="love-parcel", category=category, invoice="I", amount_fen=fen
    )


def order_end(order: str) -> OrderClosed:
    return OrderClosed(order=order, round="R-000001", programme="love-parcel", cancelled={})


CONSIGNMENT = ConsignmentClosed(
    round="R-000001",
    programme="love-parcel",
    country="NP",
    accepted=2,
    rejected=0,
    damaged=1,
    lost=1,
    returned=0,
)


def kitted(state: Round, parcels: int = 4) -> Round:
    decision = round.kit(state, f"LOT-{round.packed_parcels(state)}", parcels, None)
    assert isinstance(decision, Decision), decision
    return decision.state


def balanced(state: Round) -> bool:
    parts = (round.reserved_fen(state), round.committed_fen(state), round.spent_fen(state), state.released_fen)
    return min(parts) >= 0 and sum(parts) == state.funded_fen


def test_a_funded_round_requests_all_its_orders_and_commits_their_money_at_once() -> None:
    decision = round.open_round(Round(round="R-000001"), FUNDED, PRICING, schools(4))
    asked = [event for event in decision.events if isinstance(event, OrderRequested)]
    committed = [event for event in decision.events if isinstance(event, FundsCommitted)]
    assert [event.order.removeprefix("O-000001-") for event in asked] == [
        "demo-supplier-01",
        "demo-supplier-02",
        "freight",
        "insurance",
        "duty",
        "monitoring",
        "administration",
    ]
    assert sum(event.fen for event in committed) == FUNDED.reserved_fen
    assert balanced(decision.state)


def test_parcels_are_packed_whole_and_take_the_bill_of_materials_from_the_stock() -> None:
    state = stocked()
    assert round.packable_parcels(state) == 4
    decision = round.kit(state, "LOT-1", 3, None)
    assert isinstance(decision, Decision)
    assert decision.answer["last_serial"] == "R-000001-0003"
    event = decision.events[0]
    assert isinstance(event, ParcelsPacked) and event.consumed == {"pencil": 6, "towel": 3}
    assert round.in_stock(decision.state) == {"pencil": 4, "towel": 1}
    last = round.kit(decision.state, "LOT-2", 1, None)
    assert isinstance(last, Decision) and last.state.status is RoundStatus.PACKED


@pytest.mark.parametrize(
    ("state", "lot", "parcels", "code"),
    [
        (Round(round="R-9"), "LOT-1", 1, "round_unknown"),
        (opened(), "LOT-1", 1, "stock_short"),
        (stocked(pencils=7), "LOT-1", 4, "stock_short"),
        (stocked(), "LOT-1", 5, "too_many_parcels"),
        (kitted(stocked(), 1), "LOT-0", 1, "lot_known"),
        (kitted(stocked(), 4), "LOT-1", 1, "too_many_parcels"),
    ],
)
def test_what_cannot_be_packed_is_refused(state: Round, lot: str, parcels: int, code: str) -> None:
    refusal = round.kit(state, lot, parcels, None)
    assert isinstance(refusal, Refusal) and refusal.code == code


def test_a_shortage_names_what_is_missing() -> None:
    refusal = round.kit(stocked(pencils=7, towels=2), "LOT-1", 4, None)
    assert isinstance(refusal, Refusal) and "1 of pencil, 2 of towel" in refusal.detail


def test_a_payment_gives_what_an_order_did_not_need_back_to_the_reserve() -> None:
    decision = round.pay_order(opened(), payment(PENCILS, 95))
    event = decision.events[0]
    assert isinstance(event, FundsSpent) and (event.fen, event.uncommitted_fen) == (95, 15)
    assert round.reserved_fen(decision.state) == 15 and balanced(decision.state)


@given(st.data())
def test_a_round_closes_when_all_is_over_in_whatever_order_and_gives_back_the_tail(data: st.DataObject) -> None:
    state = kitted(stocked(pencils=11))
    orders = [known.order for known in state.orders]
    costs = {known.order: data.draw(st.integers(0, known.committed_fen)) for known in state.orders}
    closed: list[RoundClosed] = []
    for what in data.draw(st.permutations([*orders, "consignment"])):
        assert not closed
        if what == "consignment":
            decision = round.close_consignment(state, CONSIGNMENT)
        else:
            state = round.pay_order(state, payment(what, costs[what])).state
            decision = round.close_order(state, order_end(what))
        state = decision.state
        assert balanced(state)
        closed += [event for event in decision.events if isinstance(event, RoundClosed)]
    (end,) = closed
    assert end.spent_fen == sum(costs.values())
    assert end.spent_fen + end.released_fen == FUNDED.reserved_fen == end.spent_fen + length_fen(end.released)
    assert end.leftover == {"pencil": 3}
    assert not end.released or end.released[-1].fen_to == REST.fen_to
    assert state.status is RoundStatus.CLOSED


def test_a_round_is_not_over_while_parcels_are_unpacked() -> None:
    state = stocked()
    for order in state.orders:
        state = round.close_order(round.pay_order(state, payment(order.order, 0)).state, order_end(order.order)).state
    assert state.status is RoundStatus.OPEN


def test_nothing_changes_by_an_order_that_is_closed() -> None:
    state = round.close_order(round.pay_order(stocked(), payment(PENCILS, 90)).state, order_end(PENCILS)).state
    for decision in (
        round.receive_goods(state, goods(PENCILS, "pencil", 10)),
        round.pay_order(state, payment(PENCILS, 90)),
        round.close_order(state, order_end(PENCILS)),
    ):
        assert decision == Decision(state)
