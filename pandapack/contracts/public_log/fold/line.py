"""Who took which fen of a fen line, as far as it takes to see that no fen is taken twice.

Fen are taken from the front: by rounds, and by reversals for good. What a round releases may be taken again. So all
below the front is taken, but for what was released and waits: a short list.
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec


class Line(msgspec.Struct):
    """One shard of a programme's fen line. `free`: runs below the `front` that were released, in order, disjoint.

    What is left out when the front moves is free as well. `twice`: fen that were taken while another had them.
    """

    front: int = 0
    free: list[tuple[int, int]] = []
    twice: int = 0

    def take(self, low: int, high: int) -> None:
        """`[low, high)` is taken."""
        if low > self.front:
            self._put(self.front, low)
            self.front = low
        below = min(high, self.front)
        if low < below:
            self.twice += (below - low) - self._cut(low, below)
        self.front = max(self.front, high)

    def release(self, low: int, high: int) -> None:
        """`[low, high)` may be taken again. What is free already stays so."""
        self._cut(low, high)
        self._put(low, high)

    def _put(self, low: int, high: int) -> None:
        """Adds a run of which nothing is free yet; it becomes one with those that it touches."""
        at = bisect_left(self.free, (low, high))
        if at < len(self.free) and self.free[at][0] == high:
            high = self.free.pop(at)[1]
        if at > 0 and self.free[at - 1][1] == low:
            at -= 1
            low = self.free.pop(at)[0]
        self.free.insert(at, (low, high))

    def _cut(self, low: int, high: int) -> int:
        """Takes `[low, high)` out of what is free; how much of it was."""
        first = bisect_left(self.free, (low, low))
        first -= first > 0 and self.free[first - 1][1] > low
        last = bisect_left(self.free, (high, high))
        met = self.free[first:last]
        pieces = [piece for begin, end in met for piece in ((begin, min(end, low)), (max(begin, high), end))]
        self.free[first:last] = [piece for piece in pieces if piece[0] < piece[1]]
        return sum(min(end, high) - max(begin, low) for begin, end in met)
