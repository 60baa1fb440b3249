"""The source of the live streams: each open stream gets all figures when one has changed, else how fresh they are.

The figures are those of one snapshot and what is ahead of it. They are read once a tick for all viewers, however many
there are, and written as JSON once for all ticks that find the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from pandapack.runtime.errors import Unavailable
from pandapack.runtime.shares import Shares
from services.reporting.work.readings import Readings

STREAMS_MAX = 1_000
"""Over all viewers. Of these no address holds more than are left for all others: alone 500."""
STREAM_S_MAX = 300.0
"""A stream ends after this, and the browser asks again: perhaps another process."""
STREAM_PAUSE_S = 0.5
TOLD_AT_ONCE = 50
"""Viewers, in some two milliseconds; a thousand at once would hold up whoever asks for a page."""
TELL_PAUSE_S = 0.005


class TooManyStreams(Exception):
    """The viewer's address has as many open as are left for all others."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """`name` is totals or fresh. `id` names the figures: a reader that has this id knows them. `data` is JSON."""

    name: str
    id: str
    data: bytes


Write = Callable[[StreamEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tick:
    """What all viewers are told at a time: those who know the figures how fresh they are, the others all of it."""

    totals: StreamEvent
    fresh: StreamEvent

    def news(self, last_seen: str) -> StreamEvent:
        """For a viewer who has seen that id last."""
        return self.fresh if self.fresh.id == last_seen else self.totals


class _Viewer:
    """An open stream. It is small: all that a thousand of them keep is looked at whenever garbage is collected."""

    def __init__(self, write: Write, last_seen: str, until: asyncio.Timeout) -> None:
        self._write, self._last_seen, self._until = write, last_seen, until
        self._writing: asyncio.Task[None] | None = None

    def tell(self, tick: Tick) -> None:
        """Who still reads what was told before misses this, and gets what comes next."""
        if self._writing is not None and not self._writing.done():
            return
        event = tick.news(self._last_seen)
        self._last_seen = event.id
        self._writing = asyncio.create_task(self._written(event))

    async def _written(self, event: StreamEvent) -> None:
        await self._write(event)

    def end(self) -> None:
        """The stream ends now."""
        if not self._until.expired():
            self._until.reschedule(asyncio.get_running_loop().time())

    def leave(self) -> None:
        """Nothing is written any more."""
        if self._writing is not None:
            self._writing.cancel()


class Streams:
    """The open streams of this process. One task tells all of them, some at a time: requests share this loop."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._shares = Shares(STREAMS_MAX)
        self._viewers: dict[_Viewer, None] = {}
        self._is_ending = False
        self._ticking: asyncio.Task[None] | None = None
        self._tick: Tick | None = None
        self.ticks = 0
        """So often the figures were read."""

    def end(self) -> None:
        """The process is about to stop: every stream ends, so that draining need not wait for pages left open."""
        self._is_ending = True
        self._end_all()

    @property
    def open_streams(self) -> int:
        """How many are open."""
        return self._shares.taken

    def admit(self, viewer: str) -> None:
        """Whether a viewer's address may have one more. Raises TooManyStreams."""
        if not self._shares.is_room(viewer):
            raise TooManyStreams(f"your address has as many streams as are left for all others, of {STREAMS_MAX}")

    async def watch(self, viewer: str, last_seen: str, write: Write, leaves: Callable[[], Awaitable[None]]) -> None:
        """Writes to a viewer until it `leaves`, or the stream is over, and the browser asks again.

        `viewer`: its address. `last_seen`: the id of the last event that the reader has; what it knows is not sent.
        """
        if self._is_ending or not self._shares.take(viewer):
            return  # others came between: it ends, and is asked for again
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STREAM_S_MAX) as until:
                    await self._watch(_Viewer(write, last_seen, until), leaves)
        finally:
            self._shares.give_back(viewer)

    async def _watch(self, one: _Viewer, leaves: Callable[[], Awaitable[None]]) -> None:
        self._viewers[one] = None
        if not self.is_ticking:
            self._ticking = asyncio.create_task(self._run())
        elif self._tick is not None:
            one.tell(self._tick)
        try:
            await leaves()
        finally:
            del self._viewers[one]
            one.leave()

    @property
    def is_ticking(self) -> bool:
        """Whether figures are read: while anybody watches."""
        return self._ticking is not None and not self._ticking.done()

    async def _run(self) -> None:
        """Ticks while anybody watches. Where the figures cannot be read all streams end: the browsers ask again."""
        try:
            while self._viewers and not self._is_ending:
                self._tick = await self._read()
                await self._tell_all(self._tick)
                await asyncio.sleep(STREAM_PAUSE_S)
        except Unavailable:
            self._end_all()
        finally:
            self._tick, self._ticking = None, None

    async def _tell_all(self, tick: Tick) -> None:
        viewers = list(self._viewers)
        for first in range(0, len(viewers), TOLD_AT_ONCE):
            if first:
                await asyncio.sleep(TELL_PAUSE_S)
            for one in viewers[first : first + TOLD_AT_ONCE]:
                if one in self._viewers:
                    one.tell(tick)

    def _end_all(self) -> None:
        for one in self._viewers:
            one.end()

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
