"""The story's clock: business time, which the services read from a file, set by whoever plays (decision record 44).

Each chapter is a segment of it: it runs evenly from where it is to the chapter's end, and stands there until the next
chapter begins. So in which month a thing happens never depends on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

WAIT_S_MAX = 1.0
"""However far off a moment is, the clock is looked at again by then."""


class StoryClock:
    """Sets the clock, and lets players wait for moments of the story. `file`: where services look."""

    def __init__(self, file: Path, begins: datetime) -> None:
        self._file, self._lines = file, list[str]()
        self._epoch, self._start, self._rate = wall(), begins, 0.0
        self._limit: datetime | None = None
        self._is_over = False
        self._turned = asyncio.Event()

    def now(self) -> datetime:
        """Business time."""
        now = wall()
        if self._limit is not None and now >= self._epoch + (self._limit - self._start) / self._rate:
            return self._limit
        return self._start + (now - self._epoch) * self._rate

    def play_to(self, limit: datetime, seconds: float) -> None:
        """From now on it runs so that it is at `limit` after so many seconds, and stands there."""
        start = self.now()
        self._turn(start, max(0.0, (limit - start).total_seconds()) / seconds or 1.0, limit)

    def jump_to_now(self) -> None:
        """The story is over: business time is wall time, and who waits waits for that. It never goes back."""
        self._is_over = False
        self._turn(max(wall(), self.now()), 1.0, None)

    def end_waits(self) -> None:
        """Nobody waits any more: what is still to be reported is reported at once."""
        self._is_over = True
        self._wake()

    async def until(self, at: datetime) -> None:
        """Waits until that moment of the story."""
        while not self._is_over and (left := at - self.now()) > timedelta():
            wait_s = left.total_seconds() / self._rate if self._rate else math.inf
            turned = self._turned
            try:
                await asyncio.wait_for(turned.wait(), min(WAIT_S_MAX, wait_s))
            except TimeoutError:
                continue

    def _turn(self, start: datetime, rate: float, limit: datetime | None) -> None:
        self._epoch, self._start, self._rate, self._limit = wall(), start, rate, limit
        told = {"epoch": self._epoch.isoformat(), "start": start.isoformat(), "rate": rate}
        self._lines.append(json.dumps({**told, "limit": limit and limit.isoformat()}))
        # In one step, so that nobody reads half of it.
        new = self._file.with_suffix(".new")
        new.write_text("\n".join(self._lines) + "\n")
        new.replace(self._file)
        self._wake()

    def _wake(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()


def wall() -> datetime:
    """Wall time, UTC."""
    return datetime.now(UTC)
