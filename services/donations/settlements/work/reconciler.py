"""Draws up statements behind the requests: a settlement against the ledger, shard by shard, day by day, page by page.

Nothing is lost when it is stopped anywhere: a page's banked rows are one versioned write, telling of them another, the
statement a third, and whoever goes on finds the rows that this settlement has banked already and counts them as its
own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import structlog

from pandapack.backoff import Backoff
from pandapack.contracts.donations import day_of_name
from pandapack.decision import Refusal
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.store import Command, Outcome
from services.donations.ledger.domain.pages import Page
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.reversals import Reversals
from services.donations.settlements.domain.day_reversals import day_reversals
from services.donations.settlements.domain.reconciliation import (
    Difference,
    GivenIds,
    GivenSums,
    PageFound,
    RowsToBank,
    Scope,
    Slice,
)
from services.donations.settlements.domain.settlement import (
    BankedStep,
    By,
    Kind,
    PartRef,
    Settlement,
    Sides,
    Statement,
    conclude,
    tell,
)
from services.donations.settlements.store import DIFFERENCES_A_PAGE, Settlements

RECONCILE_PAUSE_S = 2.0
SLICE_ROWS_MAX = 250_000
"""So many of its donations are held in memory at once; a shard and day with more is compared in several passes."""
OVERTAKEN_MAX = 20
MERCHANTS_TOLD_MAX = 4_096
"""Told in one write, with the last page's beyond it: what is told waits in the settlement's document for Kafka."""
OUTBOX_BYTES_MAX = 1024 * 1024
"""With more that Kafka has not confirmed, nothing is told: with what one write tells, an outbox is not full yet."""
OUTBOX_PAUSE = Backoff(first_s=0.05, max_s=1.0)
OUTBOX_WAITS_MAX = 60

log = structlog.get_logger(__name__)


class Overtaken(Exception):
    """Other settlements banked rows of the same pages, again and again: the statement is drawn up anew."""


class CannotKeep(Exception):
    """What was found does not fit into the settlement's document: a person must look."""


class OutboxFull(Exception):
    """Kafka does not take what is told: the statement stays due."""


class StatementDraft:
    """A statement while it is drawn up: sums by kind, and the differences, kept a page at a time."""

    def __init__(self, store: Settlements, settlement: str, number: int, run: str) -> None:
        self._store, self.at = store, f"{settlement}/{number:04d}/{run}"
        self.kinds: dict[Kind, Sides] = {}
        self._open: dict[Kind, list[Difference]] = {}
        self._pages: dict[Kind, int] = {}

    def matched(self, sides: Sides) -> None:
        """Gifts on which both sides agree."""
        if sides != Sides():
            self._add(Kind.MATCHED, sides)

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
        self, settlements: Settlements, pages: Pages, reversals: Reversals, clock: Clock, chance: Chance
    ) -> None:
        self._store, self._pages, self._reversals = settlements, pages, reversals
        self._clock, self._chance = clock, chance

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
        """Draws up the statement that was asked for.

        Raises Overtaken, OutboxFull, Unavailable, AnswerLost: try again; CannotKeep.
        """
        assert settlement.received is not None, "only what was received is reconciled"
        run, number, terms = self._chance.token(), settlement.requested, settlement.received.terms
        draft = StatementDraft(self._store, settlement.settlement, number, run)
        compare = self._by_ids if terms.by is By.IDS else self._by_sums
        days_by_shard: dict[int, set[str]] = {}
        for part in settlement.received.parts:
            days_by_shard.setdefault(part.shard, set()).add(part.day)
        for shard, days in sorted(days_by_shard.items()):
            await compare(draft, settlement, shard, sorted(days))
        await draft.close()
        await self._tell(settlement.settlement, run)
        statement = Statement(
            number=number, at=self._clock.now(), run=run, kinds=draft.kinds, banked={}, cut_off=settlement.cut_off
        )
        command = Command(f"conclude/{number}/{run}", run)
        concluding = partial(conclude, statement=statement)
        _insist(await self._store.documents.change(settlement.settlement, concluding, command))

    async def _tell(self, settlement: str, run: str) -> None:
        """Publishes what is banked, by whomever it was drawn up: some pages a write, and not more than Kafka takes."""
        group: dict[str, Sequence[BankedStep]] = {}
        merchants = groups = 0
        async for page in self._store.banked_pages(settlement):
            group[page.id] = page.steps[settlement]
            merchants += sum(len(step.merchants) for step in group[page.id])
            if merchants >= MERCHANTS_TOLD_MAX:
                await self._tell_group(settlement, group, f"tell/{run}/{groups}")
                group, merchants, groups = {}, 0, groups + 1
        if group:
            await self._tell_group(settlement, group, f"tell/{run}/{groups}")

    async def _tell_group(self, settlement: str, group: dict[str, Sequence[BankedStep]], key: str) -> None:
        for attempt in range(OUTBOX_WAITS_MAX):
            if await self._store.outbox_bytes(settlement) <= OUTBOX_BYTES_MAX:
                telling = partial(tell, pages=group)
                _insist(await self._store.documents.change(settlement, telling, Command(key, key)))
                return
            await asyncio.sleep(OUTBOX_PAUSE.pause_s(attempt + 1, self._chance.jitter()))
        raise OutboxFull(f"{settlement}: more than {OUTBOX_BYTES_MAX} bytes of events wait for Kafka")

    async def _by_ids(self, draft: StatementDraft, settlement: Settlement, shard: int, days: Sequence[str]) -> None:
        for day in days:
            await self._ids_of_day(draft, settlement, shard, day)

    async def _ids_of_day(self, draft: StatementDraft, settlement: Settlement, shard: int, day: str) -> None:
        assert settlement.received is not None, "only what was received is reconciled"
        parts, named = _of(settlement, shard, (day,)), set[str]()
        async for columns in self._store.ids_of(parts):
            named.update(columns.merchants)
        scope = Scope(settlement.received.terms.programme, day_of_name(day), frozenset(named))
        records = await self._reversals.taken_of_days(shard, (day,))
        reversals = day_reversals(records.get(day, ()), scope.merchants, settlement.cut_off)
        slices = max(1, -(-sum(part.rows for part in parts) // SLICE_ROWS_MAX))
        for number in range(slices):
            given = GivenIds(scope, Slice(number, slices), reversals)
            async for columns in self._store.ids_of(parts):
                await draft.list(given.learn(columns))
                await asyncio.sleep(0)
            async for page in self._pages.covering(shard, (day,)):
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
            wanted = found.to_bank
            if not wanted.rows or await self._store.bank(banked, settlement, page.columns, {day: wanted}):
                return found
        raise Overtaken(f"page {page.header.number} of shard {page.header.shard}")

    async def _by_sums(self, draft: StatementDraft, settlement: Settlement, shard: int, days: Sequence[str]) -> None:
        """All days of a shard at once: a page covers many, and is read and written once for all of them."""
        assert settlement.received is not None, "only what was received is reconciled"
        sums = await self._store.sums_of(_of(settlement, shard, days))
        records = await self._reversals.taken_of_days(shard, days)
        programme = settlement.received.terms.programme
        for _ in range(OVERTAKEN_MAX):
            given = dict[str, GivenSums]()
            for day in days:
                scope = Scope(programme, day_of_name(day), frozenset(sums[day]))
                reversals = day_reversals(records.get(day, ()), scope.merchants, settlement.cut_off)
                given[day] = GivenSums(scope, sums[day], reversals)
            async for page in self._pages.covering(shard, days):
                banked = await self._store.banked(shard, page.header.number)
                seen = banked.seen_by(settlement.settlement, len(page.columns))
                for day in _days_on(page, days):
                    given[day].count(page.header.number, page.columns, seen)
                    await asyncio.sleep(0)
            verdicts = {day: of_day.verdict() for day, of_day in given.items()}
            to_bank = {day: verdict.to_bank for day, verdict in verdicts.items() if verdict.to_bank}
            if await self._bank_sums(settlement.settlement, shard, given, to_bank):
                for verdict in verdicts.values():
                    draft.matched(verdict.matched)
                    await draft.list(verdict.differences)
                return
        raise Overtaken(f"{days[0]} to {days[-1]} of shard {shard}")

    async def _bank_sums(
        self, settlement: str, shard: int, given: Mapping[str, GivenSums], to_bank: Mapping[str, set[str]]
    ) -> bool:
        """Banks the rows of merchants whose sums agree, by day. False: another settlement was faster with some."""
        if not to_bank:
            return True
        async for page in self._pages.covering(shard, sorted(to_bank)):
            number, wanted = page.header.number, dict[str, RowsToBank]()
            banked = await self._store.banked(shard, number)
            seen = banked.seen_by(settlement, len(page.columns))
            for day in _days_on(page, sorted(to_bank)):
                rows, is_overtaken = given[day].rows_to_bank(number, page.columns, seen, to_bank[day])
                if is_overtaken:
                    return False
                if rows.rows:
                    wanted[day] = rows
                await asyncio.sleep(0)
            if wanted and not await self._store.bank(banked, settlement, page.columns, wanted):
                return False
        return True


def _days_on(page: Page, days: Sequence[str]) -> list[str]:
    """Which of the days a page covers."""
    return [day for day in days if day_of_name(day) in page.header.days]


def _of(settlement: Settlement, shard: int, days: Sequence[str]) -> list[PartRef]:
    assert settlement.received is not None, "only what was received is reconciled"
    wanted = frozenset(days)
    return [part for part in settlement.received.parts if part.shard == shard and part.day in wanted]


def _insist(outcome: Outcome[Settlement] | Refusal) -> None:
    if isinstance(outcome, Refusal):
        raise CannotKeep(f"{outcome.code}: {outcome.detail}")
