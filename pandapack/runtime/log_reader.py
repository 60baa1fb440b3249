"""Reading Kafka's log without a consumer group: for people who look at what stands still, and for what it restores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.reactions import Record
from pandapack.runtime.sender import RECORD_BYTES_MAX

READ_WAIT_MS = 3_000
LOOK_WAIT_S_MAX = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LogEnds:
    """The first offset that a partition still has, and the one that its next record will get."""

    begins: int
    ends: int


class LogReader:
    """Reads from a Kafka without a consumer group: nobody's position moves."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def look(self, topic: str, partition: int, offset: int | None) -> tuple[LogEnds, Record | None]:
        """A partition's ends, and the record at an offset: None where none is asked for, or it is not there (any more).

        Raises KafkaUnavailable.
        """
        one = TopicPartition(topic, partition)
        return await self._reading(topic, lambda consumer: _look(consumer, one, offset))

    async def read(self, topic: str, partition: int, first: int, limit: int) -> tuple[LogEnds, list[Record]]:
        """A partition's ends, and its records from offset `first` on, `limit` at most: none only where there are none.

        Raises KafkaUnavailable.
        """
        one = TopicPartition(topic, partition)
        return await self._reading(topic, lambda consumer: _read(consumer, one, first, limit))

    async def _reading(self, topic: str, read: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(LOOK_WAIT_S_MAX):
                return await read(consumer)
        except (KafkaError, TimeoutError) as error:
            raise KafkaUnavailable(f"Kafka at {self._bootstrap} did not hand out {topic}: {error!r}") from error
        finally:
            await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, one: TopicPartition) -> LogEnds:
    await consumer.start()
    consumer.assign([one])
    begins, ends = await consumer.beginning_offsets([one]), await consumer.end_offsets([one])
    return LogEnds(begins[one], ends[one])


async def _read(
    consumer: AIOKafkaConsumer, one: TopicPartition, first: int, limit: int
) -> tuple[LogEnds, list[Record]]:
    found, records = await _ends(consumer, one), list[Record]()
    if found.begins <= first < found.ends:
        consumer.seek(one, first)
        while len(records) < min(limit, found.ends - first):  # bounded by the wait for all of it
            batches = await consumer.getmany(one, timeout_ms=READ_WAIT_MS, max_records=limit - len(records))
            records += [record for batch in batches.values() for record in batch]
    return found, records


async def _look(consumer: AIOKafkaConsumer, one: TopicPartition, offset: int | None) -> tuple[LogEnds, Record | None]:
    found = await _ends(consumer, one)
    if offset is None or not found.begins <= offset < found.ends:
        return found, None
    consumer.seek(one, offset)
    batches = await consumer.getmany(one, timeout_ms=READ_WAIT_MS, max_records=1)
    record = next((record for records in batches.values() for record in records), None)
    return found, record if record is not None and record.offset == offset else None
