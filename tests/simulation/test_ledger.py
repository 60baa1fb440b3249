"""The ledger's owners in a seeded world: lost answers, late writes, crashes, zombies and rebalances.

Whatever happens, the pages hold what a plain dict would, once, and a strict hearer of the line hears exactly that.
A failing run prints its seed; `run(seed)` repeats it.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from pandapack.contracts.donations import DonationsRecorded, DonationsReversed
from pandapack.contracts.envelope import decode, read_as
from pandapack.contracts.pages import unpack
from pandapack.runtime.broker import Rewind
from pandapack.runtime.chance import SystemChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import AnswerLost, Json, MemoryDocuments, MemoryRows
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.mongo import Rows
from pandapack.runtime.sender import Sender
from pandapack.runtime.store import Store
from services.donations.domain import ledger as domain
from services.donations.handlers.ledger import Ledger, LostLine
from services.donations.store import Stores
from services.donations.store.lines import LINES
from services.donations.store.pages import Pages
from services.donations.store.seals import Seals

PUSHED, REVERSAL = ("push", b"psh"), ("kind", b"reversal")
SEEDS = range(150)
STEPS_OF_CHAOS = 60
STEPS_MAX = 400
RECORDS = 24
REVERSALS_SHARE = 0.3
DAY = "2021-11-11"
LINE = TopicPartition("donations.pushed", 0)


@dataclass
class Record:
    """A record of the line."""

    offset: int
    value: bytes
    topic: str = "donations.pushed"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = (PUSHED,)


@dataclass
class Oracle:
    """What must come of a log: the first amount of each gift; of each reversal, in order, what became of it."""

    gifts: dict[int, int] = field(default_factory=dict)
    reversals: list[tuple[str, int, int, str]] = field(default_factory=list)

    def give(self, number: int, fen: int) -> None:
        self.gifts.setdefault(number, fen)

    def reverse(self, id: str, number: int, fen: int) -> None:
        taken = [one for one in self.reversals if one[3] == "taken"]
        if any(one[0] == id for one in taken):
            return
        gone = sum(one[2] for one in taken if one[1] == number)
        fits = gone + fen <= self.gifts.get(number, 0)
        state = "parked" if number not in self.gifts else "taken" if fits else "refused"
        self.reversals.append((id, number, fen, state))

    @property
    def reversed_fen(self) -> int:
        return sum(fen for _, _, fen, state in self.reversals if state == "taken")


@dataclass
class World:
    """Chance, and whether it still does harm."""

    chance: random.Random
    chaos: bool = True
    said: list[bytes] = field(default_factory=list)
    late: list[tuple[Any, ...]] = field(default_factory=list)

    def happens(self, share: float) -> bool:
        return self.chaos and self.chance.random() < share

    async def elsewhere(self) -> None:
        """Lets others go first, some of the time."""
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)


class FaultyRows(MemoryRows):
    """Rows whose answers get lost: the write done, not done, or done later."""

    def __init__(self, world: World) -> None:
        super().__init__("pages")
        self.world = world

    async def insert(self, row: Json) -> bool:
        await self._fate(super().insert, row)
        return await super().insert(row)

    async def replace(self, id: Any, version: int, row: Json) -> bool:
        await self._fate(super().replace, id, version, row)
        return await super().replace(id, version, row)

    async def _fate(self, write: Any, *given: Any) -> None:
        await self.world.elsewhere()
        if self.world.happens(0.05):
            raise AnswerLost("not done")
        if self.world.happens(0.05):
            self.world.late.append((write, *given))
            raise AnswerLost("done later")
        if self.world.happens(0.05):
            await write(*given)
            raise AnswerLost("done")


class FaultySender:
    """Kafka, which sometimes does not acknowledge: with or without having the record."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def send(self, topic: str, *, key: bytes, value: bytes, **_: Any) -> None:
        await self.world.elsewhere()
        if self.world.happens(0.08):
            raise KafkaUnavailable("never left")
        if topic == "donations.events":
            self.world.said.append(value)
        if self.world.happens(0.05):
            raise KafkaUnavailable("arrived, not acknowledged")


class Owner:
    """A process that may own the line: polls, takes, commits; is killed and comes back."""

    def __init__(self, world: World, rows: FaultyRows, log: list[Record]) -> None:
        self.world, self.log = world, log
        typed = cast(Rows, rows)
        clock = FixedClock(datetime(2021, 11, 11, tzinfo=UTC))
        self.book = Store(LINES, MemoryDocuments("lines"), clock=clock, chance=SystemChance())
        used = {"pages": Pages(typed), "seals": Seals(typed), "lines": self.book}
        stores = Stores(**{one.name: used.get(one.name) for one in fields(Stores)})
        sender = cast(Sender, FaultySender(world))
        seed = world.chance.randbytes(16)
        self.ledger = Ledger(stores, sender, clock, lines=1, topic=lambda name: name, seed=seed)
        self.position = 0
        self.polling = asyncio.Lock()

    async def assigned(self, committed: int) -> None:
        await self.ledger.on_partitions_assigned({LINE})
        self.position = committed

    async def poll(self) -> None:
        """One batch; a process takes one at a time, though another process may be at work beside it."""
        async with self.polling:
            await self._poll()

    async def _poll(self) -> None:
        batch = self.log[self.position : self.position + self.world.chance.randrange(1, 5)]
        if not batch:
            return
        try:
            await self.ledger.take(batch)
        except Rewind as rewind:
            self.position = rewind.offset
        except (AnswerLost, KafkaUnavailable, LostLine, asyncio.CancelledError):
            self.position = batch[0].offset
        else:
            if self.position == batch[0].offset:  # else it was assigned anew meanwhile
                self.position = batch[-1].offset + 1


def gift(number: int, fen: int) -> dict[str, Any]:
    return {"id": str(number), "merchant": "M1", "programme": "p", "amount_fen": fen, "at": "2021-11-11T00:00:00Z"}


def reversal(id: str, number: int, fen: int) -> dict[str, Any]:
    at = "2021-11-13T00:00:00Z"
    return {"reversal": id, "merchant": "M1", "donation": str(number), "day": DAY, "amount_fen": fen, "at": at}


def pushed(chance: random.Random, reversals_share: float = REVERSALS_SHARE) -> tuple[list[Record], Oracle]:
    """A log of gifts and reversals with repeats and conflicts, and what must come of it."""
    log, oracle = [], Oracle()
    for offset in range(RECORDS):
        rows = list[dict[str, Any]]()
        is_reversal = chance.random() < reversals_share
        for _ in range(chance.randrange(1, 5)):
            number, fen = chance.randrange(40), chance.randrange(1, 4)
            if is_reversal:
                id = f"r{chance.randrange(20)}"
                oracle.reverse(id, number, fen)
                rows.append(reversal(id, number, fen))
            else:
                oracle.give(number, fen)
                rows.append(gift(number, fen))
        headers = (PUSHED, REVERSAL) if is_reversal else (PUSHED,)
        log.append(Record(offset, "\n".join(map(json.dumps, rows)).encode(), headers=headers))
    return log, oracle


async def play(seed: int) -> None:
    """One run; asserts that nothing was lost, doubled or heard otherwise."""
    chance = random.Random(seed)
    world = World(chance)
    log, oracle = pushed(chance)
    rows = FaultyRows(world)
    owners = [Owner(world, rows, log), Owner(world, rows, log)]
    current, tasks = 0, set[asyncio.Task[None]]()
    await owners[0].assigned(0)
    for step in range(STEPS_MAX):
        world.chaos = step < STEPS_OF_CHAOS
        if world.happens(0.1):  # a rebalance: the old owner may still be at work, a zombie
            current ^= 1
            await owners[current].assigned(chance.randrange(owners[current ^ 1].position + 1))
        if world.happens(0.05):  # kill -9 and a new process
            for task in tasks:
                task.cancel()
            owners[current] = Owner(world, rows, log)
            await owners[current].assigned(0)
        if world.late and chance.random() < 0.3:
            write, *given = world.late.pop(chance.randrange(len(world.late)))
            await write(*given)
        task = asyncio.create_task(owners[current].poll())
        if world.happens(0.3):
            tasks.add(task)  # goes on by itself while others act
            await asyncio.sleep(0)
        else:
            await asyncio.gather(task, return_exceptions=False)
        if not world.chaos and owners[current].position >= len(log) and not world.late:
            break
    await asyncio.gather(*tasks, return_exceptions=True)
    await owners[current].assigned(0)
    for _ in range(RECORDS):
        await owners[current].poll()
    check(await rows.find({}), world.said, oracle)


def check(pages: list[Json], said: list[bytes], oracle: Oracle) -> None:
    counted = [row for page in pages for row in unpack(bytes(page["columns"])).rows()]
    assert sorted((int(row.id), row.amount_fen) for row in counted) == sorted(oracle.gifts.items())
    kept = [one for page in pages for one in page["reversals"]]
    assert [(k["reversal"], int(k["donation"]), k["amount_fen"], k["state"]) for k in kept] == oracle.reversals
    heard, fen, count, reversed_fen = 0, 0, 0, 0
    for envelope in map(decode, said):
        if envelope.number <= heard:
            continue
        assert envelope.number == heard + 1, f"heard {heard}, then {envelope.number}"
        heard = envelope.number
        if envelope.type == DonationsReversed.TYPE:
            for part in read_as(envelope, DonationsReversed).reversals:
                assert part.fen_from == reversed_fen
                reversed_fen = part.fen_to
            continue
        event = read_as(envelope, DonationsRecorded)
        for interval in event.intervals:
            assert interval.fen_from == fen
            fen = interval.fen_to
        count += event.count
    assert (count, fen, reversed_fen) == (len(oracle.gifts), sum(oracle.gifts.values()), oracle.reversed_fen)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_the_ledger_is_that_of_a_plain_dict(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "PAGE_ROWS_FULL", 6)
    monkeypatch.setattr("services.donations.handlers.ledger.PAGE_ROWS_FULL", 6)
    monkeypatch.setattr("services.donations.handlers.ledger.REVERSALS_A_RECORD_MAX", 6)
    monkeypatch.setattr(domain, "PAGE_FINDINGS_FULL", 24)
    await play(seed)
