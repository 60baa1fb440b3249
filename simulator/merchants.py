"""The merchants' platform: pushes gifts as orders complete, several pushes in flight, each repeated until answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.desk import Desk
from simulator.gifts import Stream

PUSHES_IN_FLIGHT = 4
BODY_DONATIONS_FAST = 5_000
BODIES_A_SECOND_PACED = 10
"""At a pleasant rate pushes are small and many, so that figures run rather than jump."""


@dataclass
class Pushed:
    """How much was pushed: donations (`pushed`) and the lines that were answered as taken or refused."""

    pushed: int = 0
    accepted: int = 0
    refused: int = 0


@dataclass
class Merchants:
    """Pushes donations 0 … `donations - 1`, or (None) without end. `rate`: donations a second, 0: as fast as taken."""

    desk: Desk
    stream: Stream
    donations: int | None
    rate: int
    tally: Pushed = field(default_factory=Pushed)

    async def give(self) -> None:
        """Pushes all."""
        bodies = self._ranges()
        self._began_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(PUSHES_IN_FLIGHT):
                group.create_task(self._push_some(bodies))

    def _ranges(self) -> Iterator[tuple[int, int]]:
        size = max(1, self.rate // BODIES_A_SECOND_PACED) if self.rate else BODY_DONATIONS_FAST
        first = 0
        while self.donations is None or first < self.donations:
            count = size if self.donations is None else min(size, self.donations - first)
            yield first, count
            first += count

    async def _push_some(self, ranges: Iterator[tuple[int, int]]) -> None:
        for first, count in ranges:
            if self.rate:
                due_s = self._began_s + first / self.rate
                await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            key = f"gifts-{self.stream.seed}-{first}-{count}"
            answer = await self.desk.push(self.stream.body(first, count), key=key)
            self.tally.pushed += count
            self.tally.accepted += answer["accepted"]
            self.tally.refused += answer["rejected"]
