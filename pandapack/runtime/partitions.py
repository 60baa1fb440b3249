"""Stopping and retrying: what cannot be handled stops its own partition, and nothing else.

The partition is rewound to the record that failed and paused, and handed out again after a growing pause. Nothing is
skipped by itself, so nothing that lies behind the failure overtakes it; an operator may have a record passed over
(`runtime.set_aside`), or have it tried again at once. What stands still is noted in the database, so that every process
of the service can tell of it, and a new owner of the partition goes on where the one before stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from pandapack.backoff import Backoff
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import AnswerLost, Json, Rows
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.telemetry import PARTITIONS_STOPPED

STOP_BACKOFF = Backoff(first_s=0.25, max_s=15.0)
TRACEBACK_FRAMES = 3
RETRY_LOOK_S = 0.5
"""So often a partition that waits looks whether an operator wants it tried again at once."""
REASON_CHARACTERS_MAX = 2_000
STOPS_SHOWN_MAX = 1_000

log = structlog.get_logger(__name__)


class Rewind(Exception):
    """A batch handler wants its partition again from `offset`."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


@dataclass(slots=True)
class PartitionStop:
    """Why a partition waits, since when, how often it has been tried, and when it will be again.

    `offset`: of the first record of the batch that fails; once `is_exact`, of the very record.
    """

    since: datetime
    offset: int
    is_exact: bool = False
    attempts: int = 0
    reason: str = ""
    next_try: datetime | None = None


def shown_stop(partition: TopicPartition, stop: PartitionStop) -> Json:
    """A stop as `/readyz` tells it."""
    return {
        "topic": partition.topic,
        "partition": partition.partition,
        "offset": stop.offset,
        "since": stop.since.isoformat(),
        "attempts": stop.attempts,
        "next_try": stop.next_try and stop.next_try.isoformat(),
        "reason": stop.reason,
    }


class StopNotes:
    """What is noted of stops in the database, a row a group and partition; one that has ended says when."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows, self.clock = rows, clock

    async def note(self, group: str, partition: TopicPartition, stop: PartitionStop) -> datetime:
        """Notes a stop, and answers since when the partition has stood there. Raises Unavailable, AnswerLost."""
        id = stop_id(group, partition)
        before = await self._rows.one(id)
        since: datetime = before["since"] if before is not None and _is_the_same(before, stop) else stop.since
        fields: Json = {
            "group": group,
            "topic": partition.topic,
            "partition": partition.partition,
            "offset": stop.offset,
            "is_exact": stop.is_exact,
            "attempts": stop.attempts,
            "reason": stop.reason[:REASON_CHARACTERS_MAX],
            "since": since,
            "next_try": stop.next_try,
            "resumed": None,
        }
        if before is None:
            await self._rows.insert({"_id": id, **fields, "retry": None})
        else:
            await self._rows.set(id, fields)
        return since

    async def end(self, group: str, partition: TopicPartition) -> None:
        """The partition goes on. Raises Unavailable, AnswerLost."""
        await self._rows.set(stop_id(group, partition), {"resumed": self.clock.wall()})

    async def ask_retry(self, id: str) -> bool:
        """An operator wants the partition tried again now. False: nothing is noted of it. Raises AnswerLost."""
        return await self._rows.set(id, {"retry": self.clock.wall()})

    async def retry_asked(self, group: str, partition: TopicPartition) -> datetime | None:
        """When a retry was asked for last. Raises Unavailable."""
        row = await self._rows.one(stop_id(group, partition))
        asked: datetime | None = row["retry"] if row else None
        return asked

    async def standing(self) -> list[Json]:
        """All that stands still in this service, whichever process owns it. Raises Unavailable."""
        return await self._rows.find({"resumed": None}, limit=STOPS_SHOWN_MAX)

    async def of_partition(self, topic: str, partition: int) -> list[Json]:
        """What was noted of a partition, a row a group; of those that have ended, too. Raises Unavailable."""
        return await self._rows.find({"topic": topic, "partition": partition}, limit=STOPS_SHOWN_MAX)


def _is_the_same(before: Json, stop: PartitionStop) -> bool:
    """Whether a partition stands where it stood: it went no further, or it was not known how far it had come.

    A process that is started anew stops before a whole batch first, which begins before the record that fails.
    """
    return before["resumed"] is None and (stop.offset <= before["offset"] or not before["is_exact"])


def stop_id(group: str, partition: TopicPartition) -> str:
    """A row of the notes: `panda.reporting/procurement.events/2`."""
    return f"{group}/{partition.topic}/{partition.partition}"


class PartitionStops:
    """The partitions of one subscription that wait. `by_partition` is what `/readyz` tells."""

    def __init__(self, group: str, notes: StopNotes) -> None:
        self.by_partition: dict[TopicPartition, PartitionStop] = {}
        self.group, self._notes = group, notes
        self._waits: dict[TopicPartition, asyncio.Task[None]] = {}

    def rewind(self, consumer: AIOKafkaConsumer, partition: TopicPartition, rewind: Rewind) -> None:
        """Hands the partition out again from where its handler wants it."""
        log.warning("partition_rewound", partition=partition.partition, offset=rewind.offset, reason=str(rewind))
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, rewind.offset)

    async def stop(
        self,
        consumer: AIOKafkaConsumer,
        partition: TopicPartition,
        offset: int,
        error: Exception,
        *,
        is_exact: bool,
    ) -> None:
        """Stops the partition before `offset`, until the pause is over that belongs to its attempts.

        `is_exact`: whether the very record is known that fails, and not only a batch with it. Of a partition that has
        gone to somebody else meanwhile nothing is told: it is theirs to find out.
        """
        if partition not in consumer.assignment():
            return
        wall = self._notes.clock.wall()
        stop = self.by_partition.setdefault(partition, PartitionStop(wall, offset))
        stop.attempts += 1
        stop.offset, stop.is_exact, stop.reason = offset, is_exact, f"{type(error).__name__}: {error}"
        pause_s = STOP_BACKOFF.pause_s(stop.attempts)
        stop.next_try = wall + timedelta(seconds=pause_s)
        self._log(partition, stop, pause_s, error)
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, offset)
            consumer.pause(partition)
            self._gauge()
            self._waits[partition] = asyncio.create_task(self._wait(consumer, partition, pause_s))
        with contextlib.suppress(Unavailable, AnswerLost):  # the stop itself needs no database
            stop.since = await self._notes.note(self.group, partition, stop)

    async def handled(self, partition: TopicPartition) -> None:
        """A batch of the partition went through: if it had stopped, it has resumed."""
        stop = self.by_partition.pop(partition, None)
        if stop is not None:
            self._gauge()
            log.info("partition_resumed", topic=partition.topic, partition=partition.partition, attempts=stop.attempts)
            with contextlib.suppress(Unavailable, AnswerLost):
                await self._notes.end(self.group, partition)

    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """The partitions are another's: it finds out for itself whether they can be handled."""
        for partition in partitions:
            self.by_partition.pop(partition, None)
            wait = self._waits.pop(partition, None)
            if wait is not None:
                wait.cancel()
        self._gauge()

    def _gauge(self) -> None:
        PARTITIONS_STOPPED.labels(self.group).set(len(self.by_partition))

    def _log(self, partition: TopicPartition, stop: PartitionStop, pause_s: float, error: Exception) -> None:
        told = {
            "topic": partition.topic,
            "partition": partition.partition,
            "offset": stop.offset,
            "attempts": stop.attempts,
            "pause_s": pause_s,
            "reason": stop.reason,
        }
        if stop.attempts == 1:
            log.error("partition_stopped", **told, where=traceback.format_exception(error)[-TRACEBACK_FRAMES:])
        else:
            log.warning("partition_still_stopped", **told)

    async def _wait(self, consumer: AIOKafkaConsumer, partition: TopicPartition, pause_s: float) -> None:
        began, until_s = self._notes.clock.wall(), monotonic_s() + pause_s
        while (left_s := until_s - monotonic_s()) > 0:
            await asyncio.sleep(min(left_s, RETRY_LOOK_S))
            with contextlib.suppress(Unavailable):
                asked = await self._notes.retry_asked(self.group, partition)
                if asked is not None and asked >= began:
                    break
        with contextlib.suppress(IllegalStateError):
            consumer.resume(partition)
