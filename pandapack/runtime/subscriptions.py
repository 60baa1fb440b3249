"""Subscriptions: batches come in and are handled, all partitions together where that is the same, or each at its pace.

A document that consumes several partitions is written once where they are handled together. Where each partition has
documents of its own nobody waits for another's: a batch that takes long, or fails, holds up its own partition alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaMessage

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.gathering import Gathering
from pandapack.runtime.kafka_internals import position_handed_out
from pandapack.runtime.loops import every
from pandapack.runtime.partitions import PartitionStops, Rewind, StopNotes
from pandapack.runtime.reactions import HandleBatch, Record
from pandapack.runtime.set_aside import Passes
from pandapack.runtime.telemetry import BATCH_RECORDS, RECORDS_CONSUMED

QUEUE_BYTES_MAX = 16 * 1024 * 1024
"""A partition whose batch takes long is paused once so much of it waits here."""
QUEUES_BYTES_MAX = 32 * 1024 * 1024
"""While so much waits, of partitions that are not paused, nothing more is taken out of Kafka's hands."""
Rewound = Callable[[], None]
"""What waited behind a record is handed out once more, behind it: to be forgotten."""
ATTEMPTS_WHOLE = 2
"""What fails so often is looked for record by record; what failed once mostly passes by itself, as when a partition
had another owner at that moment."""
COMMIT_PAUSE_S = 0.5
"""Offsets are committed so often; what is handed out once more after a crash has been applied, and is dropped."""
DRAIN_WAIT_S = 10.0

log = structlog.get_logger(__name__)


class Subscription(Protocol):
    """One consumer group member of this process."""

    stops: PartitionStops
    ack_policy: AckPolicy

    async def __call__(self, message: KafkaMessage) -> None:
        """Takes a batch of records."""
        ...

    async def start(self) -> None: ...

    async def drain(self) -> None:
        """Ends what is under way, and takes nothing more."""
        ...

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """These partitions are another's from now on."""
        ...


class _Handling:
    """Handles one partition's batches: what fails stops it, and is found record by record when it is tried again."""

    def __init__(self, handle: HandleBatch, stops: PartitionStops, passes: Passes) -> None:
        self._handle, self.stops, self._passes = handle, stops, passes

    async def succeeds(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, part: Sequence[Record], rewound: Rewound
    ) -> bool:
        """Whether all of it is handled. Otherwise the partition is rewound, or stands still until it is tried again.

        `rewound` is called in the turn in which it is: to note a stop takes as long as the store needs, and meanwhile
        the partition may be tried again, and what fails be handed out anew.
        """
        try:
            stop = self.stops.by_partition.get(partition)
            wanted = part if stop is None else await self._passes.without_passed(part)
            if stop is not None and stop.attempts >= ATTEMPTS_WHOLE:
                await self._in_halves(wanted)
            elif wanted:
                await self._handle(wanted)
        except Rewind as rewind:
            rewound()
            self.stops.rewind(consumer, partition, rewind)
            return False
        except _RecordFails as fails:
            rewound()
            await self.stops.stop(consumer, partition, fails.offset, fails.error, is_exact=True)
            return False
        except Exception as error:
            rewound()
            await self.stops.stop(consumer, partition, part[0].offset, error, is_exact=len(part) == 1)
            return False
        await self.handled(partition, part)
        return True

    async def handled(self, partition: TopicPartition, part: Sequence[Record]) -> None:
        """All of it is handled."""
        RECORDS_CONSUMED.labels(partition.topic).inc(len(part))
        BATCH_RECORDS.labels(partition.topic).observe(len(part))
        await self.stops.handled(partition)

    async def _in_halves(self, part: Sequence[Record]) -> None:
        """Handles all of it up to the very record that fails, in few steps."""
        if not part:
            return
        try:
            await self._handle(part)
        except Rewind:
            raise
        except Exception as error:
            if len(part) == 1:
                raise _RecordFails(part[0].offset, error) from error
            middle = len(part) // 2
            await self._in_halves(part[:middle])
            await self._in_halves(part[middle:])


class _RecordFails(Exception):
    """The very record that cannot be handled."""

    def __init__(self, offset: int, error: Exception) -> None:
        super().__init__(str(error))
        self.offset, self.error = offset, error


class TogetherSubscription:
    """Hands a batch of all partitions to `handle`, and each partition apart where that fails."""

    ack_policy = AckPolicy.NACK_ON_ERROR

    def __init__(self, handle: HandleBatch, gathering: Gathering, stops: PartitionStops, passes: Passes) -> None:
        self._handle, self._gathering, self.stops = handle, gathering, stops
        self._handling = _Handling(handle, stops, passes)

    async def __call__(self, message: KafkaMessage) -> None:
        consumer, parts, began_s = _consumer_of(message), _by_partition(message), monotonic_s()
        if not await self._handled_together(parts):
            handling = self._handling.succeeds
            await asyncio.gather(*(handling(consumer, partition, part, _nothing) for partition, part in parts.items()))
        self._gathering.worked(consumer, (monotonic_s() - began_s) * 1000)

    async def start(self) -> None:
        pass

    async def drain(self) -> None:
        pass

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        self.stops.revoke(partitions)

    async def _handled_together(self, parts: Mapping[TopicPartition, list[Record]]) -> bool:
        """False: one of them failed, and which shows when each is handled alone. What was applied is not repeated."""
        if len(parts) == 1 or parts.keys() & self.stops.by_partition.keys():
            return False
        try:
            await self._handle([record for part in parts.values() for record in part])
        except Exception as error:
            log.info("batch_split", reason=f"{type(error).__name__}: {error}")
            return False
        for partition, part in parts.items():
            await self._handling.handled(partition, part)
        return True


@dataclass(slots=True)
class _Queue:
    """A partition's records that wait for their turn, and who works on them."""

    partition: TopicPartition
    records: list[Record] = field(default_factory=list)
    size_bytes: int = 0
    is_paused: bool = False
    worker: asyncio.Task[None] | None = None

    def clear(self) -> None:
        """What waits is handed out again."""
        self.records, self.size_bytes = [], 0


class PacedSubscription:
    """Hands each partition's batches to `handle` at its own pace; what comes meanwhile is its next batch."""

    ack_policy = AckPolicy.MANUAL

    def __init__(self, handle: HandleBatch, gathering: Gathering, stops: PartitionStops, passes: Passes) -> None:
        self._gathering, self.stops = gathering, stops
        self._handling = _Handling(handle, stops, passes)
        self._queues: dict[TopicPartition, _Queue] = {}
        self._handled: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._room = asyncio.Event()
        self._is_draining = False
        self._committing = every(COMMIT_PAUSE_S, self._commit, name="commit-offsets")

    async def __call__(self, message: KafkaMessage) -> None:
        self._consumer = consumer = _consumer_of(message)
        if self._is_draining:
            return
        for partition, part in _by_partition(message).items():
            if _was_rewound(consumer, partition, part[0].offset):
                continue  # handed out before that: it comes again, behind what failed
            queue = self._queues.setdefault(partition, _Queue(partition))
            queue.records += part
            queue.size_bytes += sum(len(record.value or b"") for record in part)
            if queue.size_bytes > QUEUE_BYTES_MAX and not queue.is_paused:
                with contextlib.suppress(IllegalStateError):
                    consumer.pause(partition)
                    queue.is_paused = True
            if queue.worker is None or queue.worker.done():
                queue.worker = asyncio.create_task(self._work(consumer, queue))
        while self._waiting_bytes() > QUEUES_BYTES_MAX:
            self._room.clear()
            await self._room.wait()

    async def start(self) -> None:
        await self._committing.start()

    async def drain(self) -> None:
        self._is_draining = True
        for queue in self._queues.values():
            queue.clear()
        self._room.set()
        working = [queue.worker for queue in self._queues.values() if queue.worker is not None]
        if working:
            await asyncio.wait(working, timeout=DRAIN_WAIT_S)
        await self._committing.stop()
        with contextlib.suppress(KafkaError):
            await self._commit()

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        with contextlib.suppress(KafkaError):
            await self._commit()
        for partition in partitions:
            queue = self._queues.pop(partition, None)
            if queue is not None:
                queue.clear()
            self._handled.pop(partition, None)
        self._room.set()
        self.stops.revoke(partitions)

    def _waiting_bytes(self) -> int:
        return sum(queue.size_bytes for queue in self._queues.values() if not queue.is_paused)

    async def _work(self, consumer: AIOKafkaConsumer, queue: _Queue) -> None:
        while queue.records:
            batch = queue.records[: self._gathering.records_max]
            queue.records = queue.records[len(batch) :]
            queue.size_bytes = sum(len(record.value or b"") for record in queue.records)
            self._room.set()
            began_s = monotonic_s()
            rewound = partial(self._forget, queue)
            is_handled = await self._handling.succeeds(consumer, queue.partition, batch, rewound)
            if is_handled and self._queues.get(queue.partition) is queue:
                self._handled[queue.partition] = batch[-1].offset + 1
            self._gathering.worked(consumer, (monotonic_s() - began_s) * 1000)
            if queue.is_paused and queue.size_bytes <= QUEUE_BYTES_MAX:
                queue.is_paused = False
                if queue.partition not in self.stops.by_partition:
                    with contextlib.suppress(IllegalStateError):
                        consumer.resume(queue.partition)

    def _forget(self, queue: _Queue) -> None:
        """What waits there is handed out again, and others have its room."""
        queue.clear()
        self._room.set()

    async def _commit(self) -> None:
        if not self._handled or self._consumer is None:
            return
        handled, self._handled = self._handled, {}
        try:
            await self._consumer.commit(handled)
        except IllegalStateError:  # one of them went to another process meanwhile, which reads it again
            pass
        except KafkaError:
            self._handled = handled | self._handled
            raise


def subscribe(
    handle: HandleBatch, gathering: Gathering, *, group: str, notes: StopNotes, passes: Passes
) -> Subscription:
    """The subscription that the gathering asks for."""
    stops = PartitionStops(group, notes)
    if gathering.together:
        return TogetherSubscription(handle, gathering, stops, passes)
    return PacedSubscription(handle, gathering, stops, passes)


def _nothing() -> None:
    """Nothing waits where all that was handed out is handled before more is."""


def _consumer_of(message: KafkaMessage) -> AIOKafkaConsumer:
    consumer: Any = message.consumer
    return consumer


def _was_rewound(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> bool:
    """Whether a record that was handed out lies at or behind where the partition is read next."""
    position = position_handed_out(consumer, partition)
    return position is not None and position <= offset


def _by_partition(message: KafkaMessage) -> dict[TopicPartition, list[Record]]:
    records = message.raw_message
    assert isinstance(records, tuple), "the subscriber is a batch subscriber"
    parts: dict[TopicPartition, list[Record]] = {}
    for record in records:
        parts.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return parts
