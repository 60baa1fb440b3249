"""How fresh the figures are, and that what is unknown stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pandapack.contracts.donations import EPOCH
from pandapack.runtime.http import Problem
from services.reporting.api.pipeline import lag_of
from services.reporting.api.trace import CLIENTS_KNOWN_MAX, TRACES_A_BURST_MAX, TRACES_PER_S, Limiter
from services.reporting.domain.pipeline import Heard, freshness

NOW = datetime(2021, 11, 11, 12, 0, 10, tzinfo=UTC)
A, B = ("procurement.events", 0), ("logistics.events", 1)


def heard(place: tuple[str, int], seconds_ago: float) -> Heard:
    at_ms = int((NOW - timedelta(seconds=seconds_ago) - EPOCH).total_seconds() * 1000)
    return Heard(topic=place[0], partition=place[1], offset=7, appended_at_ms=at_ms)


def test_with_nothing_left_to_hear_the_figures_are_complete_to_now() -> None:
    shown = freshness([heard(A, 3000)], {A: 0, B: 0}, NOW, EPOCH)
    assert (shown.complete_to, shown.behind_s, shown.lag_records) == (NOW, 0.0, 0)


def test_a_partition_that_lags_holds_the_figures_back_to_its_last_record() -> None:
    shown = freshness([heard(A, 9), heard(B, 2)], {A: 12, B: 0}, NOW, EPOCH)
    assert (shown.behind_s, shown.lag_records) == (9.0, 12)


def test_of_several_lines_in_a_partition_the_latest_record_counts() -> None:
    assert freshness([heard(A, 2), heard(A, 900)], {A: 1, B: 0}, NOW, EPOCH).behind_s == 2.0


def test_where_no_lag_is_known_the_age_of_the_newest_record_is_all_that_is_said() -> None:
    shown = freshness([heard(A, 9), heard(B, 2)], {A: None, B: None}, NOW, EPOCH)
    assert (shown.behind_s, shown.lag_records) == (2.0, None)
    assert freshness([], {A: None}, NOW, EPOCH).complete_to is None


@pytest.mark.parametrize(
    ("rows", "lag"),
    [
        ([{"records": 3}, {"records": 4}], 7),
        ([{"records": 0}], 0),
        ([{"records": 3}, {"records": None}], None),
        ([], None),
        (None, None),
    ],
)
def test_a_lag_with_an_unknown_part_is_unknown(rows: list[dict[str, int | None]] | None, lag: int | None) -> None:
    assert lag_of(rows) == lag


def test_a_client_may_ask_in_a_burst_and_then_at_the_named_rate() -> None:
    limiter = Limiter()
    for _ in range(TRACES_A_BURST_MAX):
        limiter.take("a", 100.0)
    with pytest.raises(Problem):
        limiter.take("a", 100.0)
    limiter.take("b", 100.0)
    limiter.take("a", 100.0 + 1 / TRACES_PER_S)
    with pytest.raises(Problem):
        limiter.take("a", 100.0 + 1 / TRACES_PER_S)


def test_the_limiter_remembers_only_so_many_clients() -> None:
    limiter = Limiter()
    for number in range(CLIENTS_KNOWN_MAX + 5):
        limiter.take(str(number), 0.0)
    assert len(limiter._buckets) == CLIENTS_KNOWN_MAX
