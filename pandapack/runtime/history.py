"""Reading a topic from its beginning to where it ends now, without a consumer group."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.reactions import HandleBatch
from pandapack.runtime.sender import RECORD_BYTES_MAX

READ_WAIT_MS = 500
RECORDS_AT_ONCE_MAX = 500


async def read_all(bootstrap: str, topic: str, handle: HandleBatch) -> None:
    """Hands all records that the topic has now to `handle`, in batches, each partition in order.

    Raises KafkaUnavailable, and what `handle` raises.
    """
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=RECORD_BYTES_MAX,
    )
    try:
        await consumer.start()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while behind := [one for one, end in ends.items() if await consumer.position(one) < end]:
            found = await consumer.getmany(*behind, timeout_ms=READ_WAIT_MS, max_records=RECORDS_AT_ONCE_MAX)
            for records in found.values():
                await handle(records)
    except KafkaError as error:
        raise KafkaUnavailable(f"Kafka at {bootstrap} did not hand out {topic}: {error!r}") from error
    finally:
        await consumer.stop()
