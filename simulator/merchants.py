"""The merchants' platform: pushes donations as orders complete, several pushes in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from pandapack.client import AsyncClient, Retry
from simulator.api_client import PATIENCE_S, Site
from simulator.donations import Stream

PUSHES_IN_FLIGHT = 4
BODY_DONATIONS_FAST = 5_000
BODIES_A_SECOND_PACED = 10
"""At a pleasant rate pushes are small and many, so that figures run rather than jump."""
PATIENT = Retry(attempts_max=int(PATIENCE_S), pause_s_first=0.1, pause_s_max=1.0)
"""Most pauses are the longest, of a second on the average."""


@dataclass
class PushCounts:
    """How much was pushed: donations (`pushed`), and the lines that were accepted or refused."""

    pushed: int = 0
    accepted: int = 0
    refused: int = 0


@dataclass
class Merchants:
    """Pushes donations 0 … `donations - 1`, or (None) without end.

    `rate`: donations a second, 0: as fast as they are accepted.
    """

    client: AsyncClient
    stream: Stream
    donations: int | None
    rate: int
    counts: PushCounts = field(default_factory=PushCounts)

    async def push_all(self) -> None:
        """Pushes all."""
        ranges = self._ranges()
        self._began_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(PUSHES_IN_FLIGHT):
                group.create_task(self._push_some(ranges))

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
            id = f"donations-{self.stream.seed}-{first}-{count}"
            result = await self.client.push_ndjson(self.stream.body(first, count), id=id)
            self.counts.pushed += count
            self.counts.accepted += result.accepted
            self.counts.refused += len(result.refused) + result.refused_more


def platform_client(site: Site) -> AsyncClient:
    """The client of the platform that all merchants push through, as patient as the other players."""
    return AsyncClient(site.urls["donations"], site.keys["platform"], retry=PATIENT)
