"""Pure: a settlement's rows against the ledger's, page by page, for one shard and one day.

Whether a donation is banked is known by its row: a page's rows never move, so a page has a bitmap for each settlement
that banked some of them. Settled by ids, a row is banked when id and amount agree. Settled by sums, a merchant's day is
banked, row by row, when count and fen agree with all its rows that no other settlement has banked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import numpy.typing as npt

from pandapack.contracts.donations import day_begins_us, day_name
from pandapack.contracts.envelope import Part
from pandapack.contracts.pages import Columns, Row
from services.donations.settlements.domain.settlement import Kind, Sides, Tally

Mask = npt.NDArray[np.bool_]
NONE = Tally()
Cell = tuple[int, int]
"""Count and fen of a merchant's day."""


class Difference(Part):
    """One donation, or one merchant's day, that does not simply match. `id` is None where sums were settled."""

    kind: Kind
    merchant: str
    day: str
    id: str | None
    sides: Sides


@dataclass(frozen=True, slots=True)
class BankedRows:
    """Which rows of a page are banked: by this settlement, and by any other. Rows beyond a mask's end are not."""

    ours: Mask
    others: Mask


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
    """Which rows of the ledger a settlement is about: one programme, one day, its merchants."""

    programme: str
    day: int
    merchants: frozenset[str]

    def rows(self, columns: Columns) -> Iterator[tuple[int, Row]]:
        """Index on the page, and row, of each donation of this day and these merchants, of any programme."""
        low, high = day_begins_us(self.day), day_begins_us(self.day + 1)
        times_us = np.asarray(columns.times_us)
        indexes = np.flatnonzero((times_us >= low) & (times_us < high))
        for index, row in zip(indexes.tolist(), columns.take(indexes).rows(), strict=True):
            if row.merchant in self.merchants:
                yield index, row


@dataclass(slots=True)
class PageFound:
    """What comparing a page showed: rows to bank, and what they and the differences sum up to."""

    to_bank: list[int] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    matched: Tally = NONE
    differences: list[Difference] = field(default_factory=list)


class GivenIds:
    """The donations that a settlement names, of one shard, day and slice: those not met in the ledger yet."""

    def __init__(self, scope: Scope, part: Slice) -> None:
        self._scope, self._slice = scope, part
        self._given: dict[str, int] = {}

    def learn(self, columns: Columns) -> list[Difference]:
        """More of the settlement's rows; those that were named before are answered."""
        repeated = []
        for row in columns.rows():
            key = f"{row.merchant}/{row.id}"
            if not self._slice.holds(key):
                continue
            if key in self._given:
                repeated.append(self._difference(Kind.REPEATED, key, row.amount_fen, None))
            else:
                self._given[key] = row.amount_fen
        return repeated

    def compare(self, columns: Columns, banked: BankedRows) -> PageFound:
        """A page against the donations that were named. Changes nothing: see `met`."""
        found = PageFound()
        ours, others = set(np.flatnonzero(banked.ours).tolist()), set(np.flatnonzero(banked.others).tolist())
        count, fen_sum = 0, 0
        for index, row in self._scope.rows(columns):
            key = f"{row.merchant}/{row.id}"
            if not self._slice.holds(key):
                continue
            fen, mine = self._given.get(key), row.programme == self._scope.programme
            if fen is None:
                if mine and index not in others:
                    found.differences.append(self._difference(Kind.EXTRA, key, None, row.amount_fen))
                continue
            found.named.append(key)
            if not mine or fen != row.amount_fen:
                found.differences.append(self._difference(Kind.DIFFERING, key, fen, row.amount_fen))
            elif index in others:
                found.differences.append(self._difference(Kind.ALREADY_BANKED, key, fen, row.amount_fen))
            else:
                count, fen_sum = count + 1, fen_sum + fen
                if index not in ours:
                    found.to_bank.append(index)
        found.matched = Tally(count=count, fen=fen_sum)
        return found

    def met(self, found: PageFound) -> None:
        """What a page showed is not looked for any more."""
        for key in found.named:
            del self._given[key]

    def missing(self) -> Iterator[Difference]:
        """What no page showed."""
        return (self._difference(Kind.MISSING, key, fen, None) for key, fen in self._given.items())

    def _difference(self, kind: Kind, key: str, settled_fen: int | None, ledger_fen: int | None) -> Difference:
        merchant, _, id = key.partition("/")
        sides = Sides(settlement=_one(settled_fen), ledger=_one(ledger_fen))
        return Difference(kind=kind, merchant=merchant, day=day_name(self._scope.day), id=id, sides=sides)


@dataclass(slots=True)
class _Sum:
    """A tally that grows a donation at a time: this loop is long."""

    count: int = 0
    fen: int = 0

    def add(self, fen: int) -> None:
        self.count, self.fen = self.count + 1, self.fen + fen

    def tally(self) -> Tally:
        return Tally(count=self.count, fen=self.fen)


@dataclass(slots=True)
class _LedgerCell:
    """A merchant's day in the ledger: banked by this settlement, by none, by others."""

    ours: _Sum = field(default_factory=_Sum)
    free: _Sum = field(default_factory=_Sum)
    others: _Sum = field(default_factory=_Sum)


class GivenSums:
    """The sums that a settlement names, of one shard and day, and what the ledger's pages add up to beside them."""

    def __init__(self, scope: Scope, cells: dict[str, Cell]) -> None:
        self._scope = scope
        self._given = cells
        self._ledger: dict[str, _LedgerCell] = {}
        self._seen: dict[int, Cell] = {}

    def count(self, number: int, columns: Columns, banked: BankedRows) -> None:
        """Adds a page of the ledger. What is written to it afterwards is not looked at."""
        self._seen[number] = (len(columns), int(banked.others.sum()))
        ours, others = set(np.flatnonzero(banked.ours).tolist()), set(np.flatnonzero(banked.others).tolist())
        for index, row in self._scope.rows(columns):
            if row.programme != self._scope.programme:
                continue
            cell = self._ledger.setdefault(row.merchant, _LedgerCell())
            part = cell.ours if index in ours else cell.others if index in others else cell.free
            part.add(row.amount_fen)

    def verdict(self) -> SumsVerdict:
        """What each merchant's day comes to."""
        verdict = SumsVerdict()
        for merchant in sorted({*self._given, *self._ledger}):
            self._judge(verdict, merchant, self._ledger.get(merchant, _LedgerCell()))
        return verdict

    def _judge(self, verdict: SumsVerdict, merchant: str, cell: _LedgerCell) -> None:
        def differs(kind: Kind, settlement: Tally, ledger: Tally) -> None:
            sides = Sides(settlement=settlement, ledger=ledger)
            day = day_name(self._scope.day)
            verdict.differences.append(Difference(kind=kind, merchant=merchant, day=day, id=None, sides=sides))

        ours, free, others = cell.ours.tally(), cell.free.tally(), cell.others.tally()
        count, fen = self._given.get(merchant, (0, 0))
        given, open_ = Tally(count=count, fen=fen), ours + free
        if given == ours:  # not in the settlement, or matched earlier: what else there is came without it
            verdict.matched += ours
            if free.count:
                differs(Kind.EXTRA, Tally(), free)
        elif given in (open_, open_ + others):
            if open_.count:
                verdict.matched += open_
                verdict.to_bank.add(merchant)
            if given != open_:
                differs(Kind.ALREADY_BANKED, others, others)
        elif not (open_ + others).count:
            differs(Kind.MISSING, given, Tally())
        else:
            differs(Kind.DIFFERING, given, open_ + others)

    def rows_to_bank(
        self, number: int, columns: Columns, banked: BankedRows, merchants: set[str]
    ) -> tuple[list[int], bool]:
        """Rows of a page to bank now, and whether another settlement was faster with any: then count again."""
        rows, others_then = self._seen.get(number, (0, 0))
        done = set(np.flatnonzero(banked.ours).tolist()) | set(np.flatnonzero(banked.others).tolist())
        wanted = [
            index
            for index, row in self._scope.rows(columns)
            if index < rows and row.merchant in merchants and row.programme == self._scope.programme
        ]
        overtaken = rows > 0 and int(banked.others.sum()) != others_then
        return [index for index in wanted if index not in done], overtaken


@dataclass(slots=True)
class SumsVerdict:
    """What some merchants' days come to. `to_bank`: whose rows that are free are to be banked."""

    matched: Tally = NONE
    to_bank: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)


def _one(fen: int | None) -> Tally:
    return Tally() if fen is None else Tally(count=1, fen=fen)
