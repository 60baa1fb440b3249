"""The wiring to Kafka: FastStream's batch subscribers as they are, with every option spelt out (decision record 15)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from pandapack.runtime.gathering import DEFAULT_BATCHES, Gathering
from pandapack.runtime.kafka_internals import parse_raw
from pandapack.runtime.lag import Lag, lag_of, poll_age_s
from pandapack.runtime.reactions import HandleBatch
from pandapack.runtime.sender import RECORD_BYTES_MAX
from pandapack.runtime.subscriptions import Subscription

BATCH_WAIT_MS = 100
FETCH_BYTES_ENOUGH = 4 * 1024 * 1024
"""Kafka answers a fetch earlier where so much has come."""
SESSION_WAIT_MS = 6_000
"""A killed process is missed after so long, and its partitions go to others; Kafka takes no less."""
HEARTBEAT_MS = 2_000
POLL_WAIT_MS_MAX = 300_000
STOP_WAIT_S = 15.0


async def _decode(message: KafkaMessage) -> KafkaMessage:
    return message


class Broker:
    """FastStream's broker, and the subscriptions made on it."""

    def __init__(self, bootstrap: str, *, client: str) -> None:
        self._bootstrap = bootstrap
        self.kafka = KafkaBroker(
            bootstrap,
            client_id=client,
            acks="all",
            enable_idempotence=True,
            allow_auto_create_topics=False,
            max_request_size=RECORD_BYTES_MAX,
            graceful_timeout=STOP_WAIT_S,
            apply_types=False,
            logger=None,
        )
        self.subscriptions: list[Subscription] = []
        self._subscribers: list[Any] = []

    def subscribe(
        self,
        topics: Sequence[str],
        *,
        group: str,
        handle: HandleBatch,
        listener: ConsumerRebalanceListener | None = None,
        gathering: Gathering = DEFAULT_BATCHES,
    ) -> Subscription:
        """Subscribes a batch handler. Offsets are committed after the batch; a new group starts at the beginning."""
        subscription = Subscription(handle, gathering)
        subscriber = self.kafka.subscriber(
            *topics,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            group_id=group,
            auto_offset_reset="earliest",
            batch=True,
            batch_timeout_ms=BATCH_WAIT_MS,
            max_records=gathering.records_max,
            fetch_max_wait_ms=gathering.first_wait_ms,
            fetch_min_bytes=FETCH_BYTES_ENOUGH,
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            fetch_max_bytes=4 * RECORD_BYTES_MAX,
            max_poll_interval_ms=POLL_WAIT_MS_MAX,
            session_timeout_ms=SESSION_WAIT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            isolation_level="read_uncommitted",
            listener=listener,
            parser=parse_raw,
            decoder=_decode,
            no_reply=True,
        )
        subscriber(subscription.__call__)
        self.subscriptions.append(subscription)
        self._subscribers.append(subscriber)
        return subscription

    async def start(self) -> None:
        await self.kafka.start()

    async def stop(self) -> None:
        await self.kafka.stop()

    @property
    def consumers(self) -> list[AIOKafkaConsumer]:
        """The consumers that run now."""
        return [s.consumer for s in self._subscribers if s.consumer is not None]

    def poll_age_s(self, wall: datetime) -> float | None:
        """See `lag.poll_age_s`."""
        return poll_age_s(self.consumers, wall)

    def lag(self) -> Lag:
        """See `lag.lag_of`."""
        return lag_of(self.consumers)
