"""Kafka in: batches of records, each of one partition, become events and go to the projector."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pandapack.runtime.reactions import Record, envelope_of
from pandapack.runtime.set_aside import PassedOver
from pandapack.runtime.settings import EVENT_PARTITIONS
from services.reporting.domain.journal import LogPosition
from services.reporting.work.projector import ConsumedEvent, Projector

LEDGER_TOPIC = "donations.events"
OWN_TOPIC = "reporting.events"
"""What was done in this service, and how far the audit log has come."""
VIEW_TOPICS = ("procurement.events", "logistics.events", OWN_TOPIC)
ARCHIVE_PAUSE_S = 1.0
"""The archive consumes what has come meanwhile: merchants' totals are so much older than the others."""
ARCHIVE_RECORDS_MAX = 64
"""A batch of all partitions: each of its events may name thousands of merchants, all of them in memory."""


class Handlers:
    """Handles batches. `namespace` is what stands before a topic's name, or nothing."""

    def __init__(self, projector: Projector, namespace: str, *, archive_pause_s: float = ARCHIVE_PAUSE_S) -> None:
        self._projector, self._archive_pause_s = projector, archive_pause_s
        self._prefix = f"{namespace}." if namespace else ""

    async def handle(self, records: Sequence[Record]) -> None:
        """All that changes a view but the archive's, by topic."""
        events = self._events(records)
        if events[0].position.topic == LEDGER_TOPIC:
            await self._projector.project_ledger(events)
        else:
            await self._projector.project_views(events)

    async def archive(self, records: Sequence[Record]) -> None:
        """The ledger's events again, seldom and in larger batches."""
        await self._projector.archive(self._events(records))
        if len(records) < ARCHIVE_RECORDS_MAX // EVENT_PARTITIONS:  # else more is waiting
            await asyncio.sleep(self._archive_pause_s)

    def _events(self, records: Sequence[Record]) -> list[ConsumedEvent]:
        return [event_of(record, record.topic.removeprefix(self._prefix)) for record in records]


def event_of(record: Record, topic: str) -> ConsumedEvent:
    """The event in a record of a topic, named without the namespace. Raises UnreadableEvent."""
    position, is_set_aside = LogPosition(topic, record.partition, record.offset), isinstance(record, PassedOver)
    return ConsumedEvent(position, record.timestamp, record.value or b"", envelope_of(record), is_set_aside)
