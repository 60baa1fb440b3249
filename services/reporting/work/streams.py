"""The source of the live streams: each open stream gets all figures when one has changed, else how fresh they are.

The figures are those of one snapshot and what is ahead of it. They are read once a tick for all viewers, however many
there are, and written as JSON once for all ticks that find the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.shares import Shares
from services.reporting.work.readings import Readings

STREAMS_MAX = 1_000
"""Over all viewers. Of these no address holds more than are left for all others: alone 500."""
STREAM_S_MAX = 300.0
"""A stream ends after this, and the browser asks again: perhaps another process."""
STREAM_PAUSE_S = 0.5


class TooManyStreams(Exception):
    """The viewer's address has as many open as are left for all others."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """`name` is totals or fresh. `id` names the figures: a reader that has this id knows them. `data` is JSON."""

    name: str
    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """What all viewers are told at a time: those who know the figures how fresh they are, the others all of it."""

    totals: StreamEvent
    fresh: StreamEvent

    def news(self, last_seen: str) -> StreamEvent:
        """For a viewer who has seen that id last."""
        return self.fresh if self.fresh.id == last_seen else self.totals


class Streams:
    """The open streams of this process."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._shares = Shares(STREAMS_MAX)
        self._ending = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None
        self._tick: Tick | None = None
        self._ticked = asyncio.Event()
        self.ticks = 0
        """So often the figures were read."""

    def end(self) -> None:
        """The process is about to stop: every stream ends, so that draining need not wait for pages left open."""
        self._ending.set()

    @property
    def open_streams(self) -> int:
        """How many are open."""
        return self._shares.taken

    def open(self, viewer: str, last_seen: str) -> AsyncGenerator[StreamEvent, None]:
        """A new stream for a viewer's address. `last_seen` is the id of the last event that the reader has.

        Raises TooManyStreams.
        """
        if not self._shares.is_room(viewer):
            raise TooManyStreams(f"your address has as many streams as are left for all others, of {STREAMS_MAX}")
        return self._stream(viewer, last_seen)

    async def _stream(self, viewer: str, last_seen: str) -> AsyncGenerator[StreamEvent, None]:
        """What the reader knows is not sent again."""
        if not self._shares.take(viewer):
            return  # others came between: it ends, and is asked for again
        try:
            if not self.is_ticking:
                self._ticking = asyncio.create_task(self._run())
            until_s = monotonic_s() + STREAM_S_MAX
            while monotonic_s() < until_s and not self._ending.is_set():
                ticked = self._ticked
                if self._tick is not None:
                    event = self._tick.news(last_seen)
                    last_seen = event.id
                    yield event
                elif not self.is_ticking:
                    return  # the figures cannot be read: the browser asks again
                await ticked.wait()
        finally:
            self._shares.give_back(viewer)

    @property
    def is_ticking(self) -> bool:
        """Whether figures are read: while anybody watches."""
        return self._ticking is not None and not self._ticking.done()

    async def _run(self) -> None:
        """Ticks while anybody watches."""
        try:
            while self._shares.taken and not self._ending.is_set():
                self._tick = await self._read()
                self._wake()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), STREAM_PAUSE_S)
        except Unavailable:
            pass
        finally:
            self._tick, self._ticking = None, None
            self._wake()

    def _wake(self) -> None:
        ticked, self._ticked = self._ticked, asyncio.Event()
        ticked.set()

    async def _read(self) -> Tick:
        self.ticks += 1
        reading = await self._readings.now()
        figures, fresh = reading.written(reading.totals), msgspec.json.encode(reading.fresh)
        id = _id_of(figures)
        return Tick(
            totals=StreamEvent("totals", id, figures[:-1] + b"," + fresh[1:]),
            fresh=StreamEvent("fresh", id, fresh),
        )


def _id_of(figures: bytes) -> str:
    """The same figures have the same id in every process, so a stream goes on anywhere."""
    return hashlib.blake2b(figures, digest_size=8).hexdigest()
