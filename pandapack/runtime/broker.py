"""The wiring to Kafka: FastStream subscribers with every option spelt out, topics made on purpose.

A batch is handled partition by partition, or where that is the same all together: a document that hears many
partitions is then written once. What fails stops its own partition: it is rewound and paused, and tried again after a
growing pause, while the others go on. Nothing is ever skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import IllegalStateError, KafkaError, TopicAlreadyExistsError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import KafkaUnavailable, Misconfigured
from pandapack.runtime.hearing import Record, TakeBatch
from pandapack.runtime.sender import RECORD_BYTES_MAX
from pandapack.runtime.telemetry import LAG_RECORDS, PARTITIONS_STOPPED, RECORDS_HEARD

STOP_PAUSE_S_FIRST = 0.25
STOP_PAUSE_S_MAX = 15.0
BATCH_WAIT_MS = 100
PACE_TO_WORK = 1.5
"""Batches that may come more seldom take so much longer to be gathered than the one before took to be worked."""
FETCH_BYTES_ENOUGH = 4 * 1024 * 1024
"""Kafka answers a fetch earlier where so much has come."""
SESSION_WAIT_MS = 6_000
"""A killed process is missed after so long, and its partitions go to others; Kafka takes no less."""
HEARTBEAT_MS = 2_000
POLL_WAIT_MS_MAX = 300_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batches:
    """How records are gathered for a handler: for `pace_ms`, and up to `pace_ms_max` where its work takes long.

    Bigger batches cost less a record, and nobody waits longer while there is little to do. `together`: the handler may
    be handed the records of several partitions, one partition behind the other.
    """

    pace_ms: int = 50
    pace_ms_max: int = 0
    records_max: int = 500
    together: bool = False

    def next_pace_ms(self, worked_ms: float) -> int:
        """For how long the batch after next is gathered, when one took so long."""
        return round(min(max(self.pace_ms, PACE_TO_WORK * worked_ms), max(self.pace_ms, self.pace_ms_max)))


DEFAULT_BATCHES = Batches()


class Stopped:
    """Why a partition waits, and how often it has been tried."""

    def __init__(self) -> None:
        self.attempts = 0
        self.reason = ""

    @property
    def pause_s(self) -> float:
        return float(min(STOP_PAUSE_S_MAX, STOP_PAUSE_S_FIRST * 2 ** min(self.attempts, 10)))


class Rewind(Exception):
    """A batch handler wants its partition again from `offset`."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


class Subscription:
    """One consumer group member of this process: takes batches, and knows which partitions are stopped and why."""

    def __init__(self, take: TakeBatch, batches: Batches) -> None:
        self._take, self._batches = take, batches
        self.stopped: dict[TopicPartition, Stopped] = {}

    async def __call__(self, message: KafkaMessage) -> None:
        consumer: Any = message.consumer
        records = message.raw_message
        assert isinstance(records, tuple), "the subscriber is a batch subscriber"
        began_s = monotonic_s()
        parts = _by_partition(records)
        if not (self._batches.together and len(parts) > 1 and await self._took_all(parts)):
            await asyncio.gather(*(self._take_part(consumer, partition, part) for partition, part in parts.items()))
        _gather_for(consumer, self._batches.next_pace_ms((monotonic_s() - began_s) * 1000))

    async def _took_all(self, parts: Mapping[TopicPartition, list[Record]]) -> bool:
        """False: one of them failed, and which shows when each is taken alone. What was heard is not heard twice."""
        try:
            await self._take([record for part in parts.values() for record in part])
        except Exception as error:
            log.info("batch_taken_apart", reason=f"{type(error).__name__}: {error}")
            return False
        for partition, part in parts.items():
            self._went_on(partition, part)
        return True

    async def _take_part(self, consumer: AIOKafkaConsumer, partition: TopicPartition, part: list[Record]) -> None:
        try:
            await self._take(part)
        except Rewind as rewind:
            log.warning("partition_rewound", partition=partition.partition, offset=rewind.offset, reason=str(rewind))
            with contextlib.suppress(IllegalStateError):
                consumer.seek(partition, rewind.offset)
        except Exception as error:
            self._stop(consumer, partition, part[0].offset, error)
        else:
            self._went_on(partition, part)

    def _went_on(self, partition: TopicPartition, part: Sequence[Record]) -> None:
        RECORDS_HEARD.labels(partition.topic).inc(len(part))
        if self.stopped.pop(partition, None) is not None:
            log.info("partition_goes_on", topic=partition.topic, partition=partition.partition)
            PARTITIONS_STOPPED.set(len(self.stopped))

    def _stop(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, error: Exception) -> None:
        stopped = self.stopped.setdefault(partition, Stopped())
        pause_s = stopped.pause_s
        stopped.attempts += 1
        stopped.reason = f"{type(error).__name__}: {error}"
        PARTITIONS_STOPPED.set(len(self.stopped))
        log.error(
            "partition_stopped",
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            attempts=stopped.attempts,
            pause_s=pause_s,
            reason=stopped.reason,
            where=traceback.format_exception(error)[-3:],
        )
        # The partition may have gone to somebody else meanwhile: then it is theirs to take again.
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, offset)
            consumer.pause(partition)
            asyncio.get_running_loop().call_later(pause_s, _resume, consumer, partition)


def _gather_for(consumer: AIOKafkaConsumer, pace_ms: int) -> None:
    """From the next fetch on Kafka gathers what comes for so long before it answers.

    To sleep here instead would double the wait: aiokafka fetches again as soon as a batch is taken out of its hands,
    and what comes while the answer lies there has to wait for the fetch after.
    """
    consumer._fetcher._fetch_max_wait_ms = pace_ms  # aiokafka has no other way; each fetch reads it anew


def _resume(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
    with contextlib.suppress(IllegalStateError):
        consumer.resume(partition)


def _by_partition(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    parts: dict[TopicPartition, list[Record]] = {}
    for record in records:
        parts.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return parts


async def _parse(message: Any, original: Any) -> KafkaMessage:
    """Never raises: headers may be null or no text, and a record passed by in silence would be lost."""
    own = original.__self__  # the subscriber's parser knows its consumer and the message class that acknowledges
    parsed: KafkaMessage = own.msg_class(
        body=b"",
        headers={},
        raw_message=message,
        message_id=f"{message[0].offset}-{message[-1].offset}",
        correlation_id=None,
        consumer=own._consumer,
    )
    return parsed


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
            graceful_timeout=15.0,
            apply_types=False,
            logger=None,
        )
        self.subscriptions: list[Subscription] = []
        self._subscribers: list[Any] = []

    def hears(
        self,
        topics: Sequence[str],
        *,
        group: str,
        take: TakeBatch,
        listener: ConsumerRebalanceListener | None = None,
        batches: Batches = DEFAULT_BATCHES,
    ) -> Subscription:
        """Subscribes a batch handler. Offsets are committed after the batch; a new group starts at the beginning."""
        subscription = Subscription(take, batches)
        subscriber = self.kafka.subscriber(
            *topics,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            group_id=group,
            auto_offset_reset="earliest",
            batch=True,
            batch_timeout_ms=BATCH_WAIT_MS,
            max_records=batches.records_max,
            fetch_max_wait_ms=batches.pace_ms,
            fetch_min_bytes=FETCH_BYTES_ENOUGH,
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            fetch_max_bytes=4 * RECORD_BYTES_MAX,
            max_poll_interval_ms=POLL_WAIT_MS_MAX,
            session_timeout_ms=SESSION_WAIT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            isolation_level="read_uncommitted",
            listener=listener,
            parser=_parse,
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
        """Seconds since Kafka last answered a poll of ours, at wall time `wall`; None where nothing is assigned yet."""
        polled_ms = [
            ms
            for consumer in self.consumers
            for partition in consumer.assignment()
            if (ms := _polled_ms(consumer, partition)) is not None
        ]
        return max(0.0, wall.timestamp() - max(polled_ms) / 1000) if polled_ms else None

    def lag(self) -> dict[tuple[str, int], int | None]:
        """Records not taken yet by (topic, partition) assigned here; None where it is not known yet."""
        lags: dict[tuple[str, int], int | None] = {}
        for consumer in self.consumers:
            for partition in consumer.assignment():
                lags[partition.topic, partition.partition] = _lag_of(consumer, partition)
        return lags


def _polled_ms(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    try:
        polled: int | None = consumer.last_poll_timestamp(partition)
    except (IllegalStateError, AssertionError, AttributeError):  # it went to another process meanwhile
        return None
    return polled


def _lag_of(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    try:
        end = consumer.highwater(partition)
        state = consumer._subscription.subscription.assignment.state_value(partition)
    except (IllegalStateError, AttributeError):
        return None
    if end is None or state is None or not state.has_valid_position:
        return None
    lag = max(0, end - state.position)
    LAG_RECORDS.labels(partition.topic, partition.partition).set(lag)
    return int(lag)


async def ensure_topics(bootstrap: str, partitions: Mapping[str, int], *, replication: int) -> None:
    """Makes the topics that are missing, and refuses one that has another number of partitions.

    Keys choose partitions, and a merchant or a source must stay where it is: the number never changes.
    Raises KafkaUnavailable, Misconfigured.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=SESSION_WAIT_MS)
    try:
        await admin.start()
        missing = set(partitions) - set(await admin.list_topics())
        for name in sorted(missing):
            await _create(admin, name, partitions[name], replication)
        for found in await admin.describe_topics(list(partitions)):
            name, count = found["topic"], len(found["partitions"])
            if count and count != partitions[name]:
                raise Misconfigured(
                    f"topic {name} has {count} partitions, but {partitions[name]} are set (PANDA_LINES, for lines); "
                    "the number never changes after the first start: set it back"
                )
    except KafkaError as error:
        raise KafkaUnavailable(f"Kafka at {bootstrap} does not answer: {error!r}") from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, name: str, partitions: int, replication: int) -> None:
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "unclean.leader.election.enable": "false",
        "min.insync.replicas": str(min(2, replication)),
    }
    try:
        await admin.create_topics([NewTopic(name, partitions, replication, topic_configs=settings)])
    except TopicAlreadyExistsError:
        log.info("topic_made_by_another", topic=name)
