"""Snapshots: the books of the public log as of a size, and how those of a later size follow from them.

What grows with history stands by itself: each round, and the days of each programme's month (`Month`). A snapshot has
at hand only what was changed since its `boundary`, a multiple of `STRIDE`; the store has all else, as of that
boundary. Nothing that a snapshot holds is ever changed: who reads it need not hurry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from pandapack.contracts.donations import CHINA
from pandapack.contracts.public_log.entries import moment
from pandapack.contracts.public_log.fold import figures, fold
from pandapack.contracts.public_log.fold.books import Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.contracts.public_log.fold.kept import DaysOfMonth, Month, month_of

STRIDE = 64
"""Fewer entries than so many are folded again for a size of long ago, in some five milliseconds at most."""
MINUTE_CHARACTERS = len("2021-11-11T10:05")

Json = dict[str, Any]
T = TypeVar("T")


class Level(StrEnum):
    """The periods of a series. Days and months are those of Asia/Shanghai."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_BEGINS: Mapping[Level, dict[str, int]] = {
    Level.MINUTE: {"second": 0, "microsecond": 0},
    Level.HOUR: {"minute": 0, "second": 0, "microsecond": 0},
    Level.DAY: {"hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    Level.MONTH: {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
}


class Moment(msgspec.Struct, frozen=True):
    """All figures at the end of a period that begins `at` (RFC 3339, UTC), as of the size that the log had then."""

    by: Level
    at: str
    size: int
    totals: Json
    programmes: dict[str, Json]
    countries: list[Json]


@dataclass(frozen=True, slots=True)
class Folded:
    """The books as of `books.size`, and what was changed since `boundary`. `moments`: periods that ended since."""

    books: Books = field(default_factory=Books)
    boundary: int = 0
    rounds: Mapping[str, RoundBooks] = field(default_factory=dict)
    months: Mapping[Month, DaysOfMonth] = field(default_factory=dict)
    moments: tuple[Moment, ...] = ()

    @property
    def size(self) -> int:
        return self.books.size

    @property
    def is_at_boundary(self) -> bool:
        """Whether all that was changed must be kept now, before anything more is folded."""
        return self.size - self.boundary == STRIDE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What entries change beside the books."""

    rounds: frozenset[str]
    months: frozenset[Month]


def boundary_of(size: int) -> int:
    """The last boundary at or before a size."""
    return size // STRIDE * STRIDE


def wanted_by(known: Folded, entries: Iterable[Json]) -> Wanted:
    """What must be at hand before the entries are folded, and is not yet."""
    rounds, months = set[str](), set[Month]()
    for entry in (*known.books.pending, *entries):
        names = fold.names_in(Books(), entry)
        rounds |= names.rounds
        months |= {month_of(day) for day in names.days}
    return Wanted(frozenset(rounds - known.rounds.keys()), frozenset(months - known.months.keys()))


def folded(
    known: Folded,
    entries: Sequence[Json],
    rounds: Mapping[str, RoundBooks],
    months: Mapping[Month, DaysOfMonth],
    *,
    is_followed: bool = True,
) -> Folded:
    """The next snapshot: what is known, with these entries behind it.

    `rounds`, `months`: what `wanted_by` names, as of the boundary, as far as it is there. At most as many entries as
    fit before the next boundary. `is_followed`: whether the periods that end are noted.
    """
    assert known.size + len(entries) <= known.boundary + STRIDE, "entries beyond the next boundary"
    books = _copied(known.books, Books)
    touched = _Touched(known, rounds, months)
    moments = list(known.moments)
    for entry in entries:
        if is_followed and books.at:
            moments += _ended(books, entry["at"])
        own = fold.names_in(books, entry)
        touched.take(own)
        fold.add(books, touched.rounds, touched.days, entry)
    return Folded(books, known.boundary, *touched.put_back(), tuple(moments))


class _Touched:
    """Copies of what a batch changes: a snapshot that was handed out keeps what it has."""

    def __init__(self, known: Folded, rounds: Mapping[str, RoundBooks], months: Mapping[Month, DaysOfMonth]) -> None:
        self._known_rounds = {**rounds, **known.rounds}
        self._known_months = {**months, **known.months}
        self._before = known
        self._months = set[Month]()
        self.rounds: dict[str, RoundBooks] = {}
        self.days: dict[Day, DayBooks] = {}

    def take(self, names: fold.Scope) -> None:
        for name in names.rounds:
            if name not in self.rounds and name in self._known_rounds:
                self.rounds[name] = _copied(self._known_rounds[name], RoundBooks)
        for programme, month in {month_of(day) for day in names.days} - self._months:
            self._months.add((programme, month))
            for day, books in self._known_months.get((programme, month), {}).items():
                self.days[programme, day] = _copied(books, DayBooks)

    def put_back(self) -> tuple[Mapping[str, RoundBooks], Mapping[Month, DaysOfMonth]]:
        months: dict[Month, DaysOfMonth] = {month: {} for month in self._months}
        for day, books in self.days.items():
            months[month_of(day)][day[1]] = books
        return {**self._before.rounds, **self.rounds}, {**self._before.months, **months}


def at_boundary(full: Folded) -> Folded:
    """The same once all of it is kept: nothing is changed since the new boundary."""
    assert full.is_at_boundary
    return Folded(full.books, full.size)


def moments_of(books: Books, levels: Iterable[Level] = Level) -> list[Moment]:
    """The figures now, as those of the periods that are under way."""
    every = totals_by_programme(books)
    totals, countries = figures.totals(books), figures.country_rows(books)
    return [Moment(level, begin_of(level, books.at), books.size, totals, every, countries) for level in levels]


def totals_by_programme(books: Books) -> dict[str, Json]:
    """Programme → its totals."""
    return {name: figures.totals(books, name) for name in sorted(books.programmes)}


def begin_of(level: Level, at: str) -> str:
    """When the period began in which a time lies (both RFC 3339, UTC)."""
    return moment(datetime.fromisoformat(at).astimezone(CHINA).replace(**_BEGINS[level]))  # type: ignore[arg-type]


def _ended(books: Books, at: str) -> list[Moment]:
    """The periods that ended before an entry that is appended at `at`."""
    if books.at[:MINUTE_CHARACTERS] == at[:MINUTE_CHARACTERS]:
        return []
    levels = [level for level in Level if begin_of(level, books.at) != begin_of(level, at)]
    return moments_of(books, levels) if levels else []


def _copied(value: T, kind: type[T]) -> T:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)
