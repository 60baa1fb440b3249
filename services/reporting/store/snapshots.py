"""What is kept of snapshots: at each boundary of the log the books, and each round and month that changed since then.

All of it follows from the log's entries, so whoever writes it writes the same: rows are inserted once, and a row that
has a successor is told until which size it was the last. The books come last: a boundary that has them is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bson.binary import Binary

from pandapack.contracts.public_log.fold.books import Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.kept import DaysOfMonth, Month, as_of, month_key, packed, unpacked
from pandapack.runtime.documents import Rows
from services.reporting.domain.snapshots import Folded, Level, Moment

FOR_GOOD = 2**62
"""Until which size a row is the last that has no successor."""
MONTHS_A_READ_MAX = 4_096
"""Three years of a hundred programmes."""
WRITES_AT_A_TIME = 16
ROUNDS_AT_A_TIME = 50
"""Unpacked in some two milliseconds."""

T = TypeVar("T")


class SnapshotRows:
    """Four collections."""

    def __init__(self, books: Rows, rounds: Rows, months: Rows, moments: Rows) -> None:
        self._books, self._rounds, self._months, self._moments = books, rounds, months, moments
        self._newest_months: tuple[int, Mapping[Month, DaysOfMonth]] = (0, {})

    async def newest(self, size: int) -> Folded:
        """The last whole boundary at or before a size."""
        return await self._one_of_books({"_id": {"$lte": size}})

    async def newest_at(self, at: str) -> Folded:
        """The last whole boundary whose last entry was appended at or before a time (RFC 3339, UTC)."""
        return await self._one_of_books({"at": {"$lte": at}})

    async def _one_of_books(self, where: Mapping[str, Any]) -> Folded:
        rows = await self._books.find(where, sort=(("_id", -1),), limit=1)
        if not rows:
            return Folded()
        return Folded(unpacked(rows[0]["books"], Books), rows[0]["_id"])

    async def rounds_named(self, names: Iterable[str], boundary: int) -> dict[str, RoundBooks]:
        """These rounds as of a boundary, as far as there are any."""
        wanted = sorted(names)
        if not wanted:
            return {}
        found = await self._rounds.find({"round": {"$in": wanted}, **as_of(boundary)}, limit=len(wanted))
        return {row["round"]: unpacked(row["state"], RoundBooks) for row in found}

    async def rounds_behind(self, name: str, boundary: int, limit: int, *, is_open: bool | None) -> list[RoundBooks]:
        """Rounds as of a boundary, by name, those behind one: all, or only those that are (not) open."""
        where: dict[str, Any] = {"round": {"$gt": name}, **as_of(boundary)}
        if is_open is not None:
            where["is_open"] = is_open
        found = list[RoundBooks]()
        for some in _some(await self._rounds.find(where, sort=(("round", 1),), limit=limit), ROUNDS_AT_A_TIME):
            found += [unpacked(row["state"], RoundBooks) for row in some]
            await asyncio.sleep(0)  # other requests share this loop
        return found

    async def months_named(self, months: Iterable[Month], boundary: int) -> dict[Month, DaysOfMonth]:
        """The days of these months as of a boundary."""
        wanted = sorted(map(month_key, months))
        if not wanted:
            return {}
        return await self._months_where({"month": {"$in": wanted}, **as_of(boundary)})

    async def months(self, boundary: int) -> Mapping[Month, DaysOfMonth]:
        """All days as of a boundary, by programme and month. Those of the newest one are remembered."""
        newest, found = self._newest_months
        if boundary == newest:
            return found
        found = await self._months_where(as_of(boundary))
        if boundary > newest:
            self._newest_months = boundary, found
        return found

    async def _months_where(self, where: Mapping[str, Any]) -> dict[Month, DaysOfMonth]:
        found: dict[Month, DaysOfMonth] = {}
        for row in await self._months.find(where, limit=MONTHS_A_READ_MAX):
            programme, _, month = row["month"].rpartition("/")
            found[programme, month] = unpacked(row["state"], dict[str, DayBooks])
        return found

    async def moments(self, by: Level, begin: str, end: str, limit: int) -> list[Moment]:
        """Periods that have ended, in order: those that begin in `[begin, end)`."""
        rows = await self._moments.find({"_id": {"$gte": f"{by}/{begin}", "$lt": f"{by}/{end}"}}, limit=limit)
        return [unpacked(row["state"], Moment) for row in rows]

    async def keep(self, full: Folded) -> None:
        """Keeps a snapshot at a boundary, with all that was changed since the one before. Raises AnswerLost."""
        await self._moments.insert_in_order(
            [{"_id": f"{one.by}/{one.at}", "state": _packed(one)} for one in full.moments]
        )
        rounds = {name: {"is_open": not one.closed_at, "state": _packed(one)} for name, one in full.rounds.items()}
        await _succeed(self._rounds, "round", rounds, full)
        months = {month_key(month): {"state": _packed(days)} for month, days in full.months.items()}
        await _succeed(self._months, "month", months, full)
        await self._books.insert({"_id": full.size, "at": full.books.at, "books": _packed(full.books)})


async def _succeed(rows: Rows, key: str, changed: Mapping[str, Mapping[str, Any]], full: Folded) -> None:
    """Rows as of a boundary, and in those before them until when they were the last."""
    if not changed:
        return
    names = sorted(changed)
    where = {key: {"$in": names}, "size": {"$lt": full.size}, "until": {"$gt": full.boundary}}
    before = [row["_id"] for row in await rows.find(where, limit=len(names), fields={"_id": 1})]
    await rows.insert_in_order(
        [
            {"_id": f"{name}/{full.size:015d}", key: name, "size": full.size, "until": FOR_GOOD, **changed[name]}
            for name in names
        ]
    )
    for some in _some(before, WRITES_AT_A_TIME):
        await asyncio.gather(*(rows.set(id, {"until": full.size}) for id in some))


def _some(values: Sequence[T], count: int) -> Iterable[Sequence[T]]:
    return (values[first : first + count] for first in range(0, len(values), count))


def _packed(value: Any) -> Binary:
    return Binary(packed(value))
