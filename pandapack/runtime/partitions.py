"""Stopping and retrying: what cannot be handled stops its own partition, and nothing else.

The partition is rewound to the record that failed and paused, and handed out again after a growing pause. Nothing is
ever skipped, so nothing that lies behind the failure overtakes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from pandapack.backoff import Backoff
from pandapack.runtime.telemetry import PARTITIONS_STOPPED

STOP_BACKOFF = Backoff(first_s=0.25, max_s=15.0)
TRACEBACK_FRAMES = 3

log = structlog.get_logger(__name__)


class Rewind(Exception):
    """A batch handler wants its partition again from `offset`."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


@dataclass(slots=True)
class PartitionStop:
    """Why a partition waits, and how often it has been tried."""

    attempts: int = 0
    reason: str = ""


class PartitionStops:
    """The partitions of one subscription that wait. `by_partition` is what `/readyz` tells."""

    def __init__(self) -> None:
        self.by_partition: dict[TopicPartition, PartitionStop] = {}

    def rewind(self, consumer: AIOKafkaConsumer, partition: TopicPartition, rewind: Rewind) -> None:
        """Hands the partition out again from where its handler wants it."""
        log.warning("partition_rewound", partition=partition.partition, offset=rewind.offset, reason=str(rewind))
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, rewind.offset)

    def stop(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, error: Exception) -> None:
        """Stops the partition before `offset`, until the pause is over that belongs to its attempts."""
        stop = self.by_partition.setdefault(partition, PartitionStop())
        stop.attempts += 1
        stop.reason = f"{type(error).__name__}: {error}"
        pause_s = STOP_BACKOFF.pause_s(stop.attempts)
        PARTITIONS_STOPPED.set(len(self.by_partition))
        log.error(
            "partition_stopped",
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            attempts=stop.attempts,
            pause_s=pause_s,
            reason=stop.reason,
            where=traceback.format_exception(error)[-TRACEBACK_FRAMES:],
        )
        # The partition may have gone to somebody else meanwhile: then it is theirs to try again.
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, offset)
            consumer.pause(partition)
            asyncio.get_running_loop().call_later(pause_s, _retry, consumer, partition)

    def handled(self, partition: TopicPartition) -> None:
        """A batch of the partition went through: if it had stopped, it has resumed."""
        if self.by_partition.pop(partition, None) is not None:
            log.info("partition_resumed", topic=partition.topic, partition=partition.partition)
            PARTITIONS_STOPPED.set(len(self.by_partition))


def _retry(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
    with contextlib.suppress(IllegalStateError):
        consumer.resume(partition)
