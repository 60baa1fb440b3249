"""Waiting until pushes are judged: who waits looks at nothing, one look for all of them asks how far the shards are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from pandapack.runtime.errors import Unavailable

LOOK_PAUSE_S = 0.2
"""Between two looks; each asks every shard once for which somebody waits, however many wait."""
WAITERS_MAX = 1_000
"""So many wait at once in one process; who comes beyond is answered at once."""

log = structlog.get_logger(__name__)


class Waiting:
    """Those who wait. `next_offset`: of a shard the first offset that is not decided yet; may raise Unavailable."""

    def __init__(self, next_offset: Callable[[int], Awaitable[int]], *, pause_s: float = LOOK_PAUSE_S) -> None:
        self._next_offset, self._pause_s = next_offset, pause_s
        self._waiting: dict[asyncio.Future[None], Mapping[int, int]] = {}
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def until_decided(self, ends: Mapping[int, int], within_s: float) -> None:
        """Returns when every shard is behind an offset (`ends`, by shard), or when the time has passed.

        At once where there is nothing to wait for, or where `WAITERS_MAX` wait already.
        """
        if not ends or len(self._waiting) >= WAITERS_MAX:
            return
        decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[decided] = ends
        try:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(), name="wait-for-judgements")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await decided
        finally:
            del self._waiting[decided]

    async def _look(self) -> None:
        while self._waiting:
            shards = sorted({shard for ends in self._waiting.values() for shard in ends})
            try:
                found = await asyncio.gather(*map(self._next_offset, shards))
            except Unavailable as error:
                # Who waits is answered when its time has passed, or when the store is back before that.
                log.warning("look_failed", error=repr(error))
            else:
                self._tell(dict(zip(shards, found, strict=True)))
            await asyncio.sleep(self._pause_s)

    def _tell(self, next_offsets: Mapping[int, int]) -> None:
        for decided, ends in self._waiting.items():
            # Who came during the look may wait for a shard that it did not ask.
            if not decided.done() and all(next_offsets.get(shard, 0) > end for shard, end in ends.items()):
                decided.set_result(None)
