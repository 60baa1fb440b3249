"""The wiring to Kafka: FastStream's batch subscribers as they are, with every option spelt out (decision record 15)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from faststream.kafka import KafkaBroker, KafkaMessage

from pandapack.runtime.gathering import DEFAULT_BATCHES, Gathering
from pandapack.runtime.kafka_internals import parse_raw
from pandapack.runtime.lag import Lag, lag_of, poll_age_s
from pandapack.runtime.partitions import StopNotes
from pandapack.runtime.reactions import HandleBatch
from pandapack.runtime.sender import RECORD_BYTES_MAX
from pandapack.runtime.set_aside import Passes
from pandapack.runtime.subscriptions import Subscription, subscribe

BATCH_WAIT_MS = 100
FETCH_BYTES_ENOUGH = 4 * 1024 * 1024
"""Kafka answers a fetch earlier where so much has come."""
SESSION_WAIT_MS = 6_000
"""A killed process is missed after so long, and its partitions go to others; Kafka takes no less."""
HEARTBEAT_MS = 2_000
POLL_WAIT_MS_MAX = 300_000
STOP_WAIT_S = 15.0


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells a subscription, and whoever else wants to know, which partitions come and go."""

    def __init__(self, subscription: Subscription, also: ConsumerRebalanceListener | None) -> None:
        self._subscription, self._also = subscription, also

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._subscription.revoke(revoked)
        if self._also is not None:
            await self._also.on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if self._also is not None:
            await self._also.on_partitions_assigned(assigned)


async def _decode(message: KafkaMessage) -> KafkaMessage:
    return message


class Broker:
    """FastStream's broker, and the subscriptions made on it."""

    def __init__(self, bootstrap: str, notes: StopNotes, *, client: str) -> None:
        self._bootstrap, self._notes = bootstrap, notes
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
        passes: Passes,
        listener: ConsumerRebalanceListener | None = None,
        gathering: Gathering = DEFAULT_BATCHES,
    ) -> Subscription:
        """Subscribes a batch handler. Offsets are committed after the batch; a new group starts at the beginning."""
        subscription = subscribe(handle, gathering, group=group, notes=self._notes, passes=passes)
        subscriber = self.kafka.subscriber(
            *topics,
            ack_policy=subscription.ack_policy,
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
            listener=_Assignments(subscription, listener),
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
        for subscription in self.subscriptions:
            await subscription.start()

    async def stop(self) -> None:
        await asyncio.gather(*(subscription.drain() for subscription in self.subscriptions))
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
