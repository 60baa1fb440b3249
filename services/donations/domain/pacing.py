"""Rate limits: one number a platform, whatever it pushes (the generic cell rate algorithm, as ATM networks use it)."""

from __future__ import annotations

from dataclasses import dataclass

BURST_S = 5.0
"""So much of a platform's second-by-second allowance may come at once."""


@dataclass(slots=True)
class Pace:
    """What a platform has used up: it is even with its rate at `even_at_s`, on a clock that never goes back."""

    even_at_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next push may come; 0 where it may come now."""
        return max(0.0, self.even_at_s - now_s - BURST_S)

    def charge(self, lines: int, *, lines_a_second: int, now_s: float) -> None:
        """Lines were pushed. A push is never cut: one that is larger than what is left makes the next one wait."""
        self.even_at_s = max(self.even_at_s, now_s) + lines / lines_a_second
