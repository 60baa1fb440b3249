"""A ledger and a reconciler in memory, for tests of settlements: fakes that may crash at any write."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, DonationsBanked, day_of_name, line_of
from pandapack.contracts.envelope import decode, read_as
from pandapack.contracts.pages import Columns, Row
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.store import Command, Outcome, Store
from services.donations.api.reconciler import Reconciler
from services.donations.domain.ledger import PageHead
from services.donations.domain.settlement import (
    By,
    Kind,
    PartRef,
    Received,
    Settlement,
    Statement,
    Tally,
    Terms,
    ask_again,
    receive,
)
from services.donations.store.pages import Page
from services.donations.store.settlements import SETTLEMENTS, Settlements

AT = datetime(2021, 11, 12, tzinfo=UTC)
LINES = 2
PROGRAMME, OWNER = "love-parcel", "p"
Gift = tuple[str, str, str, int]
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


def row_of(gift: Gift, programme: str = PROGRAMME) -> Row:
    merchant, id, day, fen = gift
    return Row(id, merchant, programme, fen, day_of_name(day) * DAY_US - DAY_OFFSET_US + 5)


@dataclass
class Ledger:
    """Pages of a few rows a line, as the service writes them: rows are only ever added."""

    rows: list[list[Row]] = field(default_factory=lambda: [[] for _ in range(LINES)])
    page_rows: int = 3

    def take(self, gifts: Iterable[Gift], programme: str = PROGRAMME) -> None:
        for gift in gifts:
            self.rows[line_of(gift[0], LINES)].append(row_of(gift, programme))

    async def covering(self, line: int, day: str) -> AsyncIterator[Page]:
        number = day_of_name(day)
        starts = range(0, len(self.rows[line]), self.page_rows)
        for page, start in reversed(list(enumerate(starts))):
            rows = self.rows[line][start : start + self.page_rows]
            if any((row.at_us + DAY_OFFSET_US) // DAY_US == number for row in rows):
                yield Page(PageHead(line, page), Columns.of(rows), ())


@dataclass
class World:
    """All of it."""

    ledger: Ledger = field(default_factory=Ledger)
    banked: CrashingRows = field(default_factory=lambda: CrashingRows("banked"))
    belonging: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        clock, chance = FixedClock(AT), SeededChance(1)
        self._asked = itertools.count()
        self.documents = MemoryDocuments(SETTLEMENTS.collection)
        store: Store[Settlement] = Store(SETTLEMENTS, self.documents, clock=clock, chance=chance)
        rows: list[Any] = [MemoryRows("parts"), MemoryRows("differences"), self.banked]
        self.store = Settlements(store, *rows)
        pages: Any = self.ledger
        self.reconciler = Reconciler(self.store, pages, clock, chance, lines=LINES, merchants_of=self._belonging)

    async def _belonging(self, owner: str) -> frozenset[str]:
        assert owner == OWNER
        return self.belonging

    async def settle_ids(self, id: str, gifts: list[Gift]) -> None:
        """A platform sends a file of ids."""
        parts: list[PartRef] = []
        for line, day in sorted({(line_of(gift[0], LINES), gift[2]) for gift in gifts}):
            rows = [row_of(gift) for gift in gifts if (line_of(gift[0], LINES), gift[2]) == (line, day)]
            parts.append(await self.store.keep_ids(id, line, day, Columns.of(rows)))
        await self._receive(id, By.IDS, parts, Tally(count=len(gifts), fen=sum(gift[3] for gift in gifts)))

    async def settle_sums(self, id: str, sums: dict[tuple[str, str], tuple[int, int]]) -> None:
        """A platform sends sums by merchant and day."""
        parts: list[PartRef] = []
        for line, day in sorted({(line_of(merchant, LINES), day) for merchant, day in sums}):
            cells = {m: cell for (m, d), cell in sums.items() if (line_of(m, LINES), d) == (line, day)}
            parts.append(await self.store.keep_sums(id, line, day, cells))
        counts, fens = zip(*sums.values(), strict=True)
        await self._receive(id, By.SUMS, parts, Tally(count=sum(counts), fen=sum(fens)))

    async def _receive(self, id: str, by: By, parts: list[PartRef], total: Tally) -> None:
        terms = Terms(name=id, programme=PROGRAMME, bank_reference="B-1", currency="CNY", by=by)
        received = Received(terms=terms, digest=id, total=total, parts=tuple(parts))
        decide = partial(receive, owner=OWNER, received=received, at=AT)
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

    async def listed(self, id: str, statement: Statement, kind: Kind) -> list[tuple[str, str, str | None]]:
        """Merchant, day and id of everything under a kind."""
        at, page, more = f"{id}/{statement.number:04d}/{statement.run}", 0, True
        found: list[tuple[str, str, str | None]] = []
        while more:
            differences, more = await self.store.differences(at, kind, page)
            found += [(one.merchant, one.day, one.id) for one in differences]
            page += 1
        return sorted(found, key=str)

    async def said(self) -> list[DonationsBanked]:
        """All that settlements have said."""
        documents = await self.documents.unsaid(1000)
        return [read_as(decode(one.envelope), DonationsBanked) for document in documents for one in document.saying]

    def is_banked_once(self) -> bool:
        """Whether no row of any page is banked by two settlements."""
        pages = self.banked._by_id.values()
        return all(sum(_bits(one) for one in page["by"]) == _bits_of_all(page) for page in pages)


def _bits(one: dict[str, Any]) -> int:
    return int.from_bytes(one["bits"], "big").bit_count()


def _bits_of_all(page: dict[str, Any]) -> int:
    width = max(len(one["bits"]) for one in page["by"])
    together = 0
    for one in page["by"]:
        together |= int.from_bytes(one["bits"].ljust(width, b"\0"), "big")
    return together.bit_count()
