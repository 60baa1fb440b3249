"""Shares of what there is so much of: whoever takes much leaves as much to all others together."""

from __future__ import annotations


class Shares:
    """`total` places, or bytes. Nobody holds more than is left free for the others.

    Alone one may hold a half, two a third each, n an n+1st: however much some take, whoever comes next finds room
    (dynamic thresholds, as shared switch buffers have them). So no figure a client is needed, which would be too small
    for one and too large for a hundred.
    """

    def __init__(self, total: int) -> None:
        self.total, self.taken = total, 0
        self._held: dict[str, int] = {}

    def take(self, holder: str, count: int = 1) -> bool:
        """Takes so many, all or none of them. False: that would be more than is left; `give_back` follows a True."""
        if not self.is_room(holder, count):
            return False
        self.taken += count
        self._held[holder] = self.held(holder) + count
        return True

    def is_room(self, holder: str, count: int = 1) -> bool:
        """Whether `take` would take."""
        return self.held(holder) + count <= self.total - self.taken - count

    def give_back(self, holder: str, count: int = 1) -> None:
        """So many are free again."""
        self.taken -= count
        left = self.held(holder) - count
        assert left >= 0, "nobody gives back more than was taken"
        if left:
            self._held[holder] = left
        else:
            self._held.pop(holder, None)

    def held(self, holder: str) -> int:
        """How many the holder has."""
        return self._held.get(holder, 0)

    @property
    def holders(self) -> int:
        """How many hold anything: nothing is kept of the others."""
        return len(self._held)
