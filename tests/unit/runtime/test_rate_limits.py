"""Rate limits: who stays within their rate never waits; who goes beyond waits until they are even."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.runtime.rate_limits import RateLimit, RateLimits

BURST_S = 5.0
PER_S = 1_000.0


def wait_s(limit: RateLimit, now_s: float) -> float:
    return limit.wait_s(now_s, burst_s=BURST_S)


def test_a_client_within_its_rate_never_waits_and_one_beyond_it_waits_until_it_is_even() -> None:
    limit = RateLimit()
    for second in range(100):
        assert wait_s(limit, float(second)) == 0
        limit.charge(1_000, per_s=PER_S, now_s=float(second))
    limit.charge(10_000, per_s=PER_S, now_s=100.0)
    assert wait_s(limit, 100.0) == pytest.approx(10 - BURST_S)
    assert wait_s(limit, 105.0) == 0


def test_a_pause_gives_back_no_more_than_the_burst() -> None:
    limit = RateLimit()
    limit.charge(5_000, per_s=PER_S, now_s=1_000_000.0)
    limit.charge(5_000, per_s=PER_S, now_s=1_000_000.0)
    assert wait_s(limit, 1_000_000.0) == pytest.approx(5.0)


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.integers(1, 20_000)), max_size=50), st.floats(0.0, 10.0))
def test_who_waits_as_long_as_they_are_told_gets_their_rate_the_burst_and_one_request_and_no_more(
    requests: list[tuple[float, int]], burst_s: float
) -> None:
    limit, now_s, units = RateLimit(), 0.0, 0
    for pause_s, size in requests:
        now_s += pause_s
        now_s += limit.wait_s(now_s, burst_s=burst_s)
        assert limit.wait_s(now_s, burst_s=burst_s) == pytest.approx(0.0, abs=1e-6)
        assert units <= (now_s + burst_s) * PER_S + 1e-3, "before this request"
        limit.charge(size, per_s=PER_S, now_s=now_s)
        units += size


def test_each_client_has_a_limit_of_its_own() -> None:
    limits = RateLimits(clients_max=10)
    limits.of("a").charge(10_000, per_s=PER_S, now_s=0.0)
    assert wait_s(limits.of("a"), 0.0) == pytest.approx(5.0)
    assert wait_s(limits.of("b"), 0.0) == 0


def test_the_client_that_asked_longest_ago_is_forgotten_where_there_are_too_many() -> None:
    limits = RateLimits(clients_max=2)
    for client in ("a", "b"):
        limits.of(client).charge(10_000, per_s=PER_S, now_s=0.0)
    limits.of("a")
    limits.of("c")
    assert wait_s(limits.of("a"), 0.0) > 0
    assert wait_s(limits.of("b"), 0.0) == 0
