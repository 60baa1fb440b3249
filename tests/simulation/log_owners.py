"""Owners of the public log in a seeded world: journals that come late, a Kafka and a database that lose answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from pandapack.contracts import logistics, procurement
from pandapack.contracts.causation import Causation, Cause
from pandapack.contracts.donations import (
    DayPart,
    DonationsBanked,
    DonationsRecorded,
    DonationsReversed,
    PageSealed,
    ProgrammeInterval,
    ProgrammeReversal,
    SealedProgramme,
    seals_source,
    shard_source,
)
from pandapack.contracts.envelope import Envelope, Event, encode, envelop
from pandapack.contracts.public_log.veil import Veil
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import AnswerLost, Json, MemoryRows
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.log_reader import LogEnds
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.signed_log import SignedRecord
from services.reporting.domain.journal import Entry, LogPosition
from services.reporting.store.journal import Journal
from services.reporting.store.journey_index import JourneyIndex
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows
from services.reporting.work.log_owner import LogOwner, Overtaken
from services.reporting.work.projector import ConsumedEvent

AT = datetime(2031, 5, 4, tzinfo=UTC)
VEIL = Veil("5e" * 32)
PROGRAMME = "p"
EXPECTED_FAILURES = (AnswerLost, KafkaUnavailable, Overtaken, asyncio.CancelledError)
"""What an owner meets, and is run again. Whatever else it raises is a defect."""


@dataclass
class World:
    """Chance, and whether it still does harm; the time; writes that are done later."""

    chance: random.Random
    chaos: bool = True
    clock: FixedClock = field(default_factory=lambda: FixedClock(AT))
    late: list[tuple[Any, ...]] = field(default_factory=list)

    def happens(self, share: float) -> bool:
        return self.chaos and self.chance.random() < share

    async def elsewhere(self) -> None:
        """Lets others go first, some of the time; whoever is killed ends here."""
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)

    async def fate_of(self, write: Any, *given: Any) -> None:
        """A write's answer gets lost: it is done, not done, or done later."""
        await self.elsewhere()
        if self.happens(0.03):
            raise AnswerLost("not done")
        if self.happens(0.03):
            self.late.append((write, *given))
            raise AnswerLost("done later")
        if self.happens(0.03):
            await write(*given)
            raise AnswerLost("done")


class FaultyRows(MemoryRows):
    """Rows whose answers get lost."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(name)
        self.world = world

    async def insert(self, row: Json) -> bool:
        await self.world.fate_of(super().insert, row)
        return await super().insert(row)

    async def insert_in_order(self, rows: Sequence[Json]) -> None:
        for row in rows:  # a kill may come between any two
            await self.insert(row)

    async def replace(self, id: Any, version: int, row: Json) -> bool:
        await self.world.fate_of(super().replace, id, version, row)
        return await super().replace(id, version, row)

    async def set(self, id: Any, fields: Json) -> bool:
        await self.world.fate_of(super().set, id, fields)
        return await super().set(id, fields)

    async def one(self, id: Any) -> Json | None:
        await self.world.elsewhere()
        return await super().one(id)


class FaultyTopic:
    """`public.log`: records by offset, those of strangers among them; acknowledgements get lost."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.records: list[SignedRecord] = []

    async def append(self, value: bytes) -> int:
        await self.world.elsewhere()
        if self.world.happens(0.08):
            raise KafkaUnavailable("never left")
        if self.records and self.world.happens(0.05):
            self.records.append(SignedRecord(len(self.records), None))  # a stranger's
        self.records.append(SignedRecord(len(self.records), value))
        offset = len(self.records) - 1
        if self.world.happens(0.05):  # the producer tried twice
            self.records.append(SignedRecord(len(self.records), value))
        await self.world.elsewhere()
        if self.world.happens(0.08):
            raise KafkaUnavailable("arrived, not acknowledged")
        return offset

    async def read(self, first: int, limit: int) -> tuple[LogEnds, Sequence[SignedRecord]]:
        await self.world.elsewhere()
        limit = self.world.chance.randrange(1, limit + 1)
        return LogEnds(0, len(self.records)), self.records[first : first + limit]


@dataclass(frozen=True)
class Published:
    """An event, and the records that Kafka has of it: more than one where it was published again."""

    envelope: Envelope
    value: bytes


class Database:
    """Reporting's: journals, which are filled partition by partition, and what is kept of the log.

    `aside`: the events that an operator sets aside, some of them when they are journaled already.
    """

    def __init__(self, world: World, log: Sequence[Published], aside: frozenset[str] = frozenset()) -> None:
        self.world, self.kafka, self.aside = world, _in_kafka(world, log), aside
        self.drop()

    def drop(self) -> None:
        """All of it; the partitions are read again from their start."""
        index = JourneyIndex(MemoryRows("journeys"))
        self.journals = {"donations": Journal(MemoryRows("archive"), index)}
        self.journals |= dict.fromkeys(("procurement", "logistics"), Journal(MemoryRows("journal"), index))
        names = ("log_heads", "log_entries", "log_tiles", "log_seals")
        self.kept = PublicLog(*(FaultyRows(self.world, name) for name in names))
        self.snapshots = SnapshotRows(*(FaultyRows(self.world, n) for n in ("books", "rounds", "months", "moments")))
        self.fed = dict.fromkeys(self.kafka, 0)
        self.world.late.clear()

    async def feed(self, partition: tuple[str, int], count: int) -> None:
        """So many more records of a partition are journaled."""
        first = self.fed[partition]
        entries = self.kafka[partition][first : first + count]
        if not entries:
            return
        journal = self.journals[partition[0]]
        if self.world.chance.random() < 0.2:  # a view fails behind the journal, which has them then
            await journal.enter(entries, applied_offset=-1)
            await self.world.elsewhere()
        await journal.enter([replace(one, is_set_aside=one.key in self.aside) for one in entries], applied_offset=-1)
        self.fed[partition] = first + len(entries)

    def lagging(self) -> list[tuple[str, int]]:
        return [partition for partition, entries in self.kafka.items() if self.fed[partition] < len(entries)]


def _in_kafka(world: World, log: Sequence[Published]) -> dict[tuple[str, int], list[Entry]]:
    """The topics' partitions: each source in one, some events a second time."""
    found: dict[tuple[str, int], list[Entry]] = {}
    services = ("donations", "procurement", "logistics")
    for name in services:
        found |= {(name, partition): [] for partition in range(EVENT_PARTITIONS)}
    for number, one in enumerate(log):
        source = one.envelope.source
        part = found[source.split("/")[1], crc32(source.encode()) % EVENT_PARTITIONS]
        for _ in range(2 if world.chance.random() < 0.1 else 1):
            service = source.split("/")[1]
            position = LogPosition(f"{service}.events", crc32(source.encode()) % EVENT_PARTITIONS, len(part))
            # Brokers' clocks differ by some milliseconds.
            appended_ms = int(AT.timestamp() * 1000) + number * 20 + world.chance.randrange(60)
            part.append(ConsumedEvent(position, appended_ms, one.value, one.envelope).entry(one.value))
    return found


class Process:
    """A process that owns the log, or would like to."""

    def __init__(self, world: World, database: Database, topic: FaultyTopic) -> None:
        self.name = world.chance.randbytes(4).hex()
        self.owner = LogOwner(
            database.journals["procurement"],
            database.journals["donations"],
            database.kept,
            topic,
            lambda: VEIL,
            world.clock,
            name=self.name,
        )
        self.world = world
        self.running = asyncio.Lock()

    async def run(self) -> bool:
        """One run of its loop; a process has one at a time."""
        async with self.running:
            try:
                return await self.owner.append()
            except EXPECTED_FAILURES:
                return True


def published(chance: random.Random, count: int) -> list[Published]:
    """A history: each event but donations names causes among the events before it, as ranges where it likes."""
    numbers: dict[str, int] = {}
    fronts: dict[str, int] = {}
    found: list[Published] = []
    for _ in range(count):
        source, event = _event(chance, fronts)
        number = numbers[source] = numbers.get(source, 0) + 1
        causes = [Cause("donations.pushed/3", 1, 9)]
        if isinstance(event, PageSealed):  # after the page that it seals
            shard, seals = shard_source(event.shard), f"donations.seals/{event.shard}"
            causes = [Cause(shard, numbers[shard], numbers[shard]), Cause(seals, number, number)]
        if not source.startswith("/donations/") and numbers:
            streams = chance.sample(sorted(numbers), k=min(len(numbers), chance.randrange(3)))
            last = {stream: numbers[stream] - (stream == source) for stream in streams}
            causes += [Cause(s, chance.randrange(1, n + 1), n) for s, n in last.items() if n]
        at = AT + timedelta(milliseconds=20 * len(found))
        envelope = envelop(event, source=source, number=number, at=at, causation=Causation(tuple(causes)))
        found.append(Published(envelope, encode(envelope)))
    return found


def _event(chance: random.Random, fronts: dict[str, int]) -> tuple[str, Event]:
    """A source and what it publishes. `fronts`: shard → how far its fen line goes."""
    round_ = f"R-{chance.randrange(3):06d}"
    of = {"round": round_, "programme": PROGRAMME, "country": "NP"}
    match chance.randrange(9):
        case 0 | 1:
            shard, fen = chance.randrange(3), chance.randrange(1, 90)
            return shard_source(shard), _recorded(shard, fronts, fen)
        case 2:
            shard = chance.randrange(3)
            reversal = ProgrammeReversal(
                programme=PROGRAMME, count=1, fen_from=0, fen_to=1, days={"2031-05-04": (1, 1)}
            )
            return shard_source(shard), DonationsReversed(shard=shard, page=1, reversals=(reversal,))
        case 3:
            name = f"s{chance.randrange(3)}"
            banked = DonationsBanked(settlement=name, programme=PROGRAMME, day="2031-05-04", count=1, fen=1)
            return f"/donations/settlements/{name}", banked
        case 4 | 5:
            credit = procurement.FundCredited(programme=PROGRAMME, credited_fen=1, applied_fen={0: 1})
            return f"/procurement/funds/{PROGRAMME}", credit
        case 8 if fronts:
            shard = int(chance.choice(sorted(fronts)))
            return seals_source(shard), _sealed(shard)
        case 6:
            closed = procurement.OrderClosed(order=f"O-{round_}", round=round_, programme=PROGRAMME, cancelled={})
            return f"/procurement/orders/O-{round_}", closed
        case _:
            return f"/logistics/consignments/{round_}", logistics.ConsignmentOpened(**of, round_parcels=9)


def _recorded(shard: int, fronts: dict[str, int], fen: int) -> DonationsRecorded:
    front = fronts.get(str(shard), 0)
    fronts[str(shard)] = front + fen
    interval = ProgrammeInterval(programme=PROGRAMME, fen_from=front, fen_to=front + fen, count=1)
    day = DayPart(programme=PROGRAMME, day="2031-05-04", count=1, fen=fen, merchants={"shop:M": (1, fen)})
    return DonationsRecorded(shard=shard, page=1, count=1, intervals=(interval,), days=(day,))


def _sealed(shard: int) -> PageSealed:
    held = SealedProgramme(programme=PROGRAMME, count=1, fen=5)
    return PageSealed(shard=shard, page=0, rows=1, fen=5, root="0" * 64, programmes=(held,))
