"""How fresh the figures are, and that what is unknown stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pandapack.contracts.donations import EPOCH
from pandapack.runtime.http import Problem
from pandapack.runtime.read_limits import CLIENTS_KNOWN_MAX
from services.reporting.api.pipeline import lag_of
from services.reporting.api.trace import TRACES_A_BURST_MAX, TRACES_PER_S, TraceLimits
from services.reporting.domain.pipeline import LastRecord, freshness

NOW = datetime(2021, 11, 11, 12, 0, 10, tzinfo=UTC)
A, B = ("procurement.events", 0), ("logistics.events", 1)


def last_record(partition: tuple[str, int], seconds_ago: float) -> LastRecord:
    at_ms = int((NOW - timedelta(seconds=seconds_ago) - EPOCH).total_seconds() * 1000)
    return LastRecord(topic=partition[0], partition=partition[1], offset=7, appended_at_ms=at_ms)


def test_with_nothing_left_to_consume_the_figures_are_complete_to_now() -> None:
    shown = freshness([last_record(A, 3000)], {A: 0, B: 0}, NOW, EPOCH)
    assert (shown.complete_to, shown.behind_s, shown.lag_records) == (NOW, 0.0, 0)


def test_a_partition_that_lags_holds_the_figures_back_to_its_last_record() -> None:
    shown = freshness([last_record(A, 9), last_record(B, 2)], {A: 12, B: 0}, NOW, EPOCH)
    assert (shown.behind_s, shown.lag_records) == (9.0, 12)


def test_of_several_shards_in_a_partition_the_latest_record_counts() -> None:
    assert freshness([last_record(A, 2), last_record(A, 900)], {A: 1, B: 0}, NOW, EPOCH).behind_s == 2.0


def test_where_no_lag_is_known_the_age_of_the_newest_record_is_all_that_is_shown() -> None:
    shown = freshness([last_record(A, 9), last_record(B, 2)], {A: None, B: None}, NOW, EPOCH)
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
    limits = TraceLimits()
    for _ in range(TRACES_A_BURST_MAX):
        limits.charge("a", 100.0)
    with pytest.raises(Problem):
        limits.charge("a", 100.0)
    limits.charge("b", 100.0)
    limits.charge("a", 100.0 + 1 / TRACES_PER_S)
    with pytest.raises(Problem):
        limits.charge("a", 100.0 + 1 / TRACES_PER_S)


def test_the_limits_remember_only_so_many_clients() -> None:
    limits = TraceLimits()
    for number in range(CLIENTS_KNOWN_MAX + 5):
        limits.charge(str(number), 0.0)
    assert len(limits._limits._by_client) == CLIENTS_KNOWN_MAX
