"""Where groups are, on a real Kafka: as the log has it, and not as the consumer that hands out records believes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from pandapack.runtime import broker as brokers
from pandapack.runtime import progress as progresses
from pandapack.runtime.broker import Broker
from pandapack.runtime.clock import BusinessClock
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.lag import STALLED_S_MAX, Lag
from pandapack.runtime.progress import Progress, Watch
from pandapack.runtime.reactions import Record
from pandapack.runtime.sender import Sender
from pandapack.runtime.topics import ensure_topics
from tests.stack import Servers
from tests.trusted import no_passes, stop_notes
from tests.waiting import eventually_async

PARTITIONS = 2


@dataclass
class World:
    """A topic, two groups that consume it, and who looks at both."""

    servers: Servers
    topic: str
    broker: Broker
    sender: Sender
    progress: Progress

    async def send(self, partition: int, count: int = 1) -> None:
        for _ in range(count):
            await self.sender.send(self.topic, key=None, value=b"{}", partition=partition)

    async def lag(self, group: str, partition: int) -> Lag:
        await self.progress.look()
        found = [one for one in self.progress.lags if one.consumed.group.endswith(group)]
        return next(one for one in found if one.consumed.partition == partition)


@pytest.fixture
async def world(stack: Servers, namespace: str) -> AsyncIterator[World]:
    topic, sender = f"{namespace}.told", Sender(stack.kafka)
    await ensure_topics(stack.kafka, {topic: PARTITIONS}, replication=1)
    progress = Progress(stack.kafka, BusinessClock())
    for group in ("blocked", "free"):
        progress.watch(Watch(f"{topic}.{group}", topic, PARTITIONS))
    broker = Broker(stack.kafka, stop_notes(), client="test")

    async def answers() -> bool:
        with contextlib.suppress(KafkaUnavailable):  # a new broker makes its own topics at the first question
            await progress.look()
        return progress.looked_at is not None

    await eventually_async(answers, "Kafka says where groups are")
    yield World(stack, topic, broker, sender, progress)
    await broker.stop()
    await progress.stop()
    await sender.stop()


async def handle_at_once(records: Sequence[Record]) -> None:
    """Nothing keeps it."""


async def test_the_lag_is_what_the_log_holds_behind_the_commit_though_nobody_consumes(world: World) -> None:
    await world.send(0, 7)
    lag = await world.lag("blocked", 0)
    assert (lag.end_offset, lag.position, lag.records) == (7, 0, 7)
    assert (await world.lag("blocked", 1)).records == 0


async def test_the_age_is_that_of_the_first_record_and_was_read_from_the_log(world: World) -> None:
    await world.send(0, 3)
    await world.lag("blocked", 0)
    lag = await world.lag("blocked", 0)  # it stands, so the record itself is looked at
    consumer = AIOKafkaConsumer(bootstrap_servers=world.servers.kafka)
    await consumer.start()
    consumer.assign([TopicPartition(world.topic, 0)])
    await consumer.seek_to_beginning()
    first = await consumer.getone()
    await consumer.stop()
    assert lag.waiting_since == datetime.fromtimestamp(first.timestamp / 1000, UTC)


async def test_a_frozen_handler_is_stalled_while_others_go_on_and_moves_when_it_thaws(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thawed, wall = asyncio.Event(), BusinessClock()
    monkeypatch.setattr(BusinessClock, "wall", lambda self: datetime.now(UTC) + skipped)
    skipped = timedelta()

    async def handle_frozen(records: Sequence[Record]) -> None:
        await thawed.wait()

    world.broker.subscribe([world.topic], group=f"{world.topic}.blocked", handle=handle_frozen, passes=no_passes())
    world.broker.subscribe([world.topic], group=f"{world.topic}.free", handle=handle_at_once, passes=no_passes())
    await world.broker.start()
    await world.send(0, 5)

    async def is_done(group: str) -> bool:
        return (await world.lag(group, 0)).records == 0

    await eventually_async(lambda: is_done("free"), "the other group goes on")
    for _ in range(int(STALLED_S_MAX / 2) + 1):  # looks at an interval, without waiting for it
        skipped += timedelta(seconds=2)
        lag = await world.lag("blocked", 0)
    assert lag.is_stalled and lag.records == 5 and (lag.waiting_s or 0) >= STALLED_S_MAX
    assert not (await world.lag("free", 0)).is_stalled and wall.wall() > datetime.now(UTC)
    thawed.set()
    await eventually_async(lambda: is_done("blocked"), "it moves again")


async def test_kafka_that_does_not_answer_is_told_and_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progresses, "ANSWER_WAIT_S", 0.5)
    monkeypatch.setattr(progresses, "SILENT_S_MAX", 0.0)
    lost = Progress("127.0.0.1:1", BusinessClock())
    lost.watch(Watch("g", world.topic, PARTITIONS))
    try:
        with pytest.raises(KafkaUnavailable):
            await lost.look()
        assert "has not answered" in lost.kafka and "127.0.0.1" in lost.kafka
        lost._bootstrap = world.servers.kafka
        await lost.look()
        assert lost.looked_at is not None and len(lost.lags) == PARTITIONS
    finally:
        await lost.stop()


async def test_a_consumer_that_has_left_its_group_for_good_is_started_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[int] = []

    async def handle(records: Sequence[Record]) -> None:
        handled.extend(record.offset for record in records)

    world.broker.subscribe([world.topic], group=f"{world.topic}.free", handle=handle, passes=no_passes())
    await world.broker.start()
    await world.send(0)
    await eventually_async(lambda: handled == [0], "it consumes")
    (dead,) = world.broker.consumers
    await world.broker.renew_dead(datetime.now(UTC))
    assert world.broker.consumers == [dead], "who lives is left alone"
    coordinator: Any = dead._coordinator
    coordinator._coordination_task.cancel()
    await asyncio.gather(coordinator._coordination_task, return_exceptions=True)
    await world.broker.renew_dead(datetime.now(UTC))
    assert dead not in world.broker.consumers
    await world.send(0)
    await eventually_async(lambda: handled[-1:] == [1], "the new one goes on where the commit is")
    monkeypatch.setattr(brokers, "POLL_AGE_S_MAX", -1.0)
    (again,) = world.broker.consumers
    await eventually_async(lambda: world.broker.poll_age_s(datetime.now(UTC)) is not None, "it polls")
    await world.broker.renew_dead(datetime.now(UTC))
    assert world.broker.consumers == [again], "a pause lies between two tries"
