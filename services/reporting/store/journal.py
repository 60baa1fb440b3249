"""The journal: each event once, by identity, with its place in the log and when it was appended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bson.binary import Binary

from pandapack.contracts.envelope import sequence_of
from pandapack.runtime.mongo import Rows
from services.reporting.domain.journal import Entry, Judged, Known, Place, judge, keys_of

EVENTS_A_READ_MAX = 1_000
_PLACE = {"topic": 1, "partition": 1, "offset": 1, "digest": 1}


class JournalAlarm(Exception):
    """The log contradicts what is journaled. The partition must stop, and a person must look."""


class Journal:
    """One collection of events that are written once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def enter(self, entries: Sequence[Entry], heard_offset: int) -> Sequence[Entry]:
        """Enters a batch of one partition, in order, and answers those which the views hear.

        Two owners of a partition (a zombie after a rebalance) read the same log in the same order, so each may find
        that a row is there already, but never under another place. Raises JournalAlarm, AnswerLost.
        """
        keys = keys_of(entries)
        rows = await self._rows.find({"_id": {"$in": keys}}, limit=len(keys), fields=_PLACE)
        known = {row["_id"]: _known(row) for row in rows}
        judged = judge(entries, known, heard_offset)
        if not isinstance(judged, Judged):
            raise JournalAlarm(f"{judged.code}: {judged.words}")
        await self._rows.insert_in_order([_row(entry) for entry in judged.new])
        return judged.folded

    async def said_by(self, source: str, *, after: int, limit: int) -> list[dict[str, Any]]:
        """A source's events past the sequence `after`, in order: rows with `envelope`, place and append time."""
        where = {"_id": {"$gt": f"{source}#{sequence_of(after)}", "$lt": f"{source}$"}}  # "$" follows "#"
        return await self._rows.find(where, limit=min(limit, EVENTS_A_READ_MAX))


def _known(row: dict[str, Any]) -> Known:
    return Known(Place(row["topic"], row["partition"], row["offset"]), row["digest"])


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "_id": entry.key,
        "type": entry.type,
        "topic": entry.place.topic,
        "partition": entry.place.partition,
        "offset": entry.place.offset,
        "appended_at_ms": entry.appended_at_ms,
        "digest": entry.digest,
        "envelope": Binary(entry.kept),
    }
