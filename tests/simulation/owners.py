"""A shard's owners in a seeded world: rows and a Kafka that lose answers, processes, and a log with its oracle."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from aiokafka import TopicPartition

from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import AnswerLost, Json, MemoryDocuments, MemoryRows
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.partitions import Rewind
from pandapack.runtime.relay import EventPublisher
from pandapack.runtime.sender import Sender
from pandapack.runtime.store import Store
from services.donations.ledger.handlers import LedgerHandler
from services.donations.ledger.store.gaps import SHARD_GAPS
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.work.anchor import LogAnchor
from services.donations.ledger.work.dead_letters import DeadLetterSender
from services.donations.ledger.work.duplicates import DuplicateLookup
from services.donations.ledger.work.page_writer import PageWriter
from services.donations.ledger.work.publisher import ShardPublisher
from services.donations.ledger.work.recorder import Recorder
from services.donations.ledger.work.reversals import ReversalLookup
from services.donations.ledger.work.shards import LostShard, OwnedShards
from tests.pushed import columns_of
from tests.trusted import DOOR, KEY

AT = datetime(2021, 11, 11, tzinfo=UTC)
PUSHED, EVENTS, DEAD_LETTERS = "donations.pushed", "donations.events", "dead-letters"
PUSH, PLATFORM, REVERSAL = ("push", b"psh"), ("platform", b"shop"), ("kind", b"reversal")
SHARD = TopicPartition(PUSHED, 0)
RECORDS = 24
REVERSALS_SHARE = 0.3
DAY = "2021-11-11"


@dataclass
class Record:
    """A record of the shard."""

    offset: int
    value: bytes | None
    topic: str = PUSHED
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def marked(offset: int, value: bytes, *headers: tuple[str, bytes]) -> Record:
    """A record that came through the door."""
    return Record(offset, value, headers=DOOR.mark(SHARD.partition, [PUSH, PLATFORM, *headers], value))


@dataclass
class World:
    """Chance, and whether it still does harm. `published`: what Kafka has of the shard's events, in order.

    `dead_letters`: the addresses of those that it has.
    """

    chance: random.Random
    chaos: bool = True
    published: list[bytes] = field(default_factory=list)
    dead_letters: set[str] = field(default_factory=set)
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
        if topic == EVENTS:
            self.world.published.append(value)
        else:
            self.world.dead_letters.add(key.decode())
        if self.world.happens(0.05):
            raise KafkaUnavailable("arrived, not acknowledged")


class Owner:
    """A process that may own the shard: polls, handles, commits; is killed and comes back."""

    def __init__(self, world: World, rows: FaultyRows, log: list[Record]) -> None:
        self.world, self.log = world, log
        clock, sender, pages = FixedClock(AT), cast("Sender", FaultySender(world)), Pages(rows)
        self.gaps = Store(SHARD_GAPS, MemoryDocuments("shard_gaps"), clock=clock, chance=SeededChance(1))
        publisher = ShardPublisher(EventPublisher(sender, KEY, EVENTS))
        shards = OwnedShards(pages, publisher, count=1, seed=world.chance.randbytes(16))
        recorder = Recorder(
            shards,
            LogAnchor(self.gaps, clock),
            DuplicateLookup(pages),
            ReversalLookup(Reversals(rows), 1),
            PageWriter(
                pages, DeadLetterSender(sender, KEY, pushed=PUSHED, topic=DEAD_LETTERS, release="1"), publisher, clock
            ),
            lambda shard, record: DOOR.is_marked(shard, record.headers, record.value or b""),
        )
        self.ledger = LedgerHandler(shards, recorder)
        self.position = 0
        self.polling = asyncio.Lock()

    async def assigned(self, committed: int) -> None:
        await self.ledger.on_partitions_assigned([SHARD])
        self.position = committed

    async def poll(self) -> None:
        """One batch; a process handles one at a time, though another process may be at work beside it."""
        async with self.polling:
            await self._poll()

    async def _poll(self) -> None:
        batch = self.log[self.position : self.position + self.world.chance.randrange(1, 5)]
        if not batch:
            return
        try:
            await self.ledger.handle(batch)
        except Rewind as rewind:
            self.position = rewind.offset
        except (AnswerLost, KafkaUnavailable, LostShard, asyncio.CancelledError):
            self.position = batch[0].offset
        else:
            if self.position == batch[0].offset:  # else it was assigned anew meanwhile
                self.position = batch[-1].offset + 1


@dataclass
class Oracle:
    """What must come of a log: the first amount of each donation; of each reversal, in order, what became of it."""

    donations: dict[int, int] = field(default_factory=dict)
    reversals: list[tuple[str, int, int, str]] = field(default_factory=list)

    def give(self, number: int, fen: int) -> None:
        self.donations.setdefault(number, fen)

    def reverse(self, id: str, number: int, fen: int) -> None:
        taken = [one for one in self.reversals if one[3] == "taken"]
        first = next((one for one in taken if one[0] == id), None)
        if first is not None:
            conflict = (id, number, fen, "conflict")
            if first[1:3] != (number, fen) and conflict not in self.reversals:
                self.reversals.append(conflict)
            return
        gone = sum(one[2] for one in taken if one[1] == number)
        fits = gone + fen <= self.donations.get(number, 0)
        state = "parked" if number not in self.donations else "taken" if fits else "refused"
        before = next((one for one in reversed(self.reversals) if one[0] == id), None)
        if before != (id, number, fen, state):  # what comes again and stands as it stood is recorded once
            self.reversals.append((id, number, fen, state))

    @property
    def reversed_fen(self) -> int:
        return sum(fen for _, _, fen, state in self.reversals if state == "taken")


def donation(number: int, fen: int) -> dict[str, Any]:
    return {"id": str(number), "merchant": "M1", "programme": "p", "amount_fen": fen, "at": "2021-11-11T00:00:00Z"}


def reversal(id: str, number: int, fen: int) -> dict[str, Any]:
    at = "2021-11-13T00:00:00Z"
    return {"reversal": id, "merchant": "M1", "donation": str(number), "day": DAY, "amount_fen": fen, "at": at}


def pushed_log(chance: random.Random, reversals_share: float = REVERSALS_SHARE) -> tuple[list[Record], Oracle]:
    """A log of donations and reversals with repeats and conflicts, and what must come of it."""
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
                rows.append(donation(number, fen))
        lines = [json.dumps(row).encode() for row in rows]
        log.append(marked(offset, b"\n".join(lines), REVERSAL) if is_reversal else marked(offset, columns_of(*lines)))
    return log, oracle
