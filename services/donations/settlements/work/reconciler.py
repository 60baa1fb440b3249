"""Draws up statements behind the requests: a settlement against the ledger, shard by shard, day by day, page by page.

Nothing is lost when it is stopped anywhere: a page's banked rows are one versioned write, the statement is another, and
whoever goes on finds the rows that this settlement has banked already and counts them as its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog

from pandapack.contracts.donations import day_of_name, shard_of
from pandapack.contracts.pages import Columns
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.store import Command
from services.donations.ledger.domain.pages import Page
from services.donations.ledger.store.pages import Pages
from services.donations.settlements.domain.reconciliation import (
    Difference,
    GivenIds,
    GivenSums,
    PageFound,
    Scope,
    Slice,
)
from services.donations.settlements.domain.settlement import (
    By,
    Kind,
    PartRef,
    Settlement,
    Sides,
    Statement,
    Tally,
    conclude,
)
from services.donations.settlements.store import DIFFERENCES_A_PAGE, Settlements

RECONCILE_PAUSE_S = 2.0
SLICE_ROWS_MAX = 250_000
"""So many of its donations are held in memory at once; a shard and day with more is compared in several passes."""
OVERTAKEN_MAX = 20

MerchantsOf = Callable[[str], Awaitable[frozenset[str]]]
"""The merchants that belong to a platform, beside those that a settlement names: their donations may be extra."""

log = structlog.get_logger(__name__)


class Overtaken(Exception):
    """Other settlements banked rows of the same pages, again and again: the statement is drawn up anew."""


class StatementDraft:
    """A statement while it is drawn up: sums by kind, and the differences, kept a page at a time."""

    def __init__(self, store: Settlements, settlement: str, number: int, run: str) -> None:
        self._store, self.at = store, f"{settlement}/{number:04d}/{run}"
        self.kinds: dict[Kind, Sides] = {}
        self._open: dict[Kind, list[Difference]] = {}
        self._pages: dict[Kind, int] = {}

    def matched(self, tally: Tally) -> None:
        """Gifts on which both sides agree."""
        if tally.count:
            self._add(Kind.MATCHED, Sides(settlement=tally, ledger=tally))

    async def list(self, differences: Iterable[Difference]) -> None:
        """Gifts on which they do not."""
        for difference in differences:
            self._add(difference.kind, difference.sides)
            waiting = self._open.setdefault(difference.kind, [])
            waiting.append(difference)
            if len(waiting) >= DIFFERENCES_A_PAGE:
                await self._keep(difference.kind)

    async def close(self) -> None:
        """Keeps what is not kept yet."""
        for kind in list(self._open):
            await self._keep(kind)

    def _add(self, kind: Kind, sides: Sides) -> None:
        self.kinds[kind] = self.kinds.get(kind, Sides()) + sides

    async def _keep(self, kind: Kind) -> None:
        page = self._pages.get(kind, 0)
        await self._store.list_differences(self.at, kind, page, self._open.pop(kind))
        self._pages[kind] = page + 1


class Reconciler:
    """Draws up what is due. Several processes may; of two statements under one number the first stands."""

    def __init__(
        self,
        settlements: Settlements,
        pages: Pages,
        clock: Clock,
        chance: Chance,
        *,
        shards: int,
        merchants_of: MerchantsOf,
    ) -> None:
        self._store, self._pages, self._clock, self._chance = settlements, pages, clock, chance
        self._shards, self._merchants_of = shards, merchants_of

    async def run(self) -> None:
        """Draws up whatever is due: one run of the loop."""
        for settlement in await self._store.due():
            await self._reconcile(settlement)

    async def _reconcile(self, settlement: Settlement) -> None:
        # One that cannot be drawn up now must not keep the others waiting; it stays due.
        try:
            await self.reconcile(settlement)
        except Exception as error:
            log.warning("settlement_not_reconciled", settlement=settlement.settlement, error=repr(error))

    async def reconcile(self, settlement: Settlement) -> None:
        """Draws up the statement that was asked for. Raises Overtaken, Unavailable, AnswerLost: try again."""
        assert settlement.received is not None, "only what was received is reconciled"
        run, number = self._chance.token(), settlement.requested
        draft = StatementDraft(self._store, settlement.settlement, number, run)
        belonging = await self._merchants_of(settlement.owner)
        for shard in range(self._shards):
            merchants = {merchant for merchant in belonging if shard_of(merchant, self._shards) == shard}
            merchants |= await self._named(settlement.received.terms.by, _of(settlement, shard))
            for day in settlement.days if merchants else ():
                scope = Scope(settlement.received.terms.programme, day_of_name(day), frozenset(merchants))
                compare = self._by_ids if settlement.received.terms.by is By.IDS else self._by_sums
                await compare(draft, settlement, shard, day, scope)
        await draft.close()
        # Read when all is banked: of several that draw up, the one that reads last has seen what each of them banked.
        banked = await self._store.banked_by(settlement.settlement)
        statement = Statement(number=number, at=self._clock.now(), run=run, kinds=draft.kinds, banked=banked)
        command = Command(f"conclude/{number}/{run}", run)
        await self._store.documents.change(settlement.settlement, partial(conclude, statement=statement), command)

    async def _named(self, by: By, parts: list[PartRef]) -> set[str]:
        if by is By.SUMS:
            return {merchant for part in parts for merchant in await self._store.sums_of([part])}
        named: set[str] = set()
        async for columns in self._store.ids_of(parts):
            named.update(columns.merchants)
        return named

    async def _by_ids(self, draft: StatementDraft, settlement: Settlement, shard: int, day: str, scope: Scope) -> None:
        parts = _of(settlement, shard, day)
        slices = max(1, -(-sum(part.rows for part in parts) // SLICE_ROWS_MAX))
        for number in range(slices):
            given = GivenIds(scope, Slice(number, slices))
            async for columns in self._store.ids_of(parts):
                await draft.list(given.learn(columns))
                await asyncio.sleep(0)
            async for page in self._pages.covering(shard, day):
                found = await self._bank_ids(settlement.settlement, day, page, given)
                given.met(found)
                draft.matched(found.matched)
                await draft.list(found.differences)
                await asyncio.sleep(0)  # pushes and heartbeats share this loop
            await draft.list(given.missing())

    async def _bank_ids(self, settlement: str, day: str, page: Page, given: GivenIds) -> PageFound:
        for _ in range(OVERTAKEN_MAX):
            banked = await self._store.banked(page.header.shard, page.header.number)
            found = given.compare(page.columns, banked.seen_by(settlement, len(page.columns)))
            rows = found.to_bank
            if not rows or await self._store.bank(banked, settlement, day, rows, _tally_of(page.columns, rows)):
                return found
        raise Overtaken(f"page {page.header.number} of shard {page.header.shard}")

    async def _by_sums(self, draft: StatementDraft, settlement: Settlement, shard: int, day: str, scope: Scope) -> None:
        sums = await self._store.sums_of(_of(settlement, shard, day))
        for _ in range(OVERTAKEN_MAX):
            given = GivenSums(scope, sums)
            async for page in self._pages.covering(shard, day):
                banked = await self._store.banked(shard, page.header.number)
                given.count(page.header.number, page.columns, banked.seen_by(settlement.settlement, len(page.columns)))
                await asyncio.sleep(0)
            verdict = given.verdict()
            if await self._bank_sums(settlement.settlement, shard, day, given, verdict.to_bank):
                draft.matched(verdict.matched)
                await draft.list(verdict.differences)
                return
        raise Overtaken(f"{day} of shard {shard}")

    async def _bank_sums(self, settlement: str, shard: int, day: str, given: GivenSums, merchants: set[str]) -> bool:
        """Banks the rows of merchants whose sums agree. False: another settlement was faster with some of them."""
        if not merchants:
            return True
        async for page in self._pages.covering(shard, day):
            number = page.header.number
            banked = await self._store.banked(shard, number)
            seen = banked.seen_by(settlement, len(page.columns))
            rows, is_overtaken = given.rows_to_bank(number, page.columns, seen, merchants)
            if is_overtaken:
                return False
            if rows and not await self._store.bank(banked, settlement, day, rows, _tally_of(page.columns, rows)):
                return False
            await asyncio.sleep(0)
        return True


def _tally_of(columns: Columns, rows: list[int]) -> Tally:
    return Tally(count=len(rows), fen=int(columns.amounts_fen[rows].sum()))


def _of(settlement: Settlement, shard: int, day: str | None = None) -> list[PartRef]:
    assert settlement.received is not None, "only what was received is reconciled"
    parts = settlement.received.parts
    return [part for part in parts if part.shard == shard and day in (None, part.day)]
