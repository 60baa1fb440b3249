"""A period of months, and what it changed: the difference of the figures at its end and at its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pandapack.contracts.donations import CHINA
from pandapack.decision import Refusal, RefusalKind

MONTHS_MAX = 120
"""Ten years: longer than any programme yet, and a table of years still fits a page."""
YEAR_FIRST = 1970
"""No log is older."""
MONTHS_A_YEAR = 12
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in Asia/Shanghai."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime) -> Month:
        """In which a moment lies."""
        local = at.astimezone(CHINA)
        return cls(local.year, local.month)

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return self.next.first_day - timedelta(days=1)

    @property
    def day_before(self) -> date:
        """The last day of the month before."""
        return self.first_day - timedelta(days=1)

    @property
    def next(self) -> Month:
        return Month(self.year + self.number // MONTHS_A_YEAR, self.number % MONTHS_A_YEAR + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment of a month to the last of another, or of the same. `is_over`: nothing can come to it."""

    begin: Month
    end: Month
    is_over: bool

    @property
    def full_years(self) -> range:
        """The years of which every month is in the period, and over."""
        first = self.begin.year + (self.begin.number > 1)
        last = self.end.year - (self.end.number < MONTHS_A_YEAR or not self.is_over)
        return range(first, last + 1)


def period_of(begin: str, end: str, now: datetime) -> Period | Refusal:
    """Months as they stand in the address, such as `2019-02`.

    Refused: month_invalid, period_backwards, period_in_the_future, period_too_long.
    """
    months = []
    for written in (begin, end):
        found = _MONTH.fullmatch(written)
        if found is None or int(found[1]) < YEAR_FIRST:
            detail = f"{written!r} is no month from {YEAR_FIRST} on: write it as 2019-02"
            return Refusal("month_invalid", detail, RefusalKind.INVALID)
        months.append(Month(int(found[1]), int(found[2])))
    first, last = months
    current = Month.of(now)
    if last < first:
        detail = f"the period ends with {last}, before it begins with {first}: write the earlier month first"
        return Refusal("period_backwards", detail, RefusalKind.INVALID)
    if current < last:
        detail = f"{last} lies in the future: the last month that has begun is {current}"
        return Refusal("period_in_the_future", detail, RefusalKind.INVALID)
    if _count(first, last) > MONTHS_MAX:
        detail = f"{first} to {last} are {_count(first, last)} months, and a summary has {MONTHS_MAX} at most"
        return Refusal("period_too_long", detail, RefusalKind.INVALID)
    return Period(first, last, is_over=last < current)


def _count(first: Month, last: Month) -> int:
    return MONTHS_A_YEAR * (last.year - first.year) + last.number - first.number + 1


def flows(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """Each figure's change, also in groups; what is no number is as it is after."""
    found: Json = {}
    for name, value in after.items():
        was = before.get(name)
        if isinstance(value, Mapping):
            found[name] = flows(was or {}, value)
        elif isinstance(value, int) and not isinstance(value, bool):
            found[name] = value - (was or 0)
        else:
            found[name] = value
    return found


def row_flows(before: Iterable[Json], after: Iterable[Json], *key: str) -> list[Json]:
    """The same of a table, row by row; a row of after that was not there before began with nothing."""
    known = {tuple(row[name] for name in key): row for row in before}
    return [flows(known.get(tuple(row[name] for name in key), {}), row) for row in after]
