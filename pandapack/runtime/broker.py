"""The wiring to Kafka: FastStream's batch subscribers as they are, with every option spelt out (decision record 15)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from faststream.kafka import KafkaBroker, KafkaMessage

from pandapack.backoff import Backoff
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.gathering import DEFAULT_BATCHES, Gathering
from pandapack.runtime.kafka_internals import is_member, last_poll_ms, parse_raw
from pandapack.runtime.lag import Consumed
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
POLL_AGE_S_MAX = 20.0
"""A consumer whose polls Kafka has not answered for so long, while it answers others, does not consume any more."""
RENEWAL_BACKOFF = Backoff(first_s=1.0, max_s=60.0)
RENEWAL_WAIT_S = 30.0
"""Joining a group takes a few seconds; a start that takes longer is given up, and tried again."""

log = structlog.get_logger(__name__)


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


@dataclass(slots=True)
class _Member:
    """One consumer of this process. `renewals`: how often in a row it was started anew; `next_s`: not before then."""

    group: str
    subscriber: Any
    subscription: Subscription
    working: int = 0
    renewals: int = 0
    next_s: float = 0.0

    def death(self, wall: datetime) -> str | None:
        """Why it will never consume again; None: it lives. One that works at a batch is not judged by its polls."""
        consumer: AIOKafkaConsumer | None = self.subscriber.consumer
        if consumer is None or not self.subscriber.tasks or all(task.done() for task in self.subscriber.tasks):
            return "it does not run"
        if not is_member(consumer):
            return "it has left its group"
        age_s = poll_age_s([consumer], wall)
        if not self.working and age_s is not None and age_s > POLL_AGE_S_MAX:
            return f"Kafka has answered none of its polls for {age_s:.0f} s"
        return None


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
        self._members: list[_Member] = []

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
        member = _Member(group, subscriber, subscription)

        async def handle_batch(message: KafkaMessage) -> None:
            member.working += 1
            try:
                await subscription(message)
            finally:
                member.working -= 1

        subscriber(handle_batch)
        self.subscriptions.append(subscription)
        self._members.append(member)
        return subscription

    async def start(self) -> None:
        await self.kafka.start()
        for subscription in self.subscriptions:
            await subscription.start()

    async def stop(self) -> None:
        await asyncio.gather(*(subscription.drain() for subscription in self.subscriptions))
        await self.kafka.stop()

    async def renew_dead(self, wall: datetime) -> None:
        """Starts anew whatever consumer has died; one line a try, and a growing pause between two.

        Call it where Kafka answers others: a consumer that waits for Kafka mends itself.
        """
        for member in self._members:
            why = member.death(wall)
            if why is None:
                member.renewals = member.renewals if monotonic_s() < member.next_s else 0
            elif monotonic_s() >= member.next_s:
                member.renewals += 1
                pause_s = RENEWAL_BACKOFF.pause_s(member.renewals)
                member.next_s = monotonic_s() + pause_s
                log.warning("consumer_renewed", group=member.group, why=why, tries=member.renewals, pause_s=pause_s)
                await _renew(member)

    @property
    def consumers(self) -> list[AIOKafkaConsumer]:
        """The consumers that run now."""
        return [member.subscriber.consumer for member in self._members if member.subscriber.consumer is not None]

    @property
    def owned(self) -> set[Consumed]:
        """The partitions that this process has now, each as its group consumes it."""
        return {
            Consumed(member.group, one.topic, one.partition)
            for member in self._members
            if member.subscriber.consumer is not None
            for one in member.subscriber.consumer.assignment()
        }

    def poll_age_s(self, wall: datetime) -> float | None:
        """See `poll_age_s`."""
        return poll_age_s(self.consumers, wall)


async def _renew(member: _Member) -> None:
    try:
        async with asyncio.timeout(RENEWAL_WAIT_S):
            consumer: AIOKafkaConsumer | None = member.subscriber.consumer
            if consumer is not None:  # what waits here is handed out again, by the new one
                await member.subscription.revoke(consumer.assignment())
            await _stopped(member.subscriber)
            await member.subscriber.start()
    except Exception as error:  # whatever it is, it is tried again
        log.warning("consumer_not_renewed", error=repr(error))


async def _stopped(subscriber: Any) -> None:
    """Ends it as far as it can be ended: what has died may fail at that, too, and is forgotten."""
    try:
        await subscriber.stop()
    except Exception as error:
        log.info("dead_consumer_not_stopped", error=repr(error))
        for task in subscriber.tasks:
            task.cancel()
        subscriber.tasks.clear()
        subscriber.consumer = None


def poll_age_s(consumers: Sequence[AIOKafkaConsumer], wall: datetime) -> float | None:
    """Seconds since Kafka last answered a poll of theirs, at wall time `wall`; None where nothing is polled (yet).

    A partition that is paused, because it is stopped or because much of it waits here, is not polled on purpose.
    """
    polled_ms = [
        ms
        for consumer in consumers
        for partition in consumer.assignment() - consumer.paused()
        if (ms := last_poll_ms(consumer, partition)) is not None
    ]
    return max(0.0, wall.timestamp() - max(polled_ms) / 1000) if polled_ms else None
