"""The source of the live streams: each open stream gets all figures when one has changed, else how fresh they are."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import msgspec

from pandapack.runtime.clock import monotonic_s
from services.reporting.work.readings import Readings

STREAMS_MAX = 1_000
STREAM_S_MAX = 300.0
"""A stream ends after this, and the browser asks again: perhaps another process."""
STREAM_PAUSE_S = 0.5

Json = dict[str, Any]


class TooManyStreams(Exception):
    """`STREAMS_MAX` are open."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """`name` is totals or fresh. `id` names the figures: a reader that has this id knows them."""

    name: str
    id: str
    data: Json


class Streams:
    """The open streams of this process."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._open = 0
        self._ending = asyncio.Event()

    def end(self) -> None:
        """The process is about to stop: every stream ends, so that draining need not wait for pages left open."""
        self._ending.set()

    def open(self, last_seen: str) -> AsyncGenerator[StreamEvent, None]:
        """A new stream. `last_seen` is the id of the last event that the reader has. Raises TooManyStreams."""
        if self._open >= STREAMS_MAX:
            raise TooManyStreams(f"{STREAMS_MAX} streams are open")
        return self._stream(last_seen)

    async def _stream(self, last_seen: str) -> AsyncGenerator[StreamEvent, None]:
        """What the reader knows is not sent again."""
        self._open += 1
        try:
            until_s = monotonic_s() + STREAM_S_MAX
            while monotonic_s() < until_s and not self._ending.is_set():
                figures = await self._readings.totals()
                fresh = {name: figures.pop(name) for name in ("complete_to", "behind_s")}
                id = _id_of(figures)
                if id == last_seen:
                    yield StreamEvent("fresh", id, fresh)
                else:
                    yield StreamEvent("totals", id, {**figures, **fresh})
                last_seen = id
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), STREAM_PAUSE_S)
        finally:
            self._open -= 1


def _id_of(figures: Json) -> str:
    """The same figures have the same id in every process, so a stream goes on anywhere."""
    return hashlib.blake2b(msgspec.json.encode(figures), digest_size=8).hexdigest()
