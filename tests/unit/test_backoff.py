"""The one back-off: pauses that double, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.backoff import Backoff

FIRST_S = st.floats(0.001, 10.0)
BACKOFFS = st.builds(lambda first_s, times: Backoff(first_s, first_s * times), FIRST_S, st.floats(1.0, 10_000.0))
FAILURES = st.one_of(st.integers(1, 100), st.integers(1, 10**9))


@given(BACKOFFS)
def test_the_first_pause_is_the_first(backoff: Backoff) -> None:
    assert backoff.pause_s(1) == backoff.first_s


@given(BACKOFFS, FAILURES)
def test_pauses_never_shrink_and_never_go_beyond_the_longest(backoff: Backoff, failures: int) -> None:
    assert backoff.first_s <= backoff.pause_s(failures) <= backoff.pause_s(failures + 1) <= backoff.max_s


@given(BACKOFFS, FAILURES)
def test_a_pause_is_twice_the_one_before_or_the_longest(backoff: Backoff, failures: int) -> None:
    assert backoff.pause_s(failures + 1) == min(2 * backoff.pause_s(failures), backoff.max_s)


@given(BACKOFFS)
def test_the_longest_pause_is_reached(backoff: Backoff) -> None:
    assert backoff.pause_s(10**9) == backoff.max_s


@given(BACKOFFS, FAILURES, st.floats(0.5, 1.5))
def test_jitter_scales_a_pause(backoff: Backoff, failures: int, jitter: float) -> None:
    assert backoff.pause_s(failures, jitter) == backoff.pause_s(failures) * jitter


def test_there_is_no_pause_after_no_failure() -> None:
    with pytest.raises(AssertionError):
        Backoff(1.0, 2.0).pause_s(0)
