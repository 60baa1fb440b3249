"""Reversals and the fund: they take the front of their fen line, or are owed its next fen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.procurement import FenInterval, FundReversed, RoundFunded, length_fen
from pandapack.decision import Decision, Refusal
from services.procurement.domain import fund
from tests.unit.procurement.funds import front_of, is_conserved, ready, with_donations, with_reversals
from tests.unit.procurement.programme import PROGRAMME, donations, reversals

FIRST_ROUND_FEN = 814  # four parcels for KH, by the small programme


def test_a_reversal_takes_the_front_of_its_fen_line() -> None:
    finished = fund.finish(with_reversals(with_donations(ready(), 2, 100), 2, 30))
    assert finished.events[-1] == FundReversed(
        programme=PROGRAMME,
        reversed_fen=30,
        intervals=(FenInterval(shard=2, fen_from=0, fen_to=30),),
        owed_fen=0,
    )
    assert fund.unallocated_fen(finished.state) == 70


def test_what_the_fen_line_does_not_have_is_owed_and_paid_by_its_next_fen() -> None:
    owing = fund.finish(with_reversals(with_donations(ready(), 2, 20), 2, 30))
    assert fund.unallocated_fen(owing.state) == -10
    reversed_ = owing.events[-1]
    assert isinstance(reversed_, FundReversed) and reversed_.owed_fen == 10
    paid = fund.finish(with_donations(owing.state, 2, 25))
    reversed_ = paid.events[-1]
    assert isinstance(reversed_, FundReversed)
    assert (reversed_.reversed_fen, reversed_.owed_fen) == (0, 0)
    assert reversed_.intervals == (FenInterval(shard=2, fen_from=20, fen_to=30),)
    assert fund.unallocated_fen(paid.state) == 15


def test_a_round_is_not_funded_with_fen_that_are_owed() -> None:
    state = with_reversals(with_donations(ready(), 0, FIRST_ROUND_FEN), 1, 1)
    assert not [event for event in fund.finish(state).events if isinstance(event, RoundFunded)]
    enough = fund.finish(with_donations(state, 0, 1))
    assert [event.reserved_fen for event in enough.events if isinstance(event, RoundFunded)] == [FIRST_ROUND_FEN]


def test_a_reversal_of_another_programme_changes_nothing() -> None:
    state = ready()
    assert fund.reverse(state, reversals(0, 0, 10, programme="other")) == Decision(state)


@pytest.mark.parametrize(("fen_from", "fen_to"), [(11, 20), (9, 20), (0, 10)])
def test_a_gap_or_a_repeat_among_reversals_stops(fen_from: int, fen_to: int) -> None:
    refusal = fund.reverse(with_reversals(ready(), 0, 10), reversals(0, fen_from, fen_to))
    assert isinstance(refusal, Refusal) and refusal.code == "reversal_gap"


STEPS = st.lists(
    st.tuples(st.sampled_from(["donation", "reversal"]), st.integers(0, 3), st.integers(1, 700)), max_size=40
)


@settings(max_examples=60)
@given(STEPS)
def test_money_is_conserved_and_no_fen_goes_two_ways(steps: list[tuple[str, int, int]]) -> None:
    state, taken = ready(), list[FenInterval]()
    for kind, shard, fen in steps:
        front = front_of(state, shard)
        upto = front.applied_fen if kind == "donation" else front.reversed_fen
        decision = (
            fund.credit(state, donations(shard, upto, upto + fen))
            if kind == "donation"
            else fund.reverse(state, reversals(shard, upto, upto + fen))
        )
        assert isinstance(decision, Decision)
        finished = fund.finish(decision.state)
        state = finished.state
        assert is_conserved(state)
        for event in finished.events:
            if isinstance(event, RoundFunded | FundReversed):
                taken += event.intervals
    given_back = sum(front.reversed_fen - front.owed_fen for front in state.shards)
    assert length_fen(taken) == given_back + fund.open_fen(state)
    fens = [(piece.shard, one) for piece in taken for one in range(piece.fen_from, piece.fen_to)]
    assert len(fens) == len(set(fens))
