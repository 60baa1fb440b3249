"""Rates from readings of counters that only grow. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping

WINDOW_S = 10.0
"""A step of the history: shorter ones tell of single batches, longer ones hide that something stopped."""
APART_S_MIN = 1.5
"""Two readings that are closer tell of one batch or of none."""

Key = Hashable


class Meter:
    """Readings of the last `WINDOW_S`. A counter that is unknown, or began anew, has no rate until it is read twice."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, Mapping[Key, float]]] = deque()

    def read(self, at_s: float, counters: Mapping[Key, float | None]) -> None:
        """The counters at a moment of a clock that never goes back; None: not known."""
        while self._readings and self._readings[0][0] < at_s - WINDOW_S:
            self._readings.popleft()
        self._readings.append((at_s, {key: value for key, value in counters.items() if value is not None}))

    def rate(self, key: Key) -> float | None:
        """How fast a counter grows, a second; None: not known."""
        found = [(at_s, values[key]) for at_s, values in self._readings if key in values]
        if not self._readings or key not in self._readings[-1][1]:
            return None
        (first_s, first), (last_s, last) = found[0], found[-1]
        if last_s - first_s < APART_S_MIN or last < first:
            return None
        return (last - first) / (last_s - first_s)

    def rate_of_all(self, name: str) -> float | None:
        """Of a counter that several processes have, each under (name, process); None where none has a rate."""
        keys = [key for key in (self._readings[-1][1] if self._readings else ()) if _is_of(key, name)]
        rates = [rate for rate in map(self.rate, keys) if rate is not None]
        return sum(rates) if rates else None


def _is_of(key: Key, name: str) -> bool:
    return isinstance(key, tuple) and key[0] == name
