"""The fund: money is conserved whatever it applies in whatever order, and the rounds do not depend on the order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.envelope import Event
from pandapack.contracts.procurement import FenInterval, FundCredited, RoundClosed, RoundFunded, length_fen
from pandapack.decision import Decision, Refusal
from services.procurement.domain import fund
from services.procurement.domain.fund import ROUNDS_A_WRITE_MAX, Fund
from services.procurement.domain.intervals import tail
from tests.unit.procurement.funds import NEEDS, front_of, ready, with_donations
from tests.unit.procurement.programme import PROGRAMME, donations, need_opened, small

ROUND_FEN = 858  # four parcels for NP, by the small programme


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


def is_conserved_without_reversals(state: Fund) -> bool:
    return fund.applied_fen(state) == fund.unallocated_fen(state) + fund.open_fen(state) + state.spent_fen


def test_a_round_is_funded_when_it_can_be_paid_in_full_and_not_a_fen_before() -> None:
    waiting = fund.follow(fund.add_need(Fund(programme=PROGRAMME), NEEDS[1]).state, small()).state
    short = fund.finish(with_donations(waiting, 0, 857))
    assert [type(event) for event in short.events] == [FundCredited]
    enough = fund.finish(with_donations(short.state, 0, 1))
    credited, funded = enough.events
    assert credited == FundCredited(programme=PROGRAMME, credited_fen=1, applied_fen={0: 858})
    assert isinstance(funded, RoundFunded)
    assert (funded.round, funded.reserved_fen, length_fen(funded.intervals)) == ("R-000001", ROUND_FEN, ROUND_FEN)
    assert (funded.need, funded.parcels, funded.parcels_before, funded.meets_need) == ("need-np", 4, 0, False)
    assert fund.unallocated_fen(enough.state) == 0


def test_donations_wait_unallocated_for_the_publication_and_the_needs() -> None:
    state = fund.finish(with_donations(Fund(programme=PROGRAMME), 3, 5_000)).state
    assert fund.unallocated_fen(state) == 5_000 and fund.next_round(state) is None
    state = fund.finish(fund.add_need(state, NEEDS[1]).state).state
    late = fund.finish(fund.follow(state, small()).state)
    assert [event.ordinal for event in late.events if isinstance(event, RoundFunded)] == [1, 2, 3, 4]


def test_donations_of_another_programme_change_nothing() -> None:
    state = ready()
    assert fund.credit(state, donations(0, 0, 10, programme="other")) == Decision(state)


@pytest.mark.parametrize(("fen_from", "fen_to"), [(11, 20), (9, 20), (0, 10)])
def test_a_gap_or_an_overlap_on_a_fen_line_stops(fen_from: int, fen_to: int) -> None:
    refusal = fund.credit(with_donations(ready(), 0, 10), donations(0, fen_from, fen_to))
    assert isinstance(refusal, Refusal) and refusal.code == "fen_line_gap"


def test_released_money_is_drawn_first_and_then_the_fullest_shard() -> None:
    first = fund.finish(with_donations(ready(), 0, 814))
    funded = next(event for event in first.events if isinstance(event, RoundFunded))
    closed = fund.close_round(first.state, closing(funded, 700)).state
    following = fund.finish(with_donations(with_donations(closed, 0, 500), 1, 600))
    again = next(event for event in following.events if isinstance(event, RoundFunded))
    assert [(i.shard, i.fen_from, i.fen_to) for i in again.intervals] == [(0, 700, 814), (1, 0, 600), (0, 814, 958)]


def test_a_replay_of_what_a_closed_source_published_changes_nothing() -> None:
    finished = fund.finish(with_donations(ready(), 0, 3_000))
    first = next(event for event in finished.events if isinstance(event, RoundFunded))
    closed = fund.close_round(finished.state, closing(first, 700)).state
    assert fund.close_round(closed, closing(first, 700)).state == closed
    assert fund.add_need(closed, NEEDS[0]).state == closed
    assert fund.follow(closed, small()).state == closed


def test_an_older_publication_never_replaces_a_newer_one() -> None:
    newer = fund.follow(ready(), small(3)).state
    assert fund.follow(newer, small(2)).state == newer


def test_one_write_funds_a_bounded_number_of_rounds_and_knows_that_it_can_fund_more() -> None:
    many = fund.add_need(fund.follow(Fund(programme=PROGRAMME), small()).state, need_opened("n", "NP", 4 * 40)).state
    state = with_donations(many, 0, 40 * ROUND_FEN)
    ordinals: list[int] = []
    writes = 0
    while writes == 0 or state.can_fund_more:
        decision = fund.finish(fund.resume(state).state)
        state, writes = decision.state, writes + 1
        ordinals += [event.ordinal for event in decision.events if isinstance(event, RoundFunded)]
    assert ordinals == list(range(1, 41))
    assert writes == -(-40 // ROUNDS_A_WRITE_MAX)


def test_the_state_forgets_what_it_no_longer_needs() -> None:
    state = with_donations(ready(), 0, 100_000)
    finished = fund.finish(state)
    for event in finished.events:
        if isinstance(event, RoundFunded):
            finished = Decision(fund.close_round(finished.state, closing(event, event.reserved_fen - 5)).state)
    assert finished.state.open_rounds == {}
    assert finished.state.open_pieces == {}
    assert (finished.state.needs, finished.state.known_needs) == ((), ((1, 2),))


def cost_fen(funded: RoundFunded) -> int:
    """What a round really costs follows from the round alone."""
    return funded.reserved_fen - funded.ordinal * 37 % 60


def played(recorded: list[tuple[int, int]], closings: list[bool]) -> tuple[list[tuple[object, ...]], Fund]:
    """Applies donations and closings in the order that the lists have, and then all closings that are left."""
    state, waiting, funded = ready(), list[RoundFunded](), list[tuple[object, ...]]()

    def adopt(decision: Decision[Fund] | Refusal) -> None:
        nonlocal state
        assert isinstance(decision, Decision)
        finished = fund.finish(decision.state)
        state = finished.state
        assert is_conserved_without_reversals(state)
        note(finished.events)

    def note(events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, RoundFunded):
                assert length_fen(event.intervals) == event.reserved_fen
                waiting.append(event)
                funded.append((event.round, event.country, event.parcels, event.reserved_fen, event.parcels_before))

    for (shard, fen), close_one in zip(recorded, closings, strict=True):
        applied_fen = front_of(state, shard).applied_fen
        adopt(fund.credit(state, donations(shard, applied_fen, applied_fen + fen)))
        if close_one and waiting:
            one = waiting.pop(shard % len(waiting))
            adopt(fund.close_round(state, closing(one, cost_fen(one))))
    while waiting or state.can_fund_more:
        if waiting:
            one = waiting.pop()
            adopt(fund.close_round(state, closing(one, cost_fen(one))))
        else:
            adopt(fund.resume(state))
    return funded, state


DONATIONS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 900)), max_size=30)


@settings(max_examples=60)
@given(DONATIONS, st.data())
def test_rounds_and_sums_are_the_same_in_whatever_order_events_are_applied(
    recorded: list[tuple[int, int]], data: st.DataObject
) -> None:
    closings = data.draw(st.lists(st.booleans(), min_size=len(recorded), max_size=len(recorded)))
    shuffled = data.draw(st.permutations(recorded))
    rounds, state = played(recorded, [False] * len(recorded))
    again, other = played(shuffled, closings)
    assert again == rounds
    assert (other.spent_fen, fund.unallocated_fen(other)) == (state.spent_fen, fund.unallocated_fen(state))
    fronts = [FenInterval(shard=f.shard, fen_from=f.taken_fen, fen_to=f.applied_fen) for f in other.shards]
    assert no_fen_is_held_twice([*other.released, *fronts])


def no_fen_is_held_twice(held: list[FenInterval]) -> bool:
    fen = [(piece.shard, one) for piece in held for one in range(piece.fen_from, piece.fen_to)]
    return len(fen) == len(set(fen))
