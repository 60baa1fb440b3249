"""A subscription: batches come in, are handled partition by partition, or all together where that is the same.

A document that consumes several partitions is written once where they are handled together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka import KafkaMessage

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.gathering import Gathering
from pandapack.runtime.partitions import PartitionStops, Rewind
from pandapack.runtime.reactions import HandleBatch, Record
from pandapack.runtime.telemetry import RECORDS_CONSUMED

log = structlog.get_logger(__name__)


class Subscription:
    """One consumer group member of this process: hands batches to `handle`, and stops partitions that fail."""

    def __init__(self, handle: HandleBatch, gathering: Gathering) -> None:
        self._handle, self._gathering = handle, gathering
        self.stops = PartitionStops()

    async def __call__(self, message: KafkaMessage) -> None:
        consumer: Any = message.consumer
        records = message.raw_message
        assert isinstance(records, tuple), "the subscriber is a batch subscriber"
        began_s = monotonic_s()
        parts = _by_partition(records)
        if not (self._gathering.together and len(parts) > 1 and await self._handled_together(parts)):
            await asyncio.gather(*(self._handle_part(consumer, partition, part) for partition, part in parts.items()))
        self._gathering.worked(consumer, (monotonic_s() - began_s) * 1000)

    async def _handled_together(self, parts: Mapping[TopicPartition, list[Record]]) -> bool:
        """False: one of them failed, and which shows when each is handled alone. What was applied is not repeated."""
        try:
            await self._handle([record for part in parts.values() for record in part])
        except Exception as error:
            log.info("batch_split", reason=f"{type(error).__name__}: {error}")
            return False
        for partition, part in parts.items():
            self._count(partition, part)
        return True

    async def _handle_part(self, consumer: AIOKafkaConsumer, partition: TopicPartition, part: list[Record]) -> None:
        try:
            await self._handle(part)
        except Rewind as rewind:
            self.stops.rewind(consumer, partition, rewind)
        except Exception as error:
            self.stops.stop(consumer, partition, part[0].offset, error)
        else:
            self._count(partition, part)

    def _count(self, partition: TopicPartition, part: Sequence[Record]) -> None:
        RECORDS_CONSUMED.labels(partition.topic).inc(len(part))
        self.stops.handled(partition)


def _by_partition(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    parts: dict[TopicPartition, list[Record]] = {}
    for record in records:
        parts.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return parts
