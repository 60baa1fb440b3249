"""The two times: business time, which the demonstration runs fast, and wall time, for signatures, keys and waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
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
    """Business time is `start` at wall time `epoch` and runs `rate` times as fast. The default is wall time itself."""

    epoch: datetime = datetime(2019, 2, 1, tzinfo=UTC)
    start: datetime = datetime(2019, 2, 1, tzinfo=UTC)
    rate: float = 1.0

    def now(self) -> datetime:
        return self.start + (self.wall() - self.epoch) * self.rate

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def wall_of(self, business: datetime) -> datetime:
        return self.epoch + (business - self.start) / self.rate


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
