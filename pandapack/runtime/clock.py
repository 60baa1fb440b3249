"""The two times: business time, which the demonstration runs fast, and wall time, for signatures, keys and waits."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What a service may know of time."""

    def now(self) -> datetime:
        """Business time, UTC."""
        ...

    def wall(self) -> datetime:
        """Wall time, UTC."""
        ...

    def wall_of(self, business: datetime) -> datetime:
        """The wall time at which business time is, was or will be `business`."""
        ...


@dataclass(frozen=True, slots=True)
class BusinessClock:
    """Business time is `start` at wall time `epoch` and runs `rate` times as fast. The default is wall time itself.

    At `limit` it stands still; None: it runs on.
    """

    epoch: datetime = datetime(2019, 2, 1, tzinfo=UTC)
    start: datetime = datetime(2019, 2, 1, tzinfo=UTC)
    rate: float = 1.0
    limit: datetime | None = None

    def now(self) -> datetime:
        return self.at(self.wall())

    def at(self, wall: datetime) -> datetime:
        """Business time at a wall time."""
        # A fast clock that has stood for long would run beyond all calendars.
        if self.limit is not None and wall >= self.wall_of(self.limit):
            return self.limit
        return self.start + (wall - self.epoch) * self.rate

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def wall_of(self, business: datetime) -> datetime:
        reached = business if self.limit is None else min(business, self.limit)
        return self.epoch + (reached - self.start) / self.rate


@dataclass(slots=True)
class StoryClock:
    """A clock of segments, told by a file: how a demonstration plays years whose length no machine's speed decides.

    The file (`segment_line` makes its lines) is replaced whole by whoever plays; each segment begins where the one
    before stands by then, so no clock goes back. It is looked at each time that somebody asks: one `stat`. Until it is
    there, and where it cannot be read, what was known goes on.
    """

    file: Path
    before: BusinessClock
    _segments: tuple[BusinessClock, ...] = ()
    _seen: tuple[int, int, int] = field(default=(0, 0, 0))

    def now(self) -> datetime:
        return self._current().now()

    def wall(self) -> datetime:
        return self.before.wall()

    def wall_of(self, business: datetime) -> datetime:
        current = self._current()
        begun = (one for one in reversed(self._segments) if one.start <= business)
        return next(begun, self.before if self._segments else current).wall_of(business)

    def _current(self) -> BusinessClock:
        try:
            found = self.file.stat()
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                told = tuple(map(segment_of, self.file.read_bytes().splitlines()))
                self._segments, self._seen = told or self._segments, seen
        except (OSError, ValueError, KeyError, TypeError):
            pass  # it is being written for the first time, or gone with its folder
        return self._segments[-1] if self._segments else self.before


def segment_line(segment: BusinessClock) -> bytes:
    """A line of a story clock's file."""
    limit = segment.limit and segment.limit.isoformat()
    told = {"epoch": segment.epoch.isoformat(), "start": segment.start.isoformat(), "rate": segment.rate}
    return json.dumps({**told, "limit": limit}).encode() + b"\n"


def segment_of(line: bytes) -> BusinessClock:
    """What such a line says. Raises ValueError, KeyError, TypeError."""
    told: Mapping[str, str] = json.loads(line)
    limit = datetime.fromisoformat(told["limit"]) if told["limit"] else None
    rate = float(told["rate"])
    return BusinessClock(datetime.fromisoformat(told["epoch"]), datetime.fromisoformat(told["start"]), rate, limit)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still, or where a test sets it."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def wall(self) -> datetime:
        return self.at

    def wall_of(self, business: datetime) -> datetime:
        return business


def monotonic_s() -> float:
    """Seconds on a clock that never goes back, for waits and ages."""
    return time.monotonic()
