"""Reading single records of Kafka's log, for people who look at what stands still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.reactions import Record
from pandapack.runtime.sender import RECORD_BYTES_MAX

READ_WAIT_MS = 3_000
LOOK_WAIT_S_MAX = 10.0


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
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(LOOK_WAIT_S_MAX):
                return await _look(consumer, one, offset)
        except (KafkaError, TimeoutError) as error:
            raise KafkaUnavailable(f"Kafka at {self._bootstrap} did not hand out {topic}: {error!r}") from error
        finally:
            await consumer.stop()


async def _look(consumer: AIOKafkaConsumer, one: TopicPartition, offset: int | None) -> tuple[LogEnds, Record | None]:
    await consumer.start()
    consumer.assign([one])
    begins, ends = await consumer.beginning_offsets([one]), await consumer.end_offsets([one])
    found = LogEnds(begins[one], ends[one])
    if offset is None or not found.begins <= offset < found.ends:
        return found, None
    consumer.seek(one, offset)
    batches = await consumer.getmany(one, timeout_ms=READ_WAIT_MS, max_records=1)
    record = next((record for records in batches.values() for record in records), None)
    return found, record if record is not None and record.offset == offset else None
