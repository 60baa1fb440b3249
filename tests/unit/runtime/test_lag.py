"""How far behind a group is, since when, and whether it moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pandapack.runtime.lag import (
    LOOKS_APART_S_MAX,
    STALLED_S_MAX,
    Consumed,
    Lag,
    Lags,
    can_work,
    complete_to,
)

NOON = datetime(2021, 11, 11, 12, tzinfo=UTC)
FIRST, SECOND = Consumed("panda.reporting", "donations.events", 0), Consumed("panda.reporting", "donations.events", 1)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def look(lags: Lags, second: float, position: int | None, end: int) -> Lag:
    lags.look(at(second), {FIRST: position}, {FIRST.of_topic: end})
    (lag,) = lags.now()
    return lag


def test_a_partition_that_is_done_has_no_lag_and_no_age() -> None:
    lag = look(Lags(), 0, 7, 7)
    assert (lag.records, lag.waiting_s, lag.is_stalled) == (0, 0.0, False)


@pytest.mark.parametrize("ends", [{}, {FIRST.of_topic: 7}])
def test_what_kafka_did_not_say_is_unknown_and_not_zero(ends: dict[tuple[str, int], int]) -> None:
    lags = Lags()
    lags.look(NOON, {FIRST: 3 if not ends else None}, ends)
    (lag,) = lags.now()
    assert (lag.records, lag.waiting_s, lag.as_json()["records"]) == (None, None, None)


def test_an_age_is_that_of_the_first_record_not_done_and_not_of_the_last() -> None:
    lags = Lags()
    look(lags, 0, 5, 5)
    look(lags, 1, 5, 6)  # it was appended between these two
    lag = look(lags, 2, 5, 9)
    assert (lag.records, lag.waiting_s) == (4, 2.0)


def test_while_it_moves_its_age_is_known_from_the_looks_themselves_and_nothing_is_read() -> None:
    lags = Lags()
    look(lags, 0, 5, 5)
    for second in range(1, 30):
        to_read = lags.look(at(second), {FIRST: 5 + second - 1}, {FIRST.of_topic: 5 + 10 * second})
        assert not to_read
    assert lags.now()[0].waiting_s == 29 - 2


def test_what_was_there_before_the_first_look_is_read_once_while_the_position_stands() -> None:
    lags = Lags()
    assert lags.look(NOON, {FIRST: 5}, {FIRST.of_topic: 9}) == [FIRST]
    lags.learn(FIRST, at(-180))
    assert lags.now()[0].waiting_s == 180.0
    assert lags.look(at(1), {FIRST: 5}, {FIRST.of_topic: 12}) == []
    assert lags.now()[0].waiting_s == 181.0


def test_what_stands_is_read_though_the_looks_tell_its_age_to_a_second() -> None:
    lags = Lags()
    look(lags, 0, 5, 5)
    assert lags.look(at(1), {FIRST: 5}, {FIRST.of_topic: 6}) == []
    assert lags.look(at(2), {FIRST: 5}, {FIRST.of_topic: 6}) == [FIRST]


def test_input_that_waits_while_nothing_moves_is_stalled_since_it_was_first_seen_so() -> None:
    lags = Lags()
    for second in range(int(STALLED_S_MAX)):
        assert not look(lags, second, 5, 6 + second).is_stalled
    lag = look(lags, STALLED_S_MAX, 5, 60)
    assert lag.is_stalled and lag.stall_as_json()["since"] == NOON.isoformat(timespec="seconds")
    assert not look(lags, STALLED_S_MAX + 1, 6, 60).is_stalled, "it has moved"


def test_an_idle_partition_is_not_stalled_however_long_nothing_comes() -> None:
    lags = Lags()
    for second in range(100):
        assert not look(lags, second, 5, 5).is_stalled
    assert not look(lags, 100, 5, 6).is_stalled, "its input has only just come"


def test_who_was_held_itself_does_not_take_for_a_stall_what_it_did_not_look_at() -> None:
    lags = Lags()
    look(lags, 0, 5, 6)
    assert not look(lags, 40, 5, 99).is_stalled
    assert LOOKS_APART_S_MAX < 40


def test_a_topic_that_was_made_anew_forgets_where_the_old_one_ended() -> None:
    lags = Lags()
    look(lags, 0, 50, 50)
    assert lags.look(at(1), {FIRST: 0}, {FIRST.of_topic: 2}) == [FIRST]


def both(first: Lag, second: Lag) -> list[Lag]:
    return [first, second]


STALLED = Lag(FIRST, at(9), 9, 5, NOON, NOON)
MOVING = Lag(SECOND, at(9), 9, 5, NOON, at(8))
IDLE = Lag(SECOND, at(9), 5, 5)


def test_a_service_can_work_while_any_partition_with_input_moves() -> None:
    assert can_work(both(STALLED, MOVING), [])
    assert not can_work(both(STALLED, IDLE), [])
    assert can_work(both(IDLE, IDLE), [])


def test_a_stopped_partition_has_its_own_reason_and_does_not_make_the_service_unready() -> None:
    assert can_work(both(STALLED, IDLE), [FIRST.of_topic])


def test_all_is_complete_to_the_first_record_that_waits_anywhere() -> None:
    assert complete_to([STALLED, MOVING, IDLE], at(9)) == NOON
    assert complete_to([IDLE], at(9)) == at(9)
    assert complete_to([IDLE, Lag(FIRST, at(9), 7, 5)], at(9)) is None, "something waits, nobody knows since when"
    assert complete_to([IDLE, Lag(FIRST, at(9))], at(9)) is None
    assert complete_to([], at(9)) is None
