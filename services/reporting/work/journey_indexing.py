"""Indexes what was journaled before there was an index of journeys, partition by partition, once."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.envelope import decode
from pandapack.runtime.settings import EVENT_PARTITIONS
from services.reporting.domain.journal import Entry, LogPosition
from services.reporting.domain.journeys.subjects import causes_of, subjects_of
from services.reporting.store.journal import Journal
from services.reporting.store.journey_index import JourneyIndex

EVENTS_A_RUN_MAX = 500
"""Of a few KiB each: a run holds up nobody, and ten thousand a second is more than anybody has journaled."""
INDEX_PAUSE_S = 600.0
"""Once all is indexed there is nothing more to do: whatever comes is indexed as it is journaled."""


class JourneyIndexing:
    """`run` is one run of its loop. Any number of processes may do it at once: what is written again is the same."""

    def __init__(self, journal: Journal, archive: Journal, index: JourneyIndex) -> None:
        self._index = index
        topics = {"donations.events": archive, "procurement.events": journal, "logistics.events": journal}
        self._left = [(topic, part, topics[topic]) for topic in topics for part in range(EVENT_PARTITIONS)]

    async def run(self) -> bool:
        """True: more is waiting. Raises StoreUnavailable, AnswerLost; the next run goes on where this one was."""
        if not self._left:
            return False
        topic, partition, journal = self._left[-1]
        name = f"{topic}/{partition}"
        offset = await self._index.progress(name)
        rows = [] if offset is None else await journal.behind(topic, partition, offset, limit=EVENTS_A_RUN_MAX)
        await self._index.note(entry_of(row) for row in rows)
        if rows:
            await self._index.move(name, rows[-1]["offset"] + 1)
        if len(rows) < EVENTS_A_RUN_MAX:
            await self._index.move(name, None)
            self._left.pop()
        return bool(self._left)


def entry_of(row: dict[str, Any]) -> Entry:
    """A journal's row as the entry that it was."""
    raw = bytes(row["envelope"])
    envelope = decode(raw)
    return Entry(
        source=envelope.source,
        number=envelope.number,
        type=envelope.type,
        position=LogPosition(row["topic"], row["partition"], row["offset"]),
        appended_at_ms=row["appended_at_ms"],
        digest=row["digest"],
        envelope=raw,
        subjects=subjects_of(envelope),
        causes=causes_of(envelope),
    )
