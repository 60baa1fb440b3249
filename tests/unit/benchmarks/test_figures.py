"""What is computed from measurements."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    longest_gap_ms,
    percentile,
    rates_by_step,
    rounded,
    share_of,
    steady_rate,
    visible_after_s,
)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 50, 7.0),
        ([7.0], 99, 7.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 75, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 76, 4.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 1001)], 99, 990.0),
        ([1.0, 2.0], 100, 2.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_rate_charges_neither_the_start_nor_a_cold_machine() -> None:
    samples = [(0.0, 0), (9.0, 0), (10.0, 100), (11.0, 200), (12.0, 600), (13.0, 1_000), (20.0, 1_000)]
    assert steady_rate(samples) == 400.0


def test_what_came_between_two_samples_was_not_measured_and_is_not_zero() -> None:
    assert steady_rate([(0.0, 500)]) is None
    assert steady_rate([(0.0, 0), (2.0, 500)]) is None
    assert rounded(None) is None and rounded(2.6) == 3


def test_a_share_is_unknown_where_either_rate_is() -> None:
    assert share_of(300_000, 600_000) == 0.5
    assert share_of(None, 600_000) is None and share_of(300_000, None) is None


def test_a_gap_reaches_from_the_beginning_and_to_the_end() -> None:
    assert longest_gap_ms([1.0, 1.25, 3.0], 0.9, 3.5) == 1750.0
    assert longest_gap_ms([], 1.0, 3.0) == 2000.0
    assert longest_gap_ms([0.0, 9.0], 1.0, 3.0) == 2000.0, "what lies outside is not looked at"


def test_the_nth_shown_stands_for_the_nth_accepted() -> None:
    accepted = [(1.0, 100), (2.0, 100), (3.0, 50)]
    shown = [(0.9, 0), (1.25, 100), (2.1, 180), (2.5, 220), (3.5, 250)]
    assert visible_after_s(accepted, shown) == [0.25, 0.5, 0.5]


def test_a_push_that_was_counted_before_its_answer_came_took_no_time() -> None:
    assert visible_after_s([(5.0, 10)], [(4.9, 10)]) == [0.0]


def test_the_order_in_which_threads_noted_their_pushes_does_not_matter() -> None:
    shown = [(1.5, 1), (2.5, 2)]
    assert visible_after_s([(2.0, 1), (1.0, 1)], shown) == [0.5, 0.5]


def test_donations_that_never_became_visible_are_no_latency() -> None:
    with pytest.raises(ValueError, match="250 donations were accepted, 249 became visible"):
        visible_after_s([(1.0, 250)], [(2.0, 249)])


def test_rates_are_given_for_each_full_step() -> None:
    samples = [(0.0, 0), (1.0, 50), (2.0, 110), (4.0, 200), (5.0, 210), (6.0, 250)]
    assert rates_by_step(samples, 100) == [55, 33]
