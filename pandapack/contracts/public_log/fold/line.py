"""Who took which fen of a fen line, as far as it takes to see that no fen is taken twice.

Fen are taken from the front: by rounds, and by reversals for good. What a round releases may be taken again. So all
below the front is taken, but for what was released and waits: a short list.
"""

from __future__ import annotations

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
            self.free.append((self.front, low))
            self.front = low
        below = min(high, self.front)
        if low < below:
            self.twice += (below - low) - self._cut(low, below)
        self.front = max(self.front, high)

    def release(self, low: int, high: int) -> None:
        """`[low, high)` may be taken again. What is free already stays so."""
        self._cut(low, high)
        self.free = sorted([*self.free, (low, high)])

    def _cut(self, low: int, high: int) -> int:
        """Takes `[low, high)` out of what is free; how much of it was."""
        rest, taken = [], 0
        for begin, end in self.free:
            inner = max(0, min(end, high) - max(begin, low))
            taken += inner
            if not inner:
                rest.append((begin, end))
                continue
            rest += [piece for piece in ((begin, low), (high, end)) if piece[0] < piece[1]]
        self.free = rest
        return taken
