"""Delivery on a real Kafka and a real MongoDB: relay, reactions, and what happens when an event cannot be applied."""

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
from pandapack.runtime.broker import POLL_AGE_S_MAX, Broker
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import BusinessClock, FixedClock
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.gathering import Batches
from pandapack.runtime.mongo import Mongo
from pandapack.runtime.reactions import Reaction, Route, position_of, reacting
from pandapack.runtime.relay import EventPublisher, Relay
from pandapack.runtime.sender import Sender
from pandapack.runtime.store import EventPosition, Kind, Store
from pandapack.runtime.subscriptions import Subscription
from pandapack.runtime.topics import ensure_topics
from tests.stack import Servers
from tests.trusted import KEY, no_passes, stop_notes
from tests.waiting import WAIT_S, eventually_async

PARTITIONS = 2


class Tally(Part):
    """Numbers, in the order in which they were told or listened to."""

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

    async def listened_to(self, id: str) -> tuple[int, ...]:
        state = await self.listeners.get(id)
        return state.numbers if state else ()

    async def is_all_published(self) -> bool:
        return not await self.tellers.documents.unpublished(10)


@pytest.fixture
async def world(stack: Servers, mongo: Mongo, namespace: str) -> AsyncIterator[World]:
    sender, clock, chance = Sender(stack.kafka), FixedClock(datetime(2021, 3, 1, tzinfo=UTC)), SeededChance(1)
    relay = Relay(EventPublisher(sender, KEY, f"{namespace}.told"), clock)
    tellers = Store(TELLERS, mongo.documents("tellers"), clock=clock, chance=chance, on_outbox=relay.notify)
    listeners = Store(LISTENERS, mongo.documents("listeners"), clock=clock, chance=chance)
    relay.add(tellers)
    await mongo.prepare()
    await ensure_topics(stack.kafka, {f"{namespace}.told": PARTITIONS}, replication=1)
    yield World(stack, f"{namespace}.told", tellers, listeners, sender, relay)
    await relay.stop()
    await sender.stop()


def subscribed(broker: Broker, world: World, route: Route) -> Subscription:
    """A subscription to the tellers' topic."""
    return broker.subscribe([world.topic], group=f"{world.topic}.group", handle=reacting(route), passes=no_passes())


async def topic_holds(world: World) -> list[Envelope]:
    consumer = AIOKafkaConsumer(world.topic, bootstrap_servers=world.servers.kafka, auto_offset_reset="earliest")
    await consumer.start()
    batches = await consumer.getmany(timeout_ms=3_000)
    await consumer.stop()
    return [decode(record.value) for records in batches.values() for record in records]


async def test_the_relay_publishes_each_sources_events_once_and_in_order(world: World) -> None:
    await world.relay.start()
    for number in range(1, 6):
        for teller in ("a", "b"):
            await world.tellers.change(teller, tell(number), EventPosition("/clock", number))
    await eventually_async(world.is_all_published, "everything is published")
    envelopes = await topic_holds(world)
    for teller in ("a", "b"):
        assert [e.number for e in envelopes if e.source == f"/test/tellers/{teller}"] == [1, 2, 3, 4, 5]


async def test_what_a_crash_left_in_an_outbox_is_published_by_the_next_scan(world: World) -> None:
    await world.tellers.change("a", tell(1), EventPosition("/clock", 1))  # nobody runs the relay: as after a crash
    assert [document.id for document in await world.tellers.documents.unpublished(10)] == ["a"]
    await world.relay.start()
    await eventually_async(world.is_all_published, "the scan found it")
    assert [envelope.source for envelope in await topic_holds(world)] == ["/test/tellers/a"]


async def test_an_event_that_cannot_be_applied_stops_its_partition_only_and_nothing_overtakes(world: World) -> None:
    mended = False

    async def route(envelope: Envelope) -> Sequence[Reaction]:
        number, teller = int(decode_number(envelope)), envelope.source.rpartition("/")[2]
        if (teller, number) == ("poisoned", 2) and not mended:
            raise ValueError("a bug in the handler")
        return [Reaction(world.listeners, teller, position_of(envelope), listen(number))]

    names = partition_mates()
    broker = Broker(world.servers.kafka, stop_notes(), client="test")
    subscription = broker.subscribe(
        [world.topic], group=f"{world.topic}.group", handle=reacting(route), passes=no_passes()
    )
    await broker.start()
    try:
        for number in (1, 2, 3):
            for teller in ("poisoned", names["elsewhere"]):
                await world.tellers.change(teller, tell(number), EventPosition("/clock", number))
        await world.relay.flush()

        async def others_were_applied() -> bool:
            return await world.listened_to(names["elsewhere"]) == (1, 2, 3)

        await eventually_async(others_were_applied, "the other partition is consumed further")
        await eventually_async(lambda: subscription.stops.by_partition, "the partition is stopped, and says so")
        assert 3 not in await world.listened_to("poisoned")
        assert "a bug in the handler" in next(iter(subscription.stops.by_partition.values())).reason
        mended = True

        async def all_applied() -> bool:
            return await world.listened_to("poisoned") == (1, 2, 3)

        await eventually_async(all_applied, "mended, everything is applied in order")
        await eventually_async(lambda: not subscription.stops.by_partition, "nothing is stopped any more")
    finally:
        await broker.stop()


async def test_a_record_with_null_headers_or_no_event_is_not_passed_over_in_silence(world: World) -> None:
    broker = Broker(world.servers.kafka, stop_notes(), client="test")

    async def route(envelope: Envelope) -> Sequence[Reaction]:
        return []

    subscription = broker.subscribe(
        [world.topic], group=f"{world.topic}.group", handle=reacting(route), passes=no_passes()
    )
    await broker.start()
    try:
        await world.sender.send(world.topic, key=b"x", value=b"\xff no event", headers=[("h", b"\xff\xfe")])
        await eventually_async(lambda: subscription.stops.by_partition, "the partition is stopped")
        assert "UnreadableEvent" in next(iter(subscription.stops.by_partition.values())).reason
    finally:
        await broker.stop()


async def test_polls_that_kafka_answers_are_young_and_unanswered_ones_grow_old(world: World) -> None:
    broker = Broker(world.servers.kafka, stop_notes(), client="test")

    async def route(envelope: Envelope) -> Sequence[Reaction]:
        return []

    subscribed(broker, world, route)
    clock = BusinessClock()
    assert broker.poll_age_s(clock.wall()) is None
    await broker.start()
    try:
        await eventually_async(lambda: broker.poll_age_s(clock.wall()) is not None, "an idle partition is polled, too")
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
    """Each pace is another, so that a fetch shows which batch it followed."""

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
    consumed = asyncio.Event()

    async def handle(records: Sequence[object]) -> None:
        consumed.set()

    broker = Broker(world.servers.kafka, stop_notes(), client="paced")
    broker.subscribe(
        [world.topic],
        group=f"{namespace}.paced",
        handle=handle,
        passes=no_passes(),
        gathering=CountedBatches(pace_ms=30),
    )
    await broker.start()
    try:
        await world.sender.send(world.topic, key=b"a", value=b"anything")
        await asyncio.wait_for(consumed.wait(), WAIT_S)
        await eventually_async(lambda: asked_ms[-1] == 70, "a fetch that gathers for as long as was asked")
    finally:
        await broker.stop()
    assert asked_ms[0] == 30
