"""The test ledgers of platforms: each with its own collections, made when it is first used."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pandapack.runtime.documents import Document, Documents, Filter, Json, Rows, Update
from pandapack.runtime.mongo import Keep
from pandapack.runtime.service import Service
from pandapack.runtime.store import Store
from services.donations.ledger.domain.gaps import ShardGaps
from services.donations.ledger.store.pages import PAGE_INDEXES, Pages
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.work.book import LedgerBook, LedgerOf
from services.donations.ledger.work.duplicates import DuplicateLookup
from services.donations.ledger.work.page_writer import PageWriter
from services.donations.ledger.work.recorder import Recorder
from services.donations.ledger.work.reversals import ReversalLookup
from services.donations.ledger.work.shards import OwnedShards
from services.donations.programmes.store import Programmes
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.pushes.store import BY_OWNER, Pushes
from services.donations.pushes.work.book import PushBook, PushesOf
from services.donations.pushes.work.push_service import PushService
from services.donations.settlements.store import SETTLEMENT_INDEXES, SETTLEMENTS, Settlements
from services.donations.settlements.work.book import SettlementBook, SettlementsOf
from services.donations.settlements.work.intake import SettlementIntake
from services.donations.settlements.work.reconciler import Reconciler
from services.donations.test_ledger.work.publisher import NoDeadLetters, NoLog, TestPublisher, Untold
from services.donations.test_ledger.work.rehearsals import Rehearsals
from services.donations.validation.domain.record_columns import RecordColumns

KEPT_DAYS = 7
SHARDS = 1
HELD_MAX = 64
"""So many platforms' test ledgers are held open by one process; which was not used for longest leaves first."""

T = TypeVar("T")


class SilentDocuments:
    """Documents whose events are published to nobody: none is kept."""

    def __init__(self, documents: Documents) -> None:
        self._documents, self.name = documents, documents.name

    async def read(self, id: str) -> Document | None:
        return await self._documents.read(id)

    async def read_all(self, ids: Sequence[str]) -> dict[str, Document]:
        return await self._documents.read_all(ids)

    async def write(self, id: str, version: int, update: Update) -> bool:
        return await self._documents.write(id, version, replace(update, outbox=()))

    async def confirm(self, id: str, sequence: int) -> None:
        """There is nothing to confirm."""

    async def unpublished(self, limit: int) -> list[Document]:
        return []

    async def count_waiting(self, path: str, limit: int) -> int:
        return await self._documents.count_waiting(path, limit)

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[Document]:
        return await self._documents.find(where, after=after, limit=limit, newest_first=newest_first)


class BankedTestRows:
    """What is banked of test pages, under the pages' own ids. A page stays as long as what is banked of it.

    A page that left before it would leave its marks to the next page of that number, whose rows nobody has banked.
    """

    def __init__(self, rows: Rows, pages: Rows) -> None:
        self._rows, self._pages, self.name = rows, pages, rows.name

    async def insert(self, row: Json) -> bool:
        return await self._rows.insert(row) and await self._kept(row["_id"])

    async def insert_in_order(self, rows: Sequence[Json]) -> None:
        for row in rows:
            await self.insert(row)

    async def replace(self, id: Any, version: int, row: Json) -> bool:
        return await self._rows.replace(id, version, row) and await self._kept(id)

    async def set(self, id: Any, fields: Json) -> bool:
        return await self._rows.set(id, fields) and await self._kept(id)

    async def one(self, id: Any) -> Json | None:
        return await self._rows.one(id)

    async def read(self, ids: Sequence[Any]) -> dict[Any, Json]:
        return await self._rows.read(ids)

    async def find(
        self,
        where: Filter,
        sort: Sequence[tuple[str, int]] = (("_id", 1),),
        limit: int = 1000,
        fields: Mapping[str, int] | None = None,
    ) -> list[Json]:
        return await self._rows.find(where, sort, limit, fields)

    async def _kept(self, id: Any) -> bool:
        """The page, written again, stays from now on as long as what was just written."""
        await self._pages.set(id, {})
        return True


class NoGaps:
    """A test ledger resumed without nothing."""

    async def get(self, id: str) -> ShardGaps | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class TestBook:
    """A platform's test ledger, as each kind of route sees it."""

    __test__ = False

    ledger: LedgerBook
    pushes: PushBook
    settlements: SettlementBook


class TestBooks:
    """Opens test ledgers. `accept_days`: how old a donation may be."""

    __test__ = False

    def __init__(self, service: Service, programmes: Programmes, *, accept_days: int) -> None:
        self._service, self._programmes, self._accept_days = service, programmes, accept_days
        # Names are looked up in tables that all platforms may share: a ledger of one shard has all of them on it.
        self._reader, self._sorter = RecordColumns(SHARDS), PushSorter(SHARDS)
        self._keep = Keep(KEPT_DAYS, service.clock.wall)
        self._held: OrderedDict[str, TestBook] = OrderedDict()
        self._opening = asyncio.Lock()

    async def of(self, platform: str) -> TestBook:
        """A platform's test ledger. Raises StoreUnavailable."""
        async with self._opening:
            book = self._held.get(platform)
            if book is None:
                book = self._held[platform] = self._open(platform)
                await self._service.mongo.prepare(_prefix(platform))
            self._held.move_to_end(platform)
            while len(self._held) > HELD_MAX:
                self._held.popitem(last=False)
            return book

    def ledger_or(self, live: LedgerBook) -> LedgerOf:
        """Answers the ledger of a platform's tests, or the one that counts."""
        return self._or(live, lambda book: book.ledger)

    def pushes_or(self, live: PushBook) -> PushesOf:
        """Answers the pushes of a platform's tests, or those that count."""
        return self._or(live, lambda book: book.pushes)

    def settlements_or(self, live: SettlementBook) -> SettlementsOf:
        """Answers the settlements of a platform's tests, or those that bank."""
        return self._or(live, lambda book: book.settlements)

    def _or(self, live: T, part: Callable[[TestBook], T]) -> Callable[[str], Awaitable[T]]:
        async def chosen(tests_of: str) -> T:
            return part(await self.of(tests_of)) if tests_of else live

        return chosen

    def _open(self, platform: str) -> TestBook:
        service, mongo, prefix, keep = self._service, self._service.mongo, _prefix(platform), self._keep
        rows = mongo.rows(f"{prefix}pages", indexes=PAGE_INDEXES, keep=keep)
        pages, reversals = Pages(rows), Reversals(rows)
        seed = service.chance.token().encode()
        shards = OwnedShards(pages, Untold(), count=SHARDS, seed=seed, reader=self._reader)
        recorder = Recorder(
            shards,
            NoLog(),
            DuplicateLookup(pages),
            ReversalLookup(reversals, SHARDS),
            PageWriter(pages, NoDeadLetters(), Untold(), service.clock),
            lambda _shard, _record: True,  # it comes from the door and goes by no log
        )
        publisher = TestPublisher(recorder, pages, service.clock, self._sorter)
        pushes = Pushes(mongo.rows(f"{prefix}pushes", indexes=BY_OWNER, keep=keep))
        pushing = PushService(
            pushes,
            publisher,
            service.clock,
            service.chance,
            reversals,
            self._programmes,
            sorter=self._sorter,
            accept_days=self._accept_days,
        )
        accepting = Rehearsals(pushing, publisher, self._programmes, service.clock, accept_days=self._accept_days)
        return TestBook(
            LedgerBook(pages, reversals, SHARDS),
            PushBook(accepting, pushes, pages, NoGaps()),
            self._settlements(prefix, rows, reversals),
        )

    def _settlements(self, prefix: str, page_rows: Rows, reversals: Reversals) -> SettlementBook:
        service, mongo, keep, pages = self._service, self._service.mongo, self._keep, Pages(page_rows)
        documents = SilentDocuments(mongo.documents(f"{prefix}settlements", indexes=SETTLEMENT_INDEXES, keep=keep))
        settlements = Settlements(
            Store(SETTLEMENTS, documents, clock=service.clock, chance=service.chance),
            mongo.rows(f"{prefix}settlement_parts", keep=keep),
            mongo.rows(f"{prefix}settlement_differences", keep=keep),
            BankedTestRows(mongo.rows(f"{prefix}banked", indexes=["settlements"], keep=keep), page_rows),
        )
        intake = SettlementIntake(settlements, self._programmes, service.clock, SHARDS)
        reconciler = Reconciler(settlements, pages, reversals, service.clock, service.chance)
        return SettlementBook(intake, settlements, pages, reconciler.run)


def _prefix(platform: str) -> str:
    """What the names of a platform's test collections begin with. A platform's id holds no colon."""
    return f"test:{platform}:"
