"""The index of journeys: subject → events and cause → effects, a row each, written just before an event is journaled.

Rows are looked up by `_id` alone, whose order is the order of reading:
`round/R-000007 0001700000000000 /procurement/rounds/R-000007#000000000001` leads from a subject to its events in the
order in which Kafka had them, `cause /donations/shards/3#000000000014 /procurement/funds/P#000000000009` from a cause
(the last position of its range; `first` is the first) to its effect. Writing a row again changes nothing. A row may be
ahead of its event for a moment, and then leads to none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pandapack.contracts.envelope import sequence_of
from pandapack.runtime.documents import Rows
from services.reporting.domain.journal import Entry

ROWS_A_READ_MAX = 2_001
"""A page of the most that a journey reads of one subject, and one more, which says that there are more."""
ENDS_A_READ = 3
"""A page's last event is of its shard, or its seal behind that one."""
MS_DIGITS = 16
"""Milliseconds since 1970 to the end of the calendar."""
_CAUSE = "cause "
_PROGRESS = "progress "
_BEHIND = "!"
"""The character behind the space that ends a subject: all of a subject's rows lie before it."""


@dataclass(frozen=True, slots=True)
class Found:
    """An event of a subject. `cursor`: where a page goes on behind it."""

    cursor: str
    key: str


class JourneyIndex:
    """One collection for both journals."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def note(self, entries: Iterable[Entry]) -> None:
        """Writes what entries of a journal are about and what made them. Raises AnswerLost."""
        rows = [row for entry in entries for row in rows_of(entry)]
        if rows:
            await self._rows.insert_in_order(rows)

    async def events_about(self, subject: str, *, after: str, limit: int) -> list[Found]:
        """The identities of a subject's events behind a cursor ("" is the beginning), in order."""
        where = {"_id": {"$gt": f"{subject} {after}", "$lt": f"{subject}{_BEHIND}"}}
        found = await self._rows.find(where, limit=min(limit, ROWS_A_READ_MAX))
        return [_found(row["_id"].removeprefix(f"{subject} ")) for row in found]

    async def ends_of(self, subject: str) -> list[Found]:
        """A subject's first and last few events: among them those of its main source."""
        where = {"_id": {"$gt": f"{subject} ", "$lt": f"{subject}{_BEHIND}"}}
        first, last = [await self._rows.find(where, sort=(("_id", way),), limit=ENDS_A_READ) for way in (1, -1)]
        return [_found(row["_id"].removeprefix(f"{subject} ")) for row in (*first, *last)]

    async def effects_of(self, stream: str, positions: range, *, limit: int) -> list[str]:
        """The identities of events that name any of these positions of a stream as a cause, in order of the causes."""
        low = f"{_CAUSE}{stream}#{sequence_of(positions.start)}"
        where = {"_id": {"$gte": low, "$lt": f"{_CAUSE}{stream}$"}}  # "$" follows "#"
        found = await self._rows.find(where, limit=min(limit, ROWS_A_READ_MAX))
        return [row["_id"].rpartition(" ")[2] for row in found if row["first"] < positions.stop]

    async def progress(self, partition: str) -> int | None:
        """From which offset on a partition's journal is still to be indexed; None: all of it is."""
        row = await self._rows.one(_PROGRESS + partition)
        return 0 if row is None else row["offset"]

    async def move(self, partition: str, offset: int | None) -> None:
        """Notes how far a partition's journal is indexed."""
        id = _PROGRESS + partition
        if not await self._rows.set(id, {"offset": offset}):
            await self._rows.insert({"_id": id, "offset": offset})


def _found(tail: str) -> Found:
    return Found(tail, tail.partition(" ")[2])


def rows_of(entry: Entry) -> Sequence[dict[str, Any]]:
    """What the index has of an event: a row a subject, and a row a cause."""
    at, key = f"{entry.appended_at_ms:0{MS_DIGITS}d}", entry.key
    about: list[dict[str, Any]] = [{"_id": f"{subject} {at} {key}"} for subject in entry.subjects]
    made = [
        {"_id": f"{_CAUSE}{cause.stream}#{sequence_of(cause.last)} {key}", "first": cause.first}
        for cause in entry.causes
    ]
    return about + made
