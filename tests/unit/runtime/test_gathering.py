"""How long batches are gathered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pandapack.runtime.gathering import Batches

MS = st.floats(0, 10_000)


@given(MS)
def test_a_pace_without_a_maximum_stays_the_same_whatever_the_work(worked_ms: float) -> None:
    assert Batches(pace_ms=50).next_pace_ms(worked_ms) == 50


@given(MS, MS)
def test_more_work_never_makes_the_pace_shorter_and_it_stays_within_its_bounds(one_ms: float, other_ms: float) -> None:
    batches, (less_ms, more_ms) = Batches(pace_ms=40, pace_ms_max=320), sorted((one_ms, other_ms))
    assert 40 <= batches.next_pace_ms(less_ms) <= batches.next_pace_ms(more_ms) <= 320
