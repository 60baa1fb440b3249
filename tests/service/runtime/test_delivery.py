"""Delivery on a real Kafka and a real MongoDB: relay, hearing, and what happens when an event cannot be applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher
from aiokafka.protocol.fetch import FetchRequest

from pandapack.contracts.envelope import Envelope, Event, Part, decode
from pandapack.decision import Decision
from pandapack.runtime.broker import Batches, Broker, ensure_topics
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import BusinessClock, FixedClock
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.hearing import Target, hearing_of, routed
from pandapack.runtime.mongo import Mongo
from pandapack.runtime.relay import Relay
from pandapack.runtime.sender import Sender
from pandapack.runtime.service import POLL_AGE_S_MAX
from pandapack.runtime.store import Hearing, Kind, Store
from tests.stack import Servers

WAIT_S = 20.0
PARTITIONS = 2


class Tally(Part):
    """Numbers, in the order in which they were told or heard."""

    numbers: tuple[int, ...] = ()


class NumberTold(Event):
    """A teller told a number."""

    TYPE: ClassVar[str] = "test.NumberTold"
    number: int


TELLERS = Kind("tellers", Tally, lambda id: Tally(), lambda id: f"/test/tellers/{id}")
LISTENERS = Kind("listeners", Tally, lambda id: Tally(), lambda id: f"/test/listeners/{id}")


def tell(number: int) -> Callable[[Tally], Decision[Tally]]:
    return lambda tally: Decision(Tally(numbers=(*tally.numbers, number)), (NumberTold(number=number),))


def listen(number: int) -> Callable[[Tally], Decision[Tally]]:
    return lambda tally: Decision(Tally(numbers=(*tally.numbers, number)))


@dataclass
class World:
    """A teller's store with its relay, and a listener's store."""

    servers: Servers
    topic: str
    tellers: Store[Tally]
    listeners: Store[Tally]
    sender: Sender
    relay: Relay

    async def heard(self, id: str) -> tuple[int, ...]:
        state = await self.listeners.get(id)
        return state.numbers if state else ()


@pytest.fixture
async def world(stack: Servers, namespace: str) -> AsyncIterator[World]:
    mongo = Mongo(stack.mongo, f"{namespace}_delivery")
    sender, clock, chance = Sender(stack.kafka), FixedClock(datetime(2021, 3, 1, tzinfo=UTC)), SeededChance(1)
    relay = Relay(sender, f"{namespace}.told")
    tellers = Store(TELLERS, mongo.documents("tellers"), clock=clock, chance=chance, on_saying=relay.notify)
    listeners = Store(LISTENERS, mongo.documents("listeners"), clock=clock, chance=chance)
    relay.add(tellers)
    await mongo.prepare()
    await ensure_topics(stack.kafka, {f"{namespace}.told": PARTITIONS}, replication=1)
    yield World(stack, f"{namespace}.told", tellers, listeners, sender, relay)
    await relay.stop()
    await sender.stop()
    await mongo.drop()
    mongo.close()


async def eventually(holds: Callable[[], object], what: str) -> None:
    for _ in range(int(WAIT_S / 0.05)):
        answer = holds()
        if await answer if asyncio.iscoroutine(answer) else answer:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


async def topic_holds(world: World) -> list[Envelope]:
    consumer = AIOKafkaConsumer(world.topic, bootstrap_servers=world.servers.kafka, auto_offset_reset="earliest")
    await consumer.start()
    batches = await consumer.getmany(timeout_ms=3_000)
    await consumer.stop()
    return [decode(record.value) for records in batches.values() for record in records]


async def test_the_relay_says_each_sources_events_once_and_in_order(world: World) -> None:
    world.relay.start()
    for number in range(1, 6):
        for teller in ("a", "b"):
            await world.tellers.change(teller, tell(number), Hearing("/clock", number))

    async def all_confirmed() -> bool:
        return not await world.tellers.documents.unsaid(10)

    await eventually(all_confirmed, "everything is said")
    said = await topic_holds(world)
    for teller in ("a", "b"):
        assert [e.number for e in said if e.source == f"/test/tellers/{teller}"] == [1, 2, 3, 4, 5]


async def test_what_a_crash_left_unsaid_is_said_by_the_next_scan(world: World) -> None:
    await world.tellers.change("a", tell(1), Hearing("/clock", 1))  # nobody runs the relay: as after a crash
    assert [document.id for document in await world.tellers.documents.unsaid(10)] == ["a"]
    world.relay.start()

    async def all_confirmed() -> bool:
        return not await world.tellers.documents.unsaid(10)

    await eventually(all_confirmed, "the scan found it")
    assert [envelope.source for envelope in await topic_holds(world)] == ["/test/tellers/a"]


async def test_an_event_that_cannot_be_applied_stops_its_partition_only_and_nothing_overtakes(world: World) -> None:
    mended = False

    async def route(envelope: Envelope) -> Sequence[Target]:
        number, teller = int(decode_number(envelope)), envelope.source.rpartition("/")[2]
        if (teller, number) == ("poisoned", 2) and not mended:
            raise ValueError("a bug in the handler")
        return [Target(world.listeners, teller, hearing_of(envelope), listen(number))]

    names = partition_mates()
    broker = Broker(world.servers.kafka, client="test")
    subscription = broker.hears([world.topic], group=f"{world.topic}.group", take=routed(route))
    await broker.start()
    try:
        for number in (1, 2, 3):
            for teller in ("poisoned", names["elsewhere"]):
                await world.tellers.change(teller, tell(number), Hearing("/clock", number))
        await world.relay.flush()

        async def others_went_on() -> bool:
            return await world.heard(names["elsewhere"]) == (1, 2, 3)

        await eventually(others_went_on, "the other partition goes on")
        await eventually(lambda: subscription.stopped, "the partition is stopped, and says so")
        assert 3 not in await world.heard("poisoned")
        assert "a bug in the handler" in next(iter(subscription.stopped.values())).reason
        mended = True

        async def all_heard() -> bool:
            return await world.heard("poisoned") == (1, 2, 3)

        await eventually(all_heard, "mended, everything is heard in order")
        await eventually(lambda: not subscription.stopped, "nothing is stopped any more")
    finally:
        await broker.stop()


async def test_a_record_with_null_headers_or_no_event_is_not_passed_over_in_silence(world: World) -> None:
    broker = Broker(world.servers.kafka, client="test")

    async def route(envelope: Envelope) -> Sequence[Target]:
        return []

    subscription = broker.hears([world.topic], group=f"{world.topic}.group", take=routed(route))
    await broker.start()
    try:
        await world.sender.send(world.topic, key=b"x", value=b"\xff no event", headers=[("h", b"\xff\xfe")])
        await eventually(lambda: subscription.stopped, "the partition is stopped")
        assert "NotOurs" in next(iter(subscription.stopped.values())).reason
    finally:
        await broker.stop()


async def test_polls_that_kafka_answers_are_young_and_unanswered_ones_grow_old(world: World) -> None:
    broker = Broker(world.servers.kafka, client="test")

    async def route(envelope: Envelope) -> Sequence[Target]:
        return []

    broker.hears([world.topic], group=f"{world.topic}.group", take=routed(route))
    clock = BusinessClock()
    assert broker.poll_age_s(clock.wall()) is None
    await broker.start()
    try:
        await eventually(lambda: broker.poll_age_s(clock.wall()) is not None, "an idle partition is polled, too")
        later = clock.wall() + timedelta(minutes=5)
        assert (broker.poll_age_s(later) or 0) > POLL_AGE_S_MAX
    finally:
        await broker.stop()


async def test_a_topic_never_changes_its_number_of_partitions(world: World) -> None:
    with pytest.raises(Misconfigured, match="never changes"):
        await ensure_topics(world.servers.kafka, {world.topic: PARTITIONS + 1}, replication=1)


def decode_number(envelope: Envelope) -> int:
    event = envelope.event()
    assert isinstance(event, NumberTold)
    return event.number


def partition_mates() -> dict[str, str]:
    """A teller whose events do not share the poisoned teller's partition."""
    from aiokafka.partitioner import DefaultPartitioner

    def partition(teller: str) -> int:
        partitions = list(range(PARTITIONS))
        return int(DefaultPartitioner()(f"/test/tellers/{teller}".encode(), partitions, partitions))

    home = partition("poisoned")
    return {"elsewhere": next(name for name in "abcdefgh" if partition(name) != home)}


class CountedBatches(Batches):
    """Each pace is another, so that a fetch shows which batch it came behind."""

    def next_pace_ms(self, worked_ms: float) -> int:
        return 40 + self.pace_ms


async def test_kafka_gathers_for_as_long_as_the_batch_before_asked(
    world: World, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_ms: list[int] = []

    def asking(wait_ms: int, *rest: object, **more: object) -> FetchRequest:
        asked_ms.append(wait_ms)
        return FetchRequest(wait_ms, *rest, **more)

    monkeypatch.setattr(fetcher, "FetchRequest", asking)
    heard = asyncio.Event()

    async def take(records: Sequence[object]) -> None:
        heard.set()

    broker = Broker(world.servers.kafka, client="paced")
    broker.hears([world.topic], group=f"{namespace}.paced", take=take, batches=CountedBatches(pace_ms=30))
    await broker.start()
    try:
        await world.sender.send(world.topic, key=b"a", value=b"anything")
        await asyncio.wait_for(heard.wait(), WAIT_S)
        await eventually(lambda: asked_ms[-1] == 70, "a fetch that gathers for as long as was said")
    finally:
        await broker.stop()
    assert asked_ms[0] == 30
