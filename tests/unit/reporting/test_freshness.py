"""How fresh the figures are, and that what is unknown stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pandapack.runtime.http import Problem
from pandapack.runtime.read_limits import CLIENTS_KNOWN_MAX
from services.reporting.api.pipeline import lag_of
from services.reporting.api.trace import TRACES_A_BURST_MAX, TRACES_PER_S, TraceLimits
from services.reporting.domain.pipeline import LOOK_S_MAX, Freshness, freshness

NOW = datetime(2021, 11, 11, 12, 0, 10, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def fresh(
    complete_to: datetime | None, lag_records: int | None, *, looked_s_ago: float = 0.5, before: datetime | None = None
) -> Freshness:
    return freshness(complete_to, lag_records, looked_at=ago(looked_s_ago), now=NOW, before=before)


def test_with_nothing_left_on_the_way_the_figures_are_complete_to_the_last_look() -> None:
    shown = fresh(ago(0.5), 0)
    assert (shown.complete_to, shown.behind_s, shown.lag_records) == (ago(0.5), 0.0, 0)


def test_a_gift_that_waits_anywhere_on_its_way_holds_the_figures_back_to_when_it_was_pushed() -> None:
    shown = fresh(ago(180), 12)
    assert (shown.complete_to, shown.behind_s, shown.lag_records) == (ago(180), 180.0, 12)


def test_what_was_told_complete_stays_complete_whatever_is_found_later() -> None:
    assert fresh(ago(9), 3, before=ago(2)).complete_to == ago(2)
    assert fresh(None, None, before=ago(2)).behind_s == 2.0


def test_nothing_is_known_before_the_first_look() -> None:
    shown = freshness(None, None, looked_at=None, now=NOW, before=None)
    assert (shown.complete_to, shown.behind_s, shown.lag_records) == (None, None, None)


def test_a_log_that_does_not_answer_any_more_makes_the_figures_older_and_not_complete_to_now() -> None:
    shown = fresh(ago(LOOK_S_MAX + 1), 0, looked_s_ago=LOOK_S_MAX + 1)
    assert (shown.behind_s, shown.lag_records) == (LOOK_S_MAX + 1, None)


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
