"""The public log in a seeded world: one log, never forked, each event once, causes before effects.

Partitions are journaled at paces of their own, some events twice; an operator sets some aside; owners are killed at any
await, two of them run at once, answers of Kafka and of the database get lost or come late, strangers write to the
topic, and the database is dropped. A failing run prints its seed; `play(seed)` repeats it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from pandapack.contracts.causation import read
from pandapack.contracts.envelope import Envelope, sequence_of
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE
from pandapack.contracts.tlog.tiles import ENTRY_BYTES_MAX
from services.reporting.domain.public_log import Followed, LogHead, decode_record, follow
from services.reporting.store.public_log import PublicLog
from tests.simulation.log_owners import VEIL, Database, FaultyTopic, Process, Published, World, published

SEEDS = range(60)
EVENTS = 60
SET_ASIDE_SHARE = 0.08
STEPS_OF_CHAOS = 90
STEPS_MAX = 900

Heads = list[tuple[int, str]]
"""Sizes and roots of the log, as somebody may have seen them."""


Look = Callable[[World, Database], Awaitable[None]]
"""What else is done after each step."""


async def play(seed: int, history: Sequence[Published] = (), look: Look | None = None) -> list[bytes]:
    """One run; asserts that there is one log, and what it says. Its entries."""
    chance = random.Random(seed)
    world = World(chance)
    share = 0.0 if history else SET_ASIDE_SHARE  # of a history that is given the laws must hold
    history = history or published(chance, EVENTS)
    aside = frozenset(one.envelope.key for one in history if chance.random() < share)
    topic, database = FaultyTopic(world), Database(world, history, aside)
    processes = [Process(world, database, topic), Process(world, database, topic)]
    seen, tasks = Heads(), set[asyncio.Task[bool]]()
    for step in range(STEPS_MAX):
        world.chaos = step < STEPS_OF_CHAOS
        world.clock.at += timedelta(seconds=chance.choice((0, 0, 0.3, 2, 7)))
        await _disturb(world, database, topic, processes, tasks)
        for partition in chance.sample(database.lagging(), k=min(3, len(database.lagging()))):
            await database.feed(partition, chance.randrange(1, 6))
        task = asyncio.create_task(chance.choice(processes).run())
        if world.happens(0.4):
            tasks.add(task)  # runs by itself while others act
            await asyncio.sleep(0)
        else:
            await asyncio.gather(task)
        if look is not None:
            await look(world, database)
        head = await database.kept.head()
        seen.append((head.size, head.edge.root.hex()))
        if not world.chaos and not database.lagging() and not world.late and await _is_all_in(database, head):
            break
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [one for one in results if isinstance(one, Exception)]
    assert await _is_all_in(database, await database.kept.head())
    return await check(history, topic, database.kept, seen, aside)


async def _disturb(
    world: World, database: Database, topic: FaultyTopic, processes: list[Process], tasks: set[asyncio.Task[bool]]
) -> None:
    """Kills, late writes, and now and then a database that is lost with all that it had."""
    if world.happens(0.1):
        for task in tasks:
            task.cancel()
        processes[world.chance.randrange(2)] = Process(world, database, topic)
    if world.late and world.chance.random() < 0.4:
        write, *given = world.late.pop(world.chance.randrange(len(world.late)))
        await write(*given)
    if world.happens(0.02):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        database.drop()
        processes[:] = [Process(world, database, topic), Process(world, database, topic)]


async def _is_all_in(database: Database, head: LogHead) -> bool:
    """Whether the log has come to the end of every partition's journal: second publications are in none."""
    for (service, partition), entries in database.kafka.items():
        position = head.positions.get(f"{service}/{partition}", 0)
        if entries and await database.journals[service].behind(f"{service}.events", partition, position, limit=1):
            return False
    return True


async def check(
    history: Sequence[Published], topic: FaultyTopic, kept: PublicLog, seen: Heads, aside: frozenset[str]
) -> list[bytes]:
    head, roots, entries = LogHead(), {0: LogHead().edge.root.hex()}, list[bytes]()
    for record in topic.records:
        if record.value is None:
            continue
        followed = follow(head, record.offset, decode_record(record.value))
        assert isinstance(followed, Followed), followed
        head = followed.head
        entries += followed.entries
        roots[head.size] = head.edge.root.hex()
    assert await kept.entries(0, head.size) == entries and (await kept.head()).edge == head.edge
    assert [one for one in seen if roots.get(one[0]) != one[1]] == []  # whatever was ever shown was this log
    assert max(map(len, entries)) <= ENTRY_BYTES_MAX
    _check_order(history, entries, aside)
    return entries


def _check_order(history: Sequence[Published], entries: list[bytes], aside: frozenset[str]) -> None:
    """Each event stands in one entry, which its hash proves, and behind the entries of its causes.

    What was set aside is told to be that, but where the log had it before.
    """
    at: dict[str, int] = {}
    events = [one.envelope for one in history]
    values = {one.envelope.key: one.value for one in history}
    times = [json.loads(entry)["at"] for entry in entries]
    assert times == sorted(times)
    for index, entry in enumerate(entries):
        told = json.loads(entry)
        own = [one for one in events if _is_told(one, told)]
        assert own and not [one for one in own if one.key in at], told
        at |= {one.key: index for one in own}
        if told["type"] == EVENT_SET_ASIDE:
            assert [one.key for one in own if one.key not in aside] == []
        if not own[0].source.startswith("/donations/"):
            assert told["hash"] == VEIL.hash_of(own[0].key, (values[one.key] for one in own))
    assert sorted(at) == sorted(values)
    for event in events:
        for cause in read(event.causes or ""):
            if cause.stream.startswith("/") and cause.stream != event.source:  # credits of a fund may be one entry
                assert at[f"{cause.stream}#{sequence_of(cause.last)}"] < at[event.key], event.key


def _is_told(event: Envelope, told: dict[str, object]) -> bool:
    last = told["sequence"]
    first = told.get("first_sequence", last)
    assert isinstance(first, int) and isinstance(last, int)
    type = told.get("event_type", told["type"])
    is_source = (VEIL.source(event.source), event.type) == (told["source"], type)
    return is_source and first <= event.number <= last


@pytest.mark.parametrize("seed", SEEDS)
async def test_there_is_one_log_and_causes_stand_before_effects(seed: int) -> None:
    await play(seed)
