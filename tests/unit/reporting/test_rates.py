"""Rates are differences of counters that only grow; what began anew, or is not known, has none and is no 0."""

from __future__ import annotations

import pytest

from services.reporting.domain.rates import APART_S_MIN, WINDOW_S, Meter


def test_a_rate_is_what_a_counter_grew_by_over_the_window() -> None:
    meter = Meter()
    for second in range(31):
        meter.read(second, {"donations": 100.0 * second if second < 25 else 2_400.0})
    assert meter.rate("donations") == pytest.approx(400 / WINDOW_S)


def test_what_is_not_known_now_or_was_read_once_has_no_rate() -> None:
    meter = Meter()
    assert meter.rate("donations") is None
    meter.read(0, {"donations": 1, "fen": 1})
    assert meter.rate("donations") is None
    meter.read(APART_S_MIN, {"donations": 4, "fen": None})
    assert (meter.rate("donations"), meter.rate("fen")) == (3 / APART_S_MIN, None)


def test_a_counter_that_began_anew_has_no_rate_and_never_a_negative_one() -> None:
    meter = Meter()
    meter.read(0, {"donations": 1_000})
    meter.read(2, {"donations": 3})
    assert meter.rate("donations") is None


def test_processes_are_added_and_one_that_came_or_went_makes_no_step() -> None:
    meter = Meter()
    meter.read(0, {("accepted", "a"): 100, ("accepted", "gone"): 7_000, ("refused", "a"): 1})
    meter.read(2, {("accepted", "a"): 120, ("accepted", "gone"): 7_000})
    meter.read(4, {("accepted", "a"): 140, ("accepted", "new"): 5_000})
    assert meter.rate_of_all("accepted") == 10
    assert meter.rate_of_all("refused") is None
