"""Each partition at its own pace, on a real Kafka: nobody waits for another's batch, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from aiokafka import TopicPartition

from pandapack.runtime import subscriptions
from pandapack.runtime.broker import Broker
from pandapack.runtime.gathering import Batches
from pandapack.runtime.kafka_internals import position_handed_out
from pandapack.runtime.partitions import PartitionStop, StopNotes
from pandapack.runtime.reactions import Record
from pandapack.runtime.sender import Sender
from pandapack.runtime.topics import ensure_topics
from tests.stack import Servers
from tests.trusted import no_passes, stop_notes
from tests.waiting import eventually_async

SLOW, QUICK = 0, 1


@dataclass
class Handler:
    """Notes what it handles, by partition; the slow partition's batches wait until they may go on."""

    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    handled: dict[int, list[int]] = field(default_factory=lambda: {SLOW: [], QUICK: []})
    failures_left: int = 0

    async def handle(self, records: Sequence[Record]) -> None:
        (partition,) = {record.partition for record in records}
        if partition == SLOW:
            await self.may_go_on.wait()
        if self.failures_left:
            self.failures_left -= 1
            raise ValueError("not yet")
        self.handled[partition] += [record.offset for record in records]


@dataclass
class Line:
    """A topic of two partitions, and how it is written and consumed."""

    servers: Servers
    topic: str
    sender: Sender
    brokers: list[Broker] = field(default_factory=list)

    async def write(self, partition: int, count: int, size: int = 10) -> None:
        sends = [self.sender.send(self.topic, key=b"k", value=b"x" * size, partition=partition) for _ in range(count)]
        await asyncio.gather(*sends)

    async def consume(self, handler: Handler, notes: StopNotes | None = None) -> Broker:
        broker = Broker(self.servers.kafka, notes or stop_notes(), client="test")
        broker.subscribe(
            [self.topic], group=f"{self.topic}.group", handle=handler.handle, passes=no_passes(), gathering=Batches(5)
        )
        self.brokers.append(broker)
        await broker.start()
        return broker


@pytest.fixture
async def line(stack: Servers, namespace: str) -> AsyncIterator[Line]:
    topic, sender = f"{namespace}.paced", Sender(stack.kafka)
    await ensure_topics(stack.kafka, {topic: 2}, replication=1)
    line = Line(stack, topic, sender)
    yield line
    for broker in line.brokers:
        await broker.stop()
    await sender.stop()


async def test_while_one_partition_is_worked_the_other_goes_on(line: Line) -> None:
    handler = Handler()
    await line.write(SLOW, 1)
    await line.consume(handler)
    for count in range(1, 6):
        await line.write(QUICK, 1)
        await eventually_async(lambda count=count: len(handler.handled[QUICK]) == count, "the quick one goes on")
    assert handler.handled[SLOW] == []
    handler.may_go_on.set()
    await eventually_async(lambda: handler.handled[SLOW] == [0], "and the slow one in its time")


async def test_a_partition_that_queues_too_much_is_paused_and_goes_on_in_order(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "QUEUE_BYTES_MAX", 2_000)
    handler = Handler()
    await line.write(SLOW, 1)
    broker = await line.consume(handler)
    await line.write(SLOW, 100, size=100)
    await eventually_async(broker.consumers[0].paused, "the slow partition is paused")
    await line.write(SLOW, 100, size=100)
    await line.write(QUICK, 3)
    await eventually_async(lambda: len(handler.handled[QUICK]) == 3, "the quick one goes on")
    handler.may_go_on.set()
    await eventually_async(lambda: len(handler.handled[SLOW]) >= 201, "all of it is handled")
    assert handler.handled[SLOW] == list(range(201))
    await eventually_async(lambda: not broker.consumers[0].paused(), "nothing is paused any more")


async def test_what_fails_is_handled_again_from_there_and_nothing_overtakes_it(line: Line) -> None:
    handler = Handler(failures_left=3)
    handler.may_go_on.set()
    broker = await line.consume(handler)
    for _ in range(10):
        await line.write(SLOW, 5)
    await eventually_async(lambda: len(handler.handled[SLOW]) >= 50, "all of it is handled")
    assert handler.handled[SLOW] == list(range(50))
    assert not broker.subscriptions[0].stops.by_partition


async def test_what_is_handed_out_again_while_a_store_that_is_slow_still_notes_the_stop_is_handled(line: Line) -> None:
    may_note = asyncio.Event()

    class SlowNotes(StopNotes):
        async def note(self, group: str, partition: TopicPartition, stop: PartitionStop) -> datetime:
            await may_note.wait()
            return await super().note(group, partition, stop)

    known = stop_notes()
    handler = Handler(failures_left=1)
    handler.may_go_on.set()
    await line.write(SLOW, 5)
    broker = await line.consume(handler, SlowNotes(known._rows, known.clock))
    stops, partition = broker.subscriptions[0].stops.by_partition, TopicPartition(line.topic, SLOW)
    again = lambda: partition in stops and position_handed_out(broker.consumers[0], partition) == 5  # noqa: E731
    await eventually_async(again, "all of it is handed out again")
    may_note.set()
    await line.write(SLOW, 1)
    await eventually_async(lambda: 5 in handler.handled[SLOW], "what came behind it is handled")
    assert handler.handled[SLOW] == list(range(6))


async def test_what_was_not_handled_when_a_process_ended_is_handed_to_the_next_one(line: Line) -> None:
    first, second = Handler(), Handler()
    await line.write(QUICK, 4)
    await line.write(SLOW, 4)
    broker = await line.consume(first)
    await eventually_async(lambda: len(first.handled[QUICK]) == 4, "the quick one is handled")
    stopping = asyncio.create_task(broker.stop())
    line.brokers.clear()
    first.may_go_on.set()
    await stopping
    handled = len(first.handled[SLOW])
    second.may_go_on.set()
    await line.write(SLOW, 2)
    await line.consume(second)
    await eventually_async(lambda: second.handled[SLOW][-1:] == [5], "the next one has the rest")
    assert second.handled[SLOW][0] <= handled and second.handled[QUICK] == []


async def test_one_record_among_many_that_cannot_be_handled_is_found_in_few_steps(line: Line) -> None:
    asked: list[int] = []

    async def handle(records: Sequence[Record]) -> None:
        asked.append(len(records))
        if any(record.partition == SLOW and record.offset == 300 for record in records):
            raise ValueError("this one")

    await line.write(SLOW, 400)
    handler = Handler()
    handler.handle = handle  # type: ignore[method-assign]
    broker = await line.consume(handler)
    stops = broker.subscriptions[0].stops.by_partition
    await eventually_async(lambda: any(stop.is_exact for stop in stops.values()), "the very record is known")
    (stop,) = stops.values()
    assert (stop.offset, stop.is_exact) == (300, True)
    assert len(asked) < 60
