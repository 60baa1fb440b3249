"""A ledger and a reconciler in memory, for tests of settlements: rows whose process may crash at any write."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, DonationsBanked, day_of_name, shard_of
from pandapack.contracts.envelope import decode, read_as
from pandapack.contracts.pages import Columns, Row
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.store import Command, Outcome, Store
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader, days_of
from services.donations.ledger.domain.reversals import TAKEN, ReversalRecord
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.reversals import Reversals
from services.donations.settlements.domain.reconciliation import Difference
from services.donations.settlements.domain.settlement import (
    By,
    Kind,
    PartRef,
    Settlement,
    SettlementUpload,
    Statement,
    Tally,
    Terms,
    ask_again,
    receive,
)
from services.donations.settlements.store import SETTLEMENTS, Settlements
from services.donations.settlements.work.reconciler import Reconciler
from services.donations.validation.domain.reversal_lines import Reversal

D1, D2 = "2021-11-11", "2021-11-12"
AT = datetime(2021, 11, 12, tzinfo=UTC)
SHARDS = 2
PAGE_ROWS = 3
REVERSED_AT = AT - timedelta(hours=1)
PROGRAMME, OWNER = "love-parcel", "p"
PlainDonation = tuple[str, str, str, int]
"""Merchant, id, day, fen."""


class Crash(Exception):
    """The process ended here."""


class CrashingRows(MemoryRows):
    """Rows of which a write may be the last thing that a process wants to do: the `crash_in`-th from now."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.crash_in: int | None = None

    async def one(self, id: Any) -> dict[str, Any] | None:
        found = await super().one(id)
        await asyncio.sleep(0)  # between reading and writing another one may write
        return found

    async def insert(self, row: dict[str, Any]) -> bool:
        self._step()
        return await super().insert(row)

    async def replace(self, id: Any, version: int, row: dict[str, Any]) -> bool:
        self._step()
        return await super().replace(id, version, row)

    def _step(self) -> None:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in <= 0:
                self.crash_in = None
                raise Crash

    def are_banked_once(self) -> bool:
        """Whether no row of any page is banked by two settlements."""
        pages = self._by_id.values()
        return all(sum(_bits(one) for one in page["by"]) == _bits_of_all(page) for page in pages)


def row_of(donation: PlainDonation, programme: str = PROGRAMME) -> Row:
    merchant, id, day, fen = donation
    return Row(id, merchant, programme, fen, day_of_name(day) * DAY_US - DAY_OFFSET_US + 5)


def sums_of(donations: Iterable[PlainDonation]) -> dict[tuple[str, str], tuple[int, int]]:
    """Count and fen by merchant and day."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for merchant, _, day, fen in donations:
        count, before = sums.get((merchant, day), (0, 0))
        sums[merchant, day] = (count + 1, before + fen)
    return sums


class Ledger:
    """Pages of a few rows a shard, as the service writes them: rows are only ever added."""

    def __init__(self) -> None:
        rows = MemoryRows("pages")
        self.pages, self.reversals = Pages(rows), Reversals(rows)
        self._rows: list[list[Row]] = [[] for _ in range(SHARDS)]
        self._taken: dict[tuple[int, int], list[ReversalRecord]] = {}
        self._reversals = itertools.count()
        self._versions: dict[tuple[int, int], int] = {}

    async def record(self, donations: Iterable[PlainDonation], programme: str = PROGRAMME) -> None:
        first = [len(rows) // PAGE_ROWS for rows in self._rows]
        for donation in donations:
            self._rows[shard_of(donation[0], SHARDS)].append(row_of(donation, programme))
        for shard, rows in enumerate(self._rows):
            for number in range(first[shard], -(-len(rows) // PAGE_ROWS)):
                await self._write(shard, number, rows[number * PAGE_ROWS : (number + 1) * PAGE_ROWS])

    async def reverse(self, donation: PlainDonation, fen: int, at: datetime = REVERSED_AT) -> None:
        """The shard takes a reversal of a donation, and its last page has the record."""
        merchant, id, day, _ = donation
        shard = shard_of(merchant, SHARDS)
        number = max((len(self._rows[shard]) - 1) // PAGE_ROWS, 0)
        name = f"R{next(self._reversals)}"
        reversal = Reversal(reversal=name, merchant=merchant, donation=id, day=day, amount_fen=fen, at=at)
        self._taken.setdefault((shard, number), []).append(ReversalRecord(reversal, TAKEN, PROGRAMME))
        await self._write(shard, number, self._rows[shard][number * PAGE_ROWS : (number + 1) * PAGE_ROWS])

    async def _write(self, shard: int, number: int, rows: Sequence[Row]) -> None:
        version = self._versions[shard, number] = self._versions.get((shard, number), 0) + 1
        columns = Columns.of(rows)
        header = PageHeader(
            shard,
            number,
            version,
            closed=len(rows) == PAGE_ROWS,
            count=len(rows),
            days=frozenset(days_of(columns)),
            anchor=Anchor(0, 0, ""),
        )
        taken = tuple(self._taken.get((shard, number), ()))
        assert await self.pages.write(Page(header, columns, reversals=taken))


@dataclass
class World:
    """All of it."""

    ledger: Ledger = field(default_factory=Ledger)
    banked: CrashingRows = field(default_factory=lambda: CrashingRows("banked"))

    def __post_init__(self) -> None:
        clock, chance = FixedClock(AT), SeededChance(1)
        self._asked = itertools.count()
        self._cut_off: datetime | None = None
        self.documents = MemoryDocuments(SETTLEMENTS.collection)
        store: Store[Settlement] = Store(SETTLEMENTS, self.documents, clock=clock, chance=chance)
        self.store = Settlements(store, MemoryRows("parts"), MemoryRows("differences"), self.banked)
        self.reconciler = Reconciler(self.store, self.ledger.pages, self.ledger.reversals, clock, chance)

    async def settle(self, how: str, id: str, donations: list[PlainDonation], cut_off: datetime | None = None) -> None:
        """A platform settles donations: by "ids", or by "sums" of merchant and day."""
        self._cut_off = cut_off
        match how:
            case "ids":
                await self.settle_ids(id, donations)
            case "sums":
                await self.settle_sums(id, sums_of(donations))
            case _:
                raise AssertionError(how)

    async def settle_ids(self, id: str, donations: list[PlainDonation]) -> None:
        """A platform sends a file of ids."""
        by_part: dict[tuple[int, str], list[Row]] = {}
        for donation in donations:
            by_part.setdefault((shard_of(donation[0], SHARDS), donation[2]), []).append(row_of(donation))
        parts = [
            await self.store.keep_ids(id, shard, day, Columns.of(rows))
            for (shard, day), rows in sorted(by_part.items())
        ]
        total = Tally(count=len(donations), fen=sum(fen for *_, fen in donations))
        await self._receive(id, By.IDS, parts, total)

    async def settle_sums(self, id: str, sums: dict[tuple[str, str], tuple[int, int]]) -> None:
        """A platform sends sums by merchant and day."""
        by_part: dict[tuple[int, str], dict[str, tuple[int, int]]] = {}
        for (merchant, day), cell in sums.items():
            by_part.setdefault((shard_of(merchant, SHARDS), day), {})[merchant] = cell
        parts = [
            await self.store.keep_sums(id, shard, day, merchants) for (shard, day), merchants in sorted(by_part.items())
        ]
        counts, fens = zip(*sums.values(), strict=True)
        await self._receive(id, By.SUMS, parts, Tally(count=sum(counts), fen=sum(fens)))

    async def _receive(self, id: str, by: By, parts: list[PartRef], total: Tally) -> None:
        terms = Terms(name=id, programme=PROGRAMME, bank_reference="B-1", currency="CNY", by=by, cut_off=self._cut_off)
        upload = SettlementUpload(terms=terms, digest=id, total=total, parts=tuple(parts))
        decide = partial(receive, owner=OWNER, received=upload, at=AT)
        assert isinstance(await self.store.documents.change(id, decide, Command(f"receive {id}", id)), Outcome)

    async def draw_up(self, id: str) -> Statement:
        """The statement that is due."""
        settlement = await self.store.documents.get(id)
        assert settlement is not None
        await self.reconciler.reconcile(settlement)
        drawn = await self.store.documents.get(id)
        assert drawn is not None
        return drawn.statements[-1]

    async def draw_up_again(self, id: str) -> Statement:
        """Another statement, some time later."""
        await self.store.documents.change(id, ask_again, Command(f"again {next(self._asked)}", id))
        return await self.draw_up(id)

    async def banked_by(self, id: str) -> Tally:
        """All that a settlement has banked by now, by its pages."""
        steps = [step async for page in self.store.banked_pages(id) for step in page.steps[id]]
        return sum((step.tally for step in steps), start=Tally())

    async def differences(self, id: str, statement: Statement, kind: Kind) -> list[Difference]:
        """Everything under a kind, where that is one page."""
        found, _ = await self.store.differences(f"{id}/{statement.number:04d}/{statement.run}", kind, 0)
        return found

    async def listed(self, id: str, statement: Statement, kind: Kind) -> list[tuple[str, str, str | None]]:
        """Merchant, day and id of everything under a kind."""
        at, page, more = f"{id}/{statement.number:04d}/{statement.run}", 0, True
        found: list[tuple[str, str, str | None]] = []
        while more:
            differences, more = await self.store.differences(at, kind, page)
            found += [(one.merchant, one.day, one.id) for one in differences]
            page += 1
        return sorted(found, key=str)

    async def published(self) -> list[DonationsBanked]:
        """All that settlements have published."""
        documents = await self.documents.unpublished(1000)
        return [read_as(decode(one.envelope), DonationsBanked) for document in documents for one in document.outbox]


def _bits(one: dict[str, Any]) -> int:
    return int.from_bytes(one["bits"], "big").bit_count()


def _bits_of_all(page: dict[str, Any]) -> int:
    width = max(len(one["bits"]) for one in page["by"])
    together = 0
    for one in page["by"]:
        together |= int.from_bytes(one["bits"].ljust(width, b"\0"), "big")
    return together.bit_count()


async def publishes_what_is_banked(world: World, names: list[str]) -> None:
    assert world.banked.are_banked_once()
    published = await world.published()
    for name in names:
        told = [event for event in published if event.settlement == name]
        assert await world.banked_by(name) == Tally(count=sum(e.count for e in told), fen=sum(e.fen for e in told))


def tally(donations: list[PlainDonation]) -> Tally:
    return Tally(count=len(donations), fen=sum(donation[3] for donation in donations))
