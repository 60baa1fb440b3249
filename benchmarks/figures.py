"""Arithmetic on what was measured: pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Samples = Sequence[tuple[float, int]]
"""(moment in seconds, count so far), in order of time."""
WARM_SHARE = 0.2


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: the smallest value that at least `percent` % of all values do not exceed."""
    assert values and 0 < percent <= 100
    ordered = sorted(values)
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]


def steady_rate(samples: Samples, skip: float = WARM_SHARE) -> float | None:
    """Counts a second from the first sample that has `skip` of the whole to the first that has all.

    So neither a start, nor a cold machine (a JVM compiles while it runs), nor the wait for a sample is charged. None
    where all came between two samples: that is no measurement.
    """
    whole = samples[-1][1]
    first = next(at for at, (_, count) in enumerate(samples) if count >= whole * skip)
    last = next(at for at, (_, count) in enumerate(samples) if count == whole)
    seconds = samples[last][0] - samples[first][0]
    return (whole - samples[first][1]) / seconds if seconds > 0 else None


def rounded(rate: float | None) -> int | None:
    """A rate as it is shown; what was not measured stays null."""
    return None if rate is None else round(rate)


def share_of(rate: float | None, limit: float | None) -> float | None:
    """How much of the limit the rate is; None where one of them was not measured."""
    return None if not rate or not limit else round(rate / limit, 3)


def longest_gap_ms(moments: Sequence[float], begin: float, end: float) -> float:
    """The longest time without any of these moments between `begin` and `end` (seconds), in milliseconds."""
    within = [begin, *(moment for moment in sorted(moments) if begin < moment < end), end]
    return round(max(later - earlier for earlier, later in pairwise(within)) * 1000, 1)


def visible_after_s(accepted: Samples, shown: Samples) -> list[float]:
    """Seconds from each push's answer until a reader saw as many donations as had been accepted by then.

    accepted: (moment, donations of this push); shown: (moment, donations shown). Which gifts a total counts cannot be
    seen, so the n-th that was shown stands for the n-th that was accepted. A push counted before its answer came took
    no time. Raises ValueError where not all became visible.
    """
    waits, so_far, at = [], 0, 0
    for moment, donations in sorted(accepted):
        so_far += donations
        while at < len(shown) and shown[at][1] < so_far:
            at += 1
        if at == len(shown):
            raise ValueError(f"{so_far} donations were accepted, {shown[-1][1] if shown else 0} became visible")
        waits.append(max(0.0, shown[at][0] - moment))
    return waits


def rates_by_step(samples: Samples, step: int) -> list[int]:
    """Counts a second within each full `step` of the count."""
    rates: list[int] = []
    begin_s, begin, goal = samples[0][0], samples[0][1], samples[0][1] + step
    for moment, count in samples:
        if count >= goal:
            rates.append(round((count - begin) / (moment - begin_s)))
            begin_s, begin, goal = moment, count, count + step
    return rates
