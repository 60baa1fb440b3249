"""Reversals and the fund: they take the front of their line, or are owed its next fen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.procurement import FenInterval, FundReversed, RoundFunded
from pandapack.decision import Decision, Refusal
from services.procurement.domain import fund
from services.procurement.domain.fund import Fund
from services.procurement.domain.intervals import length_fen
from tests.unit.procurement.programme import PROGRAMME, gifts, reversals
from tests.unit.procurement.test_fund import ready, with_gifts

FIRST_ROUND_FEN = 814  # four parcels for KH, by the small programme


def with_reversals(state: Fund, line: int, fen: int) -> Fund:
    front = next((f.reversed_fen for f in state.lines if f.line == line), 0)
    decision = fund.reverse(state, reversals(line, front, front + fen))
    assert isinstance(decision, Decision)
    return decision.state


def is_conserved(state: Fund) -> bool:
    used_fen = fund.open_fen(state) + state.spent_fen + fund.reversed_fen(state)
    return fund.heard_fen(state) == fund.unallocated_fen(state) + used_fen


def test_a_reversal_takes_the_front_of_its_line() -> None:
    settled = fund.settle(with_reversals(with_gifts(ready(), 2, 100), 2, 30))
    assert settled.events[-1] == FundReversed(
        programme=PROGRAMME,
        reversed_fen=30,
        intervals=(FenInterval(line=2, fen_from=0, fen_to=30),),
        owed_fen=0,
    )
    assert fund.unallocated_fen(settled.state) == 70


def test_what_the_line_does_not_have_is_owed_and_paid_by_its_next_fen() -> None:
    owing = fund.settle(with_reversals(with_gifts(ready(), 2, 20), 2, 30))
    assert fund.unallocated_fen(owing.state) == -10
    told = owing.events[-1]
    assert isinstance(told, FundReversed) and told.owed_fen == 10
    paid = fund.settle(with_gifts(owing.state, 2, 25))
    told = paid.events[-1]
    assert isinstance(told, FundReversed)
    assert (told.reversed_fen, told.owed_fen) == (0, 0)
    assert told.intervals == (FenInterval(line=2, fen_from=20, fen_to=30),)
    assert fund.unallocated_fen(paid.state) == 15


def test_a_round_is_not_funded_with_fen_that_are_owed() -> None:
    state = with_reversals(with_gifts(ready(), 0, FIRST_ROUND_FEN), 1, 1)
    assert not [event for event in fund.settle(state).events if isinstance(event, RoundFunded)]
    enough = fund.settle(with_gifts(state, 0, 1))
    assert [event.reserved_fen for event in enough.events if isinstance(event, RoundFunded)] == [FIRST_ROUND_FEN]


def test_a_reversal_of_another_programme_changes_nothing() -> None:
    state = ready()
    assert fund.reverse(state, reversals(0, 0, 10, programme="other")) == Decision(state)


@pytest.mark.parametrize(("fen_from", "fen_to"), [(11, 20), (9, 20), (0, 10)])
def test_a_gap_or_a_repeat_among_reversals_stops(fen_from: int, fen_to: int) -> None:
    refusal = fund.reverse(with_reversals(ready(), 0, 10), reversals(0, fen_from, fen_to))
    assert isinstance(refusal, Refusal) and refusal.code == "reversal_gap"


STEPS = st.lists(st.tuples(st.sampled_from(["gift", "reversal"]), st.integers(0, 3), st.integers(1, 700)), max_size=40)


@settings(max_examples=150)
@given(STEPS)
def test_money_is_conserved_and_no_fen_goes_two_ways(steps: list[tuple[str, int, int]]) -> None:
    state, taken = ready(), list[FenInterval]()
    for kind, line, fen in steps:
        front = next((f for f in state.lines if f.line == line), fund.LineFront(line=line))
        upto = front.heard_fen if kind == "gift" else front.reversed_fen
        told = (
            fund.credit(state, gifts(line, upto, upto + fen))
            if kind == "gift"
            else fund.reverse(state, reversals(line, upto, upto + fen))
        )
        assert isinstance(told, Decision)
        settled = fund.settle(told.state)
        state = settled.state
        assert is_conserved(state)
        for event in settled.events:
            if isinstance(event, RoundFunded | FundReversed):
                taken += event.intervals
    given_back = sum(front.reversed_fen - front.owed_fen for front in state.lines)
    assert length_fen(taken) == given_back + fund.open_fen(state)
    fens = [(piece.line, one) for piece in taken for one in range(piece.fen_from, piece.fen_to)]
    assert len(fens) == len(set(fens))
