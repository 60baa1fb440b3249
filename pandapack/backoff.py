"""The one way to wait longer after each failure."""

from __future__ import annotations

from dataclasses import dataclass

GROWTH = 2.0
ATTEMPTS_COUNTED_MAX = 64
"""Beyond so many attempts every pause has long been the longest; the power is not computed further."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double: `first_s` after the first failure, never more than `max_s`. Seconds."""

    first_s: float
    max_s: float

    def pause_s(self, failures: int, jitter: float = 1.0) -> float:
        """The pause after so many failures in a row, counted from 1; `jitter` in [0.5, 1.5) spreads many clients."""
        assert failures >= 1, "the pause after no failure is no back-off"
        return min(self.max_s, self.first_s * GROWTH ** min(failures - 1, ATTEMPTS_COUNTED_MAX)) * jitter
