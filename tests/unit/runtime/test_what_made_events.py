"""What a document's events name as their causes: the command, and all that was consumed since the event before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from pandapack.contracts.causation import Actor
from pandapack.contracts.envelope import Envelope, Event, Part, decode
from pandapack.decision import Decision
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments
from pandapack.runtime.store import Command, EventPosition, Kind, Store

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BUYER = Actor("night shift", "buyer", "00576498")


class Heap(Part):
    """How many lie on it."""

    stones: int = 0


class HeapGrew(Event):
    """There are more."""

    TYPE: ClassVar[str] = "test.causation.HeapGrew"
    stones: int


def silently(heap: Heap) -> Decision[Heap]:
    return Decision(Heap(stones=heap.stones + 1))


def aloud(heap: Heap) -> Decision[Heap]:
    grown = Heap(stones=heap.stones + 1)
    return Decision(grown, (HeapGrew(stones=grown.stones), HeapGrew(stones=grown.stones)))


def heaps(*, publishes: bool = True) -> Store[Heap]:
    kind = Kind("heaps", Heap, lambda id: Heap(), lambda id: f"/test/heaps/{id}", publishes=publishes)
    clock = FixedClock(datetime(2021, 3, 1, tzinfo=UTC))
    return Store(kind, MemoryDocuments("heaps"), clock=clock, chance=SeededChance(1))


async def published(store: Store[Heap]) -> list[Envelope]:
    document = await store.documents.read("h")
    return [] if document is None else [decode(event.envelope) for event in document.outbox]


async def test_an_event_names_all_that_was_consumed_since_the_one_before_what_was_consumed_in_silence_too() -> None:
    store = heaps()
    for position in (1, 2, 3):
        await store.change("h", silently, EventPosition("/a", position))
    await store.change("h", silently, EventPosition("/b", 7))
    await store.change("h", aloud, EventPosition("/a", 4, traceparent=TRACE))
    await store.change("h", aloud, EventPosition("/b", 8))
    first, second, third, fourth = await published(store)
    assert (first.causes, first.traceparent) == ("/a#1-4 /b#7", TRACE)
    assert (second.causes, third.causes, fourth.causes) == (None, "/b#8", None)


async def test_what_comes_again_is_no_cause_twice() -> None:
    store = heaps()
    for position in (1, 2, 1, 2, 2):
        await store.change("h", silently, EventPosition("/a", position))
    await store.change("h", aloud, EventPosition("/a", 3))
    await store.change("h", aloud, EventPosition("/a", 3))
    assert [event.causes for event in await published(store)] == ["/a#1-3", None]


async def test_a_commands_events_say_who_asked_by_which_request_and_why() -> None:
    store = heaps()
    await store.change("h", silently, EventPosition("/a", 1))
    command = Command("k", "d", BUYER, "req_1", "it was cold", TRACE)
    for _ in range(2):
        await store.change("h", aloud, command)
    for event in await published(store):
        assert (event.actor, event.actorrole, event.actorkey) == ("night shift", "buyer", "00576498")
        assert (event.requestid, event.reason, event.traceparent) == ("req_1", "it was cold", TRACE)
    assert [event.causes for event in await published(store)] == ["/a#1", None]


async def test_of_a_kind_that_publishes_nothing_nothing_is_remembered() -> None:
    store = heaps(publishes=False)
    for position in (1, 2):
        await store.change("h", silently, EventPosition("/a", position))
    document = await store.documents.read("h")
    assert document is not None and document.consumed == {}
