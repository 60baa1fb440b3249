"""Snapshots of the public log in this process: each entry is folded once, and any size of before can be had again.

Every process folds for itself what the log's owner has kept, wherever that runs, and has the newest snapshot in memory:
no page waits for a database, and none reads every round. At each boundary what was changed is kept, by whoever comes
first; a process that starts goes on from the last boundary.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime

from pandapack.contracts.public_log.entries import moment
from pandapack.contracts.public_log.fold import fold
from pandapack.contracts.public_log.fold.books import Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.decision import Refusal, RefusalKind
from services.reporting.domain.snapshots import (
    STRIDE,
    Folded,
    Level,
    Moment,
    at_boundary,
    boundary_of,
    folded,
    moments_of,
    wanted_by,
)
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows

FOLLOW_PAUSE_S = 0.2
"""So long after the log has grown at most, a process knows it."""
SNAPSHOTS_KEPT_MAX = 64
"""Of sizes of before, those that were asked for last: some hundred KB each at most, of large programmes."""


class Snapshot:
    """The figures as of a size of the log. It never changes, also while it is read."""

    def __init__(self, known: Folded, rows: SnapshotRows) -> None:
        self._known, self._rows = known, rows

    @property
    def size(self) -> int:
        """How many entries of the log are in it."""
        return self._known.size

    @property
    def at(self) -> str:
        """When the last of them was appended: business time, RFC 3339, UTC; "" where there is none."""
        return self._known.books.at

    @property
    def books(self) -> Books:
        """All sums but those of rounds and days."""
        return self._known.books

    async def days(self) -> Mapping[Day, DayBooks]:
        """The days of all programmes."""
        months = {**await self._rows.months(self._known.boundary), **self._known.months}
        return {(programme, day): one for (programme, _), days in months.items() for day, one in days.items()}

    async def rounds(self, after: str, limit: int, *, is_open: bool | None = None) -> list[RoundBooks]:
        """Rounds by name, those behind `after`, at most `limit`: all, or only those that are (not) open."""
        changed = self._known.rounds
        own = {n: one for n, one in changed.items() if n > after and is_open in (None, not one.closed_at)}
        found: dict[str, RoundBooks] = {}
        begin = after
        while len(found) < limit:
            read = await self._rows.rounds_behind(begin, self._known.boundary, limit, is_open=is_open)
            found |= {one.round: one for one in read if one.round not in changed}
            if len(read) < limit:
                found |= own
                break
            begin = read[-1].round
            found |= {name: one for name, one in own.items() if name <= begin}
        return [found[name] for name in sorted(found)[:limit]]

    async def round(self, name: str) -> RoundBooks | None:
        """One round; None where there is none of that name."""
        if name in self._known.rounds:
            return self._known.rounds[name]
        return (await self._rows.rounds_named([name], self._known.boundary)).get(name)


class Snapshots:
    """Those of one process. `follow` is one run of its loop."""

    def __init__(self, kept: PublicLog, rows: SnapshotRows) -> None:
        self._kept, self._rows = kept, rows
        self._known = Folded()
        self._is_begun = False
        self._earlier: OrderedDict[int, Snapshot] = OrderedDict()

    @property
    def current(self) -> Snapshot:
        """The newest. Before the first run it is the empty one."""
        return Snapshot(self._known, self._rows)

    async def follow(self) -> bool:
        """Folds what the log has beyond the newest snapshot, up to the next boundary. True: there may be more.

        Raises StoreUnavailable, AnswerLost, LogContradicted; the next run goes on where this one was.
        """
        size = (await self._kept.head()).size
        if not self._is_begun:
            self._known = await self._rows.newest(size)
            self._is_begun = True
        known = self._known
        if known.is_at_boundary:
            await self._rows.keep(known)
            known = self._known = at_boundary(known)
        end = min(size, known.boundary + STRIDE)
        if end <= known.size:
            return False
        self._known = await self._fold(known, await self._entries(known.size, end), is_followed=True)
        return self._known.is_at_boundary

    async def as_of_size(self, size: int) -> Snapshot | Refusal:
        """The snapshot of a size of before. Refused is one that is not there yet."""
        current = self.current
        if size == current.size:
            return current
        if not 0 <= size < current.size:
            detail = f"the log has {current.size} entries; ask for one of 0 to {current.size}"
            return Refusal("size_unknown", detail, RefusalKind.NOT_FOUND)
        if (found := self._found(size)) is not None:
            return found
        begin = boundary_of(size)
        known, entries = await asyncio.gather(self._rows.newest(begin), self._entries(begin, size))
        if known.size < begin:  # a boundary that is not kept yet
            entries = await self._entries(known.size, size)
        return await self._earlier_one(known, entries, size)

    async def as_of_moment(self, at: datetime) -> Snapshot:
        """The snapshot of the last entry that was appended at or before a moment of business time."""
        until, current = moment(at), self.current
        if current.at <= until:
            return current
        known = await self._rows.newest_at(until)
        entries = await self._entries(known.size, min(current.size, known.size + STRIDE))
        size = known.size + sum(entry["at"] <= until for entry in entries)
        return await self._earlier_one(known, entries[: size - known.size], size)

    async def _earlier_one(self, known: Folded, entries: Sequence[fold.Json], size: int) -> Snapshot:
        if (found := self._found(size)) is not None:
            return found
        return self._remembered(await self._fold(known, entries, is_followed=False))

    def _found(self, size: int) -> Snapshot | None:
        found = self._earlier.get(size)
        if found is not None:
            self._earlier.move_to_end(size)
        return found

    async def series(self, by: Level, begin: datetime, end: datetime, limit: int) -> list[Moment]:
        """The periods that begin in `[begin, end)` and in which the log grew, in order; the last may be under way."""
        known, low, high = self._known, moment(begin), moment(end)
        found = await self._rows.moments(by, low, high, limit)
        names = {one.at for one in found}
        late = [one for one in known.moments if one.by is by and one.at not in names]
        if known.books.at:
            late += [one for one in moments_of(known.books, [by]) if one.at not in names | {o.at for o in late}]
        return [*found, *(one for one in late if low <= one.at < high)][:limit]

    def _remembered(self, known: Folded) -> Snapshot:
        found = self._earlier[known.size] = Snapshot(known, self._rows)
        while len(self._earlier) > SNAPSHOTS_KEPT_MAX:
            self._earlier.popitem(last=False)
        return found

    async def _entries(self, first: int, end: int) -> list[fold.Json]:
        return [fold.read(entry) for entry in await self._kept.entries(first, end - first)] if first < end else []

    async def _fold(self, known: Folded, entries: Sequence[fold.Json], *, is_followed: bool) -> Folded:
        wanted = wanted_by(known, entries)
        rounds, months = await asyncio.gather(
            self._rows.rounds_named(wanted.rounds, known.boundary),
            self._rows.months_named(wanted.months, known.boundary),
        )
        return folded(known, entries, rounds, months, is_followed=is_followed)
