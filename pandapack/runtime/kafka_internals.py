"""Whatever reaches into private parts of aiokafka 0.14 and FastStream 0.7: all of it stands here.

Written for the versions in `WRITTEN_FOR`. `tests/unit/runtime/test_kafka_internals.py` fails when an upgrade moves one
of these parts; then look at the new version's source, and at whether it has a public way by now.
"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError
from faststream.kafka import KafkaMessage

WRITTEN_FOR = {"aiokafka": "0.14", "faststream": "0.7"}


def set_fetch_wait_ms(consumer: AIOKafkaConsumer, wait_ms: int) -> None:
    """From the next fetch on Kafka gathers what comes for so long before it answers.

    aiokafka takes this as an option of the consumer only, but its fetcher reads the value anew for each fetch.
    """
    consumer._fetcher._fetch_max_wait_ms = wait_ms


def position_handed_out(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """The offset behind the last record that the consumer handed out; None where it is not known (yet).

    `consumer.position()` would wait for it, and this is asked of each batch.
    """
    try:
        state = consumer._subscription.subscription.assignment.state_value(partition)
    except (IllegalStateError, AttributeError):  # it went to another process meanwhile
        return None
    if state is None or not state.has_valid_position:
        return None
    position: int = state.position
    return position


def last_poll_ms(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """When Kafka last answered a poll for the partition, ms since 1970 UTC; None where it is not known (yet).

    The method is public and asserts on private state: a partition that went to another process meanwhile raises.
    """
    try:
        polled: int | None = consumer.last_poll_timestamp(partition)
    except (IllegalStateError, AssertionError, AttributeError):
        return None
    return polled


def is_member(consumer: AIOKafkaConsumer) -> bool:
    """Whether the consumer still takes part in its group: once its coordination has ended it never does again.

    It neither beats its heart nor learns of partitions then, and the library does not begin it anew.
    """
    task = getattr(consumer._coordinator, "_coordination_task", None)
    return task is None or not task.done()


async def parse_raw(message: Any, original: Any) -> KafkaMessage:
    """A parser for batch subscribers that never raises: headers may be null or no text.

    FastStream's own decodes headers, and a record on which it fails is passed over in silence (its issue 2458).
    `original` is that parser, bound to an object which knows the consumer and the message class that acknowledges.
    """
    own = original.__self__
    parsed: KafkaMessage = own.msg_class(
        body=b"",
        headers={},
        raw_message=message,
        message_id=f"{message[0].offset}-{message[-1].offset}",
        correlation_id=None,
        consumer=own._consumer,
    )
    return parsed
