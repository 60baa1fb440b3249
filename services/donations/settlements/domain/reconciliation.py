"""Pure: a settlement's rows against the ledger's, page by page, for one shard and one day.

Whether a donation is banked is known by its row: a page's rows never move, so a page has a bitmap for each settlement
that banked some of them. A settlement is net: a row counts with what is left of it, less the reversals by the
settlement's cut-off, and a row of which nothing is left is not to be settled. Settled by ids, a row is banked when id
and amount agree. Settled by sums, a merchant's day is banked, row by row, when count and fen agree with all its rows
that no other settlement has banked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np

from pandapack.contracts.donations import day_begins_us, day_name
from pandapack.contracts.envelope import Part
from pandapack.contracts.pages import Columns, Row
from services.donations.settlements.domain.day_reversals import DayReversals
from services.donations.settlements.domain.page_rows import Cell, Mask, Rows, cells_of, marked, of_merchants
from services.donations.settlements.domain.settlement import BankedStep, Kind, Sides, Tally, Why

NONE = Sides()


class Difference(Part):
    """One donation, or one merchant's day, that does not simply match. `id` is None where sums were settled.

    `why`: of what is differing.
    """

    kind: Kind
    merchant: str
    day: str
    id: str | None
    sides: Sides
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class BankedRows:
    """Which rows of a page are banked: by this settlement, and by any other. Rows beyond a mask's end are not.

    `deducted`: row → fen that had been taken back of it when it was banked, where there were any.
    """

    ours: Mask
    others: Mask
    deducted: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a shard's donations, by identity, so that only some are held in memory at once."""

    number: int = 0
    of: int = 1

    def holds(self, key: str) -> bool:
        """Whether a donation (`merchant/id`) is in this slice."""
        return self.of == 1 or crc32(key.encode()) % self.of == self.number


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows of the ledger a settlement is about: one programme, one day, the merchants that it names there."""

    programme: str
    day: int
    merchants: frozenset[str]

    def own_rows(self, columns: Columns) -> Rows:
        """Indices on the page of the donations of this day and these merchants, of this programme."""
        low, high = day_begins_us(self.day), day_begins_us(self.day + 1)
        mine = [index for index, name in enumerate(columns.programmes.strings) if name == self.programme]
        is_mine = np.isin(columns.programmes.indices, np.array(mine, np.uint32))
        rows = np.flatnonzero((columns.times_us >= low) & (columns.times_us < high) & is_mine)
        return rows[of_merchants(columns.merchants, rows, self.merchants)]

    def rows(self, columns: Columns) -> Iterator[tuple[int, Row]]:
        """Index on the page, and row, of each donation of this day and these merchants, of any programme."""
        low, high = day_begins_us(self.day), day_begins_us(self.day + 1)
        times_us = np.asarray(columns.times_us)
        indexes = np.flatnonzero((times_us >= low) & (times_us < high))
        for index, row in zip(indexes.tolist(), columns.take(indexes).rows(), strict=True):
            if row.merchant in self.merchants:
                yield index, row


@dataclass(slots=True)
class RowsToBank:
    """Rows of a page to bank now: row → fen that are deducted from it."""

    rows: dict[int, int] = field(default_factory=dict)

    def step(self, columns: Columns, day: str) -> BankedStep:
        """What banking them adds, merchant by merchant."""
        rows = np.array(sorted(self.rows), dtype=np.intp)
        left = columns.amounts_fen[rows] - np.array([self.rows[row] for row in rows.tolist()], np.int64)
        return BankedStep(day=day, merchants=cells_of(columns.merchants, rows, left))


@dataclass(slots=True)
class PageFound:
    """What comparing a page showed: rows to bank, and what they and the differences sum up to."""

    to_bank: RowsToBank = field(default_factory=RowsToBank)
    named: list[str] = field(default_factory=list)
    matched: Sides = NONE
    differences: list[Difference] = field(default_factory=list)


class GivenIds:
    """The donations that a settlement names, of one shard, day and slice: those not met in the ledger yet."""

    def __init__(self, scope: Scope, part: Slice, reversals: DayReversals) -> None:
        self._scope, self._slice, self._reversals = scope, part, reversals
        self._given: dict[str, int] = {}

    def learn(self, columns: Columns) -> list[Difference]:
        """More of the settlement's rows; those that were named before are answered."""
        repeated = []
        for row in columns.rows():
            key = f"{row.merchant}/{row.id}"
            if not self._slice.holds(key):
                continue
            if key in self._given:
                sides = Sides(settlement=_one(row.amount_fen))
                repeated.append(_difference(Kind.REPEATED, self._scope.day, key, sides))
            else:
                self._given[key] = row.amount_fen
        return repeated

    def compare(self, columns: Columns, banked: BankedRows) -> PageFound:
        """A page against the donations that were named. Changes nothing: see `met`."""
        found, matched = PageFound(), _Sum()
        ours, others = set(np.flatnonzero(banked.ours).tolist()), set(np.flatnonzero(banked.others).tolist())
        for index, row in self._scope.rows(columns):
            key = f"{row.merchant}/{row.id}"
            if not self._slice.holds(key):
                continue
            is_ours, is_banked = index in ours, index in ours or index in others
            deducted = banked.deducted.get(index, 0) if is_banked else self._reversals.by_cut_off.get(key, 0)
            fen = self._given.get(key)
            if fen is not None:
                found.named.append(key)
            judged = self._judge(key, row, deducted, is_elsewhere=index in others)
            if judged is not None:
                found.differences.append(judged)
            elif fen is not None:
                matched.add(fen, deducted)
                found.differences += _reversed_since(self._scope.day, key, self._reversals, deducted)
                if not is_ours:
                    found.to_bank.rows[index] = deducted
        found.matched = matched.agreed()
        return found

    def _judge(self, key: str, row: Row, deducted: int, *, is_elsewhere: bool) -> Difference | None:
        """How a row of the ledger differs, if it does. `is_elsewhere`: another settlement has banked it."""
        fen, mine, left = self._given.get(key), row.programme == self._scope.programme, row.amount_fen - deducted
        known = Sides(ledger=_one(left), reversed_fen=deducted)
        if fen is None:
            if not mine or is_elsewhere:
                return None
            return _difference(Kind.EXTRA if left else Kind.REVERSED, self._scope.day, key, known)
        sides = known + Sides(settlement=_one(fen))
        if mine and fen == left:
            return _difference(Kind.ALREADY_BANKED, self._scope.day, key, sides) if is_elsewhere else None
        why = Why.PROGRAMME if not mine else Why.REVERSED if fen == row.amount_fen else Why.AMOUNT
        return _difference(Kind.DIFFERING, self._scope.day, key, sides, why)

    def met(self, found: PageFound) -> None:
        """What a page showed is not looked for any more."""
        for key in found.named:
            del self._given[key]

    def missing(self) -> Iterator[Difference]:
        """What no page showed."""
        return (
            _difference(Kind.MISSING, self._scope.day, key, Sides(settlement=_one(fen)))
            for key, fen in self._given.items()
        )


@dataclass(slots=True)
class _Sum:
    """Some donations, growing one at a time (this loop is long): what is left of them, and what was deducted.

    `gone`: those of which nothing is left; they are not among `count`.
    """

    count: int = 0
    fen: int = 0
    reversed_fen: int = 0
    gone: int = 0

    def add(self, left_fen: int, deducted_fen: int) -> None:
        self.fen, self.reversed_fen = self.fen + left_fen, self.reversed_fen + deducted_fen
        if left_fen:
            self.count += 1
        else:
            self.gone += 1

    def add_all(self, cell: Cell) -> None:
        """Donations of which nothing was taken back."""
        self.count, self.fen = self.count + cell[0], self.fen + cell[1]

    def tally(self) -> Tally:
        return Tally(count=self.count, fen=self.fen)

    def agreed(self) -> Sides:
        """Both sides say the same of them."""
        return Sides(settlement=self.tally(), ledger=self.tally(), reversed_fen=self.reversed_fen)


@dataclass(slots=True)
class _LedgerCell:
    """A merchant's day in the ledger: banked by this settlement, by none, by others."""

    ours: _Sum = field(default_factory=_Sum)
    free: _Sum = field(default_factory=_Sum)
    others: _Sum = field(default_factory=_Sum)

    @property
    def parts(self) -> tuple[_Sum, _Sum, _Sum]:
        return self.ours, self.free, self.others


class GivenSums:
    """The sums that a settlement names, of one shard and day, and what the ledger's pages add up to beside them."""

    def __init__(self, scope: Scope, cells: dict[str, Cell], reversals: DayReversals) -> None:
        self._scope, self._reversals = scope, reversals
        self._given = cells
        self._ledger: dict[str, _LedgerCell] = {}
        self._free: dict[str, Cell] = {}  # rows of which nothing was taken back, and that nobody has banked
        self._seen: dict[int, Cell] = {}
        self._since: list[Difference] = []
        self._since_free: dict[str, list[Difference]] = {}

    def count(self, number: int, columns: Columns, banked: BankedRows) -> None:
        """Adds a page of the ledger. What is written to it afterwards is not looked at."""
        self._seen[number] = (len(columns), int(banked.others.sum()))
        rows = self._scope.own_rows(columns)
        is_odd = self._are_odd(columns, rows) | np.isin(rows, np.fromiter(banked.deducted, np.intp))
        self._count_odd(columns, banked, rows[is_odd])
        plain = rows[~is_odd]
        ours, others = marked(banked.ours, plain), marked(banked.others, plain)
        for merchant, (count, fen) in self._cells_of(columns, plain[~(ours | others)]):
            before = self._free.get(merchant, (0, 0))
            self._free[merchant] = (before[0] + count, before[1] + fen)
        for merchant, cell in self._cells_of(columns, plain[ours]):
            self._cell(merchant).ours.add_all(cell)
        for merchant, cell in self._cells_of(columns, plain[others & ~ours]):
            self._cell(merchant).others.add_all(cell)

    def _cells_of(self, columns: Columns, rows: Rows) -> Iterable[tuple[str, Cell]]:
        return cells_of(columns.merchants, rows, columns.amounts_fen[rows]).items()

    def _cell(self, merchant: str) -> _LedgerCell:
        return self._ledger.setdefault(merchant, _LedgerCell())

    def _are_odd(self, columns: Columns, rows: Rows) -> Mask:
        """Which rows something may have been taken back of: they are looked at one by one."""
        merchants = {key.partition("/")[0] for key in (*self._reversals.ever, *self._reversals.by_cut_off)}
        return of_merchants(columns.merchants, rows, merchants)

    def _count_odd(self, columns: Columns, banked: BankedRows, rows: Rows) -> None:
        ours, others = set(np.flatnonzero(banked.ours).tolist()), set(np.flatnonzero(banked.others).tolist())
        for index, row in zip(rows.tolist(), columns.take(rows).rows(), strict=True):
            cell, key = self._cell(row.merchant), f"{row.merchant}/{row.id}"
            if index in ours or index in others:
                deducted = banked.deducted.get(index, 0)
                (cell.ours if index in ours else cell.others).add(row.amount_fen - deducted, deducted)
            else:
                deducted = self._reversals.by_cut_off.get(key, 0)
                cell.free.add(row.amount_fen - deducted, deducted)
            since = _reversed_since(self._scope.day, key, self._reversals, deducted)
            if index in ours:
                self._since += since
            elif index not in others and deducted < row.amount_fen:
                self._since_free.setdefault(row.merchant, []).extend(since)

    def verdict(self) -> SumsVerdict:
        """What each merchant's day comes to."""
        verdict = SumsVerdict(differences=list(self._since))
        plain = _Sum()
        for merchant, (count, fen) in sorted(self._given.items()):
            cell, free = self._ledger.get(merchant), self._free.get(merchant)
            if cell is None and free == (count, fen):  # by far most are so
                plain.add_all((count, fen))
                verdict.to_bank.add(merchant)
                continue
            cell = replace(cell, free=replace(cell.free)) if cell is not None else _LedgerCell()
            cell.free.add_all(free or (0, 0))
            self._judge(verdict, merchant, Tally(count=count, fen=fen), cell)
        verdict.matched += plain.agreed()
        return verdict

    def _judge(self, verdict: SumsVerdict, merchant: str, given: Tally, cell: _LedgerCell) -> None:
        def differs(kind: Kind, settlement: Tally, parts: Iterable[_Sum], why: Why | None = None) -> None:
            known = sum((part.agreed() for part in parts), start=Sides())
            sides = known.model_copy(update={"settlement": settlement})
            day = day_name(self._scope.day)
            verdict.differences.append(Difference(kind=kind, merchant=merchant, day=day, id=None, sides=sides, why=why))

        ours, free, others = (part.tally() for part in cell.parts)
        open_ = ours + free
        if given == ours:  # matched earlier: what else there is came without it
            verdict.matched += cell.ours.agreed()
            if cell.free.count or cell.free.gone:
                differs(Kind.EXTRA if cell.free.count else Kind.REVERSED, Tally(), [cell.free])
        elif given in (open_, open_ + others):
            if open_.count:
                verdict.matched += cell.ours.agreed() + cell.free.agreed()
                verdict.to_bank.add(merchant)
                verdict.differences += self._since_free.get(merchant, [])
            elif cell.free.gone:
                differs(Kind.REVERSED, Tally(), [cell.free])
            if given != open_:
                differs(Kind.ALREADY_BANKED, others, [cell.others])
        elif not any(part.count or part.gone for part in cell.parts):
            differs(Kind.MISSING, given, ())
        else:
            gross_fen = sum(part.fen + part.reversed_fen for part in cell.parts)
            is_gross = gross_fen == given.fen and any(part.reversed_fen for part in cell.parts)
            differs(Kind.DIFFERING, given, cell.parts, Why.REVERSED if is_gross else Why.AMOUNT)

    def rows_to_bank(
        self, number: int, columns: Columns, banked: BankedRows, merchants: set[str]
    ) -> tuple[RowsToBank, bool]:
        """Rows of a page to bank now, and whether another settlement was faster with any: then count again."""
        upto, others_then = self._seen.get(number, (0, 0))
        is_overtaken = upto > 0 and int(banked.others.sum()) != others_then
        rows = self._scope.own_rows(columns)
        rows = rows[(rows < upto) & of_merchants(columns.merchants, rows, merchants)]
        rows = rows[~(marked(banked.ours, rows) | marked(banked.others, rows))]
        is_odd = self._are_odd(columns, rows)
        wanted = RowsToBank(dict.fromkeys(rows[~is_odd].tolist(), 0))
        odd = rows[is_odd]
        for index, row in zip(odd.tolist(), columns.take(odd).rows(), strict=True):
            deducted = self._reversals.by_cut_off.get(f"{row.merchant}/{row.id}", 0)
            if deducted < row.amount_fen:
                wanted.rows[index] = deducted
        return wanted, is_overtaken


@dataclass(slots=True)
class SumsVerdict:
    """What some merchants' days come to. `to_bank`: whose rows that are free are to be banked."""

    matched: Sides = NONE
    to_bank: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)


def _difference(kind: Kind, day: int, key: str, sides: Sides, why: Why | None = None) -> Difference:
    merchant, _, id = key.partition("/")
    return Difference(kind=kind, merchant=merchant, day=day_name(day), id=id, sides=sides, why=why)


def _reversed_since(day: int, key: str, reversals: DayReversals, deducted: int) -> list[Difference]:
    """What was taken back of a donation after this settlement had banked it."""
    since_fen = reversals.ever.get(key, 0) - deducted
    return [_difference(Kind.REVERSED_SINCE, day, key, Sides(reversed_fen=since_fen))] if since_fen else []


def _one(fen: int) -> Tally:
    """A donation of which so much is left."""
    return Tally(count=1 if fen else 0, fen=fen)
