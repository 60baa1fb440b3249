"""The fund: money is conserved whatever it hears in whatever order, and the rounds do not depend on the order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.envelope import Event
from pandapack.contracts.procurement import FenInterval, FundCredited, RoundClosed, RoundFunded
from pandapack.decision import Decision, Refusal
from services.procurement.domain import fund
from services.procurement.domain.fund import ROUNDS_A_WRITE_MAX, Fund
from services.procurement.domain.intervals import length_fen, tail
from tests.unit.procurement.programme import PROGRAMME, gifts, need_opened, small

ROUND_FEN = 858  # four parcels for NP, by the small programme
NEEDS = (need_opened("need-kh", "KH", 6, 4), need_opened("need-np", "NP", 5, 5, 5))


def after(state: Fund, *decided: Decision[Fund] | Refusal) -> Fund:
    """The state behind the last decision."""
    last = decided[-1]
    assert isinstance(last, Decision)
    return last.state


def ready() -> Fund:
    """A fund that follows the small programme and knows both needs."""
    state = fund.follow(Fund(programme=PROGRAMME), small()).state
    for need in NEEDS:
        state = fund.meet(state, need).state
    return state


def with_gifts(state: Fund, line: int, fen: int) -> Fund:
    front = next((f.heard_fen for f in state.lines if f.line == line), 0)
    decision = fund.credit(state, gifts(line, front, front + fen))
    assert isinstance(decision, Decision)
    return decision.state


def closing(funded: RoundFunded, spent_fen: int) -> RoundClosed:
    released_fen = funded.reserved_fen - spent_fen
    return RoundClosed(
        round=funded.round,
        programme=PROGRAMME,
        country=funded.country,
        spent_fen=spent_fen,
        released_fen=released_fen,
        released=tail(funded.intervals, released_fen),
        leftover={},
    )


def is_conserved(state: Fund) -> bool:
    return fund.heard_fen(state) == fund.unallocated_fen(state) + fund.open_fen(state) + state.spent_fen


def test_a_round_is_funded_when_it_can_be_paid_in_full_and_not_a_fen_before() -> None:
    short = fund.settle(
        with_gifts(fund.follow(fund.meet(Fund(programme=PROGRAMME), NEEDS[1]).state, small()).state, 0, 857)
    )
    assert [type(event) for event in short.events] == [FundCredited]
    enough = fund.settle(with_gifts(short.state, 0, 1))
    credited, funded = enough.events
    assert credited == FundCredited(programme=PROGRAMME, credited_fen=1, heard_fen={0: 858})
    assert isinstance(funded, RoundFunded)
    assert (funded.round, funded.reserved_fen, length_fen(funded.intervals)) == ("R-000001", ROUND_FEN, ROUND_FEN)
    assert [(s.school, s.parcels) for s in funded.schools] == [("S1", 4)]
    assert fund.unallocated_fen(enough.state) == 0


def test_gifts_wait_unallocated_for_the_publication_and_the_needs() -> None:
    state = fund.settle(with_gifts(Fund(programme=PROGRAMME), 3, 5_000)).state
    assert fund.unallocated_fen(state) == 5_000 and fund.next_round(state) is None
    state = fund.settle(fund.meet(state, NEEDS[1]).state).state
    late = fund.settle(fund.follow(state, small()).state)
    assert [event.ordinal for event in late.events if isinstance(event, RoundFunded)] == [1, 2, 3, 4]


def test_gifts_of_another_programme_change_nothing() -> None:
    state = ready()
    assert fund.credit(state, gifts(0, 0, 10, programme="other")) == Decision(state)


@pytest.mark.parametrize(("fen_from", "fen_to"), [(11, 20), (9, 20), (0, 10)])
def test_a_gap_or_an_overlap_on_a_line_stops(fen_from: int, fen_to: int) -> None:
    refusal = fund.credit(with_gifts(ready(), 0, 10), gifts(0, fen_from, fen_to))
    assert isinstance(refusal, Refusal) and refusal.code == "fen_line_gap"


def test_released_money_is_taken_first_and_then_the_fullest_line() -> None:
    first = fund.settle(with_gifts(ready(), 0, 814))
    funded = next(event for event in first.events if isinstance(event, RoundFunded))
    closed = fund.close(first.state, closing(funded, 700)).state
    following = fund.settle(with_gifts(with_gifts(closed, 0, 500), 1, 600))
    again = next(event for event in following.events if isinstance(event, RoundFunded))
    assert [(i.line, i.fen_from, i.fen_to) for i in again.intervals] == [(0, 700, 814), (1, 0, 600), (0, 814, 958)]


def test_a_replay_of_what_a_closed_source_said_changes_nothing() -> None:
    settled = fund.settle(with_gifts(ready(), 0, 3_000))
    first = next(event for event in settled.events if isinstance(event, RoundFunded))
    closed = fund.close(settled.state, closing(first, 700)).state
    assert fund.close(closed, closing(first, 700)).state == closed
    assert fund.meet(closed, NEEDS[0]).state == closed
    assert fund.follow(closed, small()).state == closed


def test_an_older_publication_never_replaces_a_newer_one() -> None:
    newer = fund.follow(ready(), small(3)).state
    assert fund.follow(newer, small(2)).state == newer


def test_one_write_funds_a_bounded_number_of_rounds_and_says_that_there_is_more() -> None:
    many = fund.meet(fund.follow(Fund(programme=PROGRAMME), small()).state, need_opened("n", "NP", 4 * 40)).state
    state = with_gifts(many, 0, 40 * ROUND_FEN)
    ordinals: list[int] = []
    writes = 0
    while writes == 0 or state.more:
        decision = fund.settle(fund.go_on(state).state)
        state, writes = decision.state, writes + 1
        ordinals += [event.ordinal for event in decision.events if isinstance(event, RoundFunded)]
    assert ordinals == list(range(1, 41))
    assert writes == -(-40 // ROUNDS_A_WRITE_MAX)


def test_the_state_forgets_what_it_no_longer_needs() -> None:
    state = with_gifts(ready(), 0, 100_000)
    settled = fund.settle(state)
    for event in settled.events:
        if isinstance(event, RoundFunded):
            settled = Decision(fund.close(settled.state, closing(event, event.reserved_fen - 5)).state)
    assert settled.state.open_rounds == {}
    assert all(need.schools == () for need in settled.state.needs)


def cost_fen(funded: RoundFunded) -> int:
    """What a round really costs follows from the round alone."""
    return funded.reserved_fen - funded.ordinal * 37 % 60


def played(events: list[tuple[int, int]], closings: list[bool]) -> tuple[list[tuple[object, ...]], Fund]:
    """Hears gifts and closings in the order that the lists say, and then all closings that are left."""
    state, waiting, funded = ready(), list[RoundFunded](), list[tuple[object, ...]]()

    def hear(decision: Decision[Fund] | Refusal) -> None:
        nonlocal state
        assert isinstance(decision, Decision)
        settled = fund.settle(decision.state)
        state = settled.state
        assert is_conserved(state)
        note(settled.events)

    def note(said: tuple[Event, ...]) -> None:
        for event in said:
            if isinstance(event, RoundFunded):
                assert length_fen(event.intervals) == event.reserved_fen
                waiting.append(event)
                funded.append((event.round, event.country, event.parcels, event.reserved_fen, event.schools))

    for (line, fen), close_one in zip(events, closings, strict=True):
        front = next((f.heard_fen for f in state.lines if f.line == line), 0)
        hear(fund.credit(state, gifts(line, front, front + fen)))
        if close_one and waiting:
            one = waiting.pop(line % len(waiting))
            hear(fund.close(state, closing(one, cost_fen(one))))
    while waiting or state.more:
        if waiting:
            one = waiting.pop()
            hear(fund.close(state, closing(one, cost_fen(one))))
        else:
            hear(fund.go_on(state))
    return funded, state


GIFTS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 900)), max_size=30)


@settings(max_examples=150)
@given(GIFTS, st.data())
def test_rounds_and_sums_are_the_same_in_every_order_of_hearing(
    events: list[tuple[int, int]], data: st.DataObject
) -> None:
    closings = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    shuffled = data.draw(st.permutations(events))
    rounds, state = played(events, [False] * len(events))
    again, other = played(shuffled, closings)
    assert again == rounds
    assert (other.spent_fen, fund.unallocated_fen(other)) == (state.spent_fen, fund.unallocated_fen(state))
    held = [*other.released, *(FenInterval(line=f.line, fen_from=f.taken_fen, fen_to=f.heard_fen) for f in other.lines)]
    assert no_fen_is_held_twice(held)


def no_fen_is_held_twice(held: list[FenInterval]) -> bool:
    fen = [(piece.line, one) for piece in held for one in range(piece.fen_from, piece.fen_to)]
    return len(fen) == len(set(fen))
