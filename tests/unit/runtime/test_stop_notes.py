"""Since when a partition stands still: whoever tells of it, and whether it stops before a batch or a record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import TopicPartition

from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.partitions import PartitionStop, StopNotes

FIRST = datetime(2021, 3, 1, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=5)
HERE = TopicPartition("procurement.events", 2)


def stop(offset: int, since: datetime, *, is_exact: bool) -> PartitionStop:
    return PartitionStop(since, offset, is_exact)


@pytest.mark.parametrize(
    ("what", "before", "after", "since"),
    [
        ("the record is found in its batch", (5, False), (11, True), FIRST),
        ("it is tried again", (11, True), (11, True), FIRST),
        ("a process that was started anew stops before a batch", (11, True), (5, False), FIRST),
        ("it has gone on to another record", (11, True), (12, True), LATER),
        ("it has gone on to another batch", (11, True), (40, False), LATER),
    ],
)
async def test_a_stop_stands_since_it_was_first_told_of(
    what: str, before: tuple[int, bool], after: tuple[int, bool], since: datetime
) -> None:
    notes = StopNotes(MemoryRows("partition_stops"), FixedClock(FIRST))
    await notes.note("g", HERE, stop(before[0], FIRST, is_exact=before[1]))
    assert await notes.note("g", HERE, stop(after[0], LATER, is_exact=after[1])) == since, what


async def test_a_stop_after_one_that_has_ended_is_a_new_one() -> None:
    notes = StopNotes(MemoryRows("partition_stops"), FixedClock(FIRST))
    await notes.note("g", HERE, stop(11, FIRST, is_exact=True))
    await notes.end("g", HERE)
    assert await notes.standing() == []
    assert await notes.note("g", HERE, stop(11, LATER, is_exact=True)) == LATER
