"""The days as of which there are figures: those of the months in which the public log grew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from pandapack.contracts.donations import CHINA
from pandapack.decision import Refusal
from services.reporting.domain.as_of import BEFORE_ALL
from services.reporting.domain.snapshots import Level
from services.reporting.work.snapshots import Snapshots

MONTHS_MAX = 1_200
"""A century of months: more than any programme has."""
LAST = datetime(9999, 12, 30, tzinfo=UTC)


class Span(NamedTuple):
    """Days from the first to the last, both in it, in Asia/Shanghai."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many they are."""
        return (self.last - self.first).days + 1


class KnownDays:
    """Read anew when a month has begun; within a month only the last day moves."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._spans: tuple[Span, ...] = ()
        self._month = ""

    async def spans(self) -> tuple[Span, ...]:
        """In order, none beside another; of a log without entries none."""
        at = self._snapshots.current.at
        if not at:
            return ()
        newest = china_day(at)
        if self._month != newest.isoformat()[:7] or newest < self._spans[-1].first:
            self._spans, self._month = await self._read(newest), newest.isoformat()[:7]
        *before, last = self._spans
        return (*before, Span(last.first, newest))

    async def _read(self, newest: date) -> tuple[Span, ...]:
        months = await self._snapshots.series(Level.MONTH, BEFORE_ALL, LAST, MONTHS_MAX)
        first = await self._snapshots.as_of_size(1)
        begun = newest if isinstance(first, Refusal) else china_day(first.at)
        spans: list[Span] = []
        for month in sorted({china_day(one.at).replace(day=1) for one in months} | {newest.replace(day=1)}):
            one = Span(max(month, begun), min(_month_end(month), newest))
            if spans and one.first - spans[-1].last == timedelta(days=1):
                one = Span(spans.pop().first, one.last)
            spans.append(one)
        return tuple(spans)


def china_day(at: str) -> date:
    """The day in Asia/Shanghai of an RFC 3339 time."""
    return datetime.fromisoformat(at).astimezone(CHINA).date()


def _month_end(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
