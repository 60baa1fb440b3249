"""The journal: each event once, by identity, with its position in the log and when it was appended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bson.binary import Binary

from pandapack.contracts.envelope import Envelope, decode, sequence_of
from pandapack.runtime.documents import Rows
from services.reporting.domain.journal import Entry, JournaledEvent, Judgement, LogPosition, judge, keys_of
from services.reporting.store.journey_index import JourneyIndex

EVENTS_A_READ_MAX = 1_000
SET_ASIDE = "set_aside"
"""The field that a row has, and says true, where an operator set the event aside."""
_POSITION = {"topic": 1, "partition": 1, "offset": 1, "digest": 1, SET_ASIDE: 1}


class JournalAlarm(Exception):
    """The log contradicts what is journaled. The partition must stop, and a person must look."""


class Journal:
    """One collection of events that are written once; `index` leads to them from what they are about."""

    def __init__(self, rows: Rows, index: JourneyIndex) -> None:
        self._rows, self._index = rows, index

    async def enter(self, entries: Sequence[Entry], applied_offset: int) -> Sequence[Entry]:
        """Enters a batch of one partition, in order, and returns those that go on to the views.

        Two owners of a partition (a zombie after a rebalance) read the same log in the same order, so each may find
        that a row is there already, but never under another position. Raises JournalAlarm, AnswerLost.
        """
        keys = keys_of(entries)
        rows = await self._rows.find({"_id": {"$in": keys}}, limit=len(keys), fields=_POSITION)
        known = {row["_id"]: _known(row) for row in rows}
        judged = judge(entries, known, applied_offset)
        if not isinstance(judged, Judgement):
            raise JournalAlarm(f"{judged.code}: {judged.detail}")
        await self._index.note(judged.new)
        await self._rows.insert_in_order([row_of(entry) for entry in judged.new])
        for entry in judged.set_aside:
            await self._rows.set(entry.key, {SET_ASIDE: True})
        return judged.to_project

    async def events_of(self, source: str, *, after: int, limit: int) -> list[dict[str, Any]]:
        """A source's events past the sequence `after`, in order: rows with `envelope`, position and append time."""
        where = {"_id": {"$gt": f"{source}#{sequence_of(after)}", "$lt": f"{source}$"}}  # "$" follows "#"
        return await self._rows.find(where, limit=min(limit, EVENTS_A_READ_MAX))

    async def events(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """These events by identity, as far as they are journaled: rows as `events_of` answers them."""
        return await self._rows.read(sorted(set(keys)))

    async def behind(self, topic: str, partition: int, offset: int, *, limit: int) -> list[dict[str, Any]]:
        """A partition's events from an offset on, in its order: rows as `events_of` answers them.

        They are inserted in that order, so none comes before one that was read.
        """
        where = {"topic": topic, "partition": partition, "offset": {"$gte": offset}}
        order = (("topic", 1), ("partition", 1), ("offset", 1))
        return await self._rows.find(where, sort=order, limit=min(limit, EVENTS_A_READ_MAX))

    async def first_of(self, sources: Iterable[str]) -> dict[str, Envelope]:
        """The first event of each of these sources, of which it is journaled."""
        wanted = [f"{source}#{sequence_of(1)}" for source in sorted(set(sources))][:EVENTS_A_READ_MAX]
        rows = await self._rows.find({"_id": {"$in": wanted}}, limit=len(wanted)) if wanted else []
        events = [decode(bytes(row["envelope"])) for row in rows]
        return {event.source: event for event in events}

    async def positions(self, keys: Iterable[str]) -> dict[str, LogPosition]:
        """Where events lie in Kafka, by identity, as far as they are journaled."""
        wanted = sorted(set(keys))
        found: dict[str, LogPosition] = {}
        for first in range(0, len(wanted), EVENTS_A_READ_MAX):
            some = wanted[first : first + EVENTS_A_READ_MAX]
            rows = await self._rows.find({"_id": {"$in": some}}, limit=len(some), fields=_POSITION)
            found |= {row["_id"]: _known(row).position for row in rows}
        return found


def _known(row: dict[str, Any]) -> JournaledEvent:
    position = LogPosition(row["topic"], row["partition"], row["offset"])
    return JournaledEvent(position, row["digest"], row.get(SET_ASIDE, False))


def row_of(entry: Entry) -> dict[str, Any]:
    """An event as its row is inserted."""
    return {
        "_id": entry.key,
        "type": entry.type,
        "topic": entry.position.topic,
        "partition": entry.position.partition,
        "offset": entry.position.offset,
        "appended_at_ms": entry.appended_at_ms,
        "digest": entry.digest,
        "envelope": Binary(entry.envelope),
    } | ({SET_ASIDE: True} if entry.is_set_aside else {})
