"""Summaries of a period: the two readings between which it lies."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from pandapack.decision import Refusal
from pandapack.runtime.clock import Clock
from services.reporting.domain.summary import MONTHS_MAX, Month, Period
from services.reporting.store.public_log import PublicLog
from services.reporting.work.readings import Reading, Readings
from services.reporting.work.snapshots import Snapshots


class _Timed(msgspec.Struct):
    at: datetime


class Bounds(NamedTuple):
    """Figures as of the first and of the last moment of a period. `is_final`: neither will ever change."""

    before: Reading
    after: Reading

    @property
    def is_final(self) -> bool:
        return self.before.is_final and self.after.is_final


class Summaries:
    """Reads periods. Each costs two snapshots, and nothing beside them."""

    def __init__(self, readings: Readings, snapshots: Snapshots, kept: PublicLog, clock: Clock) -> None:
        self._readings, self._snapshots, self._kept, self._clock = readings, snapshots, kept, clock

    def now(self) -> datetime:
        """The later of the service's clock and the newest entry, whose business time may be ahead."""
        wall, at = self._clock.wall(), self._snapshots.current.at
        return max(wall, datetime.fromisoformat(at)) if at else wall

    async def whole(self) -> Period:
        """From the month of the log's first entry to that of its last; of an empty log, this month."""
        first, at = await self._kept.entries(0, 1), self._snapshots.current.at
        if not first or not at:
            month = Month.of(self.now())
            return Period(month, month, is_over=False)
        begin, end = Month.of(msgspec.json.decode(first[0], type=_Timed).at), Month.of(datetime.fromisoformat(at))
        while begin.year * 12 + begin.number + MONTHS_MAX <= end.year * 12 + end.number:
            begin = begin.next
        return Period(begin, end, is_over=end < Month.of(self.now()))

    async def read(self, period: Period) -> Bounds:
        """What was known when the period began, and when it ended or, where it has not, what is known now."""
        before = await self._readings.as_of(period.begin.day_before.isoformat())
        after = await self._readings.as_of(period.end.last_day.isoformat())
        assert not isinstance(before, Refusal) and not isinstance(after, Refusal), "a day is never refused"
        return Bounds(before, after)
