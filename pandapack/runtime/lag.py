"""How far behind the consumers of this process are, and when Kafka last answered them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from pandapack.runtime.kafka_internals import last_poll_ms, position_handed_out
from pandapack.runtime.telemetry import LAG_RECORDS

Lag = dict[tuple[str, int], int | None]
"""(topic, partition) → records not consumed yet; None where it is not known."""


def poll_age_s(consumers: Iterable[AIOKafkaConsumer], wall: datetime) -> float | None:
    """Seconds since Kafka last answered a poll of ours, at wall time `wall`; None where nothing is assigned yet."""
    polled_ms = [
        ms
        for consumer in consumers
        for partition in consumer.assignment()
        if (ms := last_poll_ms(consumer, partition)) is not None
    ]
    return max(0.0, wall.timestamp() - max(polled_ms) / 1000) if polled_ms else None


def lag_of(consumers: Iterable[AIOKafkaConsumer]) -> Lag:
    """The lag of every partition that is assigned here; sets its gauge."""
    lags: Lag = {}
    for consumer in consumers:
        for partition in consumer.assignment():
            lags[partition.topic, partition.partition] = _records_behind(consumer, partition)
    return lags


def _records_behind(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    try:
        end: int | None = consumer.highwater(partition)
    except IllegalStateError:  # it went to another process meanwhile
        return None
    position = position_handed_out(consumer, partition)
    if end is None or position is None:
        return None
    behind = max(0, end - position)
    LAG_RECORDS.labels(partition.topic, partition.partition).set(behind)
    return behind
