"""What the ledger would make of a record if it came now: by the ledger's own code, and nothing is written.

The owner of a shard asks its index; any process may ask here, so pages are asked instead: of each day those whose ids
enclose the record's, in one query, and then the pages themselves, of which a bounded number is looked at.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pandapack.contracts.columns import id_key
from pandapack.contracts.donations import day_name
from services.donations.ledger.domain.batches import Batch, BatchResult, Known, PushedRecord, RecordReader, Suspects
from services.donations.ledger.domain.duplicates import Fingerprints
from services.donations.ledger.domain.findings import Finding
from services.donations.ledger.domain.reversals import PushedReversal, ReversalRecord, decide_reversals
from services.donations.ledger.store.pages import PAGES_A_READ, Pages
from services.donations.ledger.store.reversals import Reversals
from services.donations.validation.domain.record_columns import RecordColumns
from services.donations.validation.domain.reversal_lines import Reversal

PAGES_LOOKED_AT_MAX = 1_000
"""Of one forecast: some seconds of reading. Ids rise with time, so a push of any length is on far fewer."""


@dataclass(slots=True)
class PageBudget:
    """How many pages may be looked at yet."""

    left: int = PAGES_LOOKED_AT_MAX


@dataclass(slots=True)
class Forecast:
    """What would be new, and what not. `unsure`: so many of the new rows were not looked up on all pages."""

    result: BatchResult
    unsure: int = 0


class Forecaster:
    """Forecasts for a ledger of so many shards. `seed`: any bytes, by chance."""

    def __init__(self, pages: Pages, reversals: Reversals, *, shards: int, seed: bytes) -> None:
        self._pages, self._reversals = pages, reversals
        self._columns, self._fingerprints = RecordColumns(shards), Fingerprints(seed)

    async def donations(self, shard: int, value: bytes, platform: str, budget: PageBudget) -> Forecast:
        """Of a record of a platform's donations, as the door would write it. Raises StoreUnavailable."""
        reader = RecordReader(shard, self._columns, self._fingerprints)
        batch = reader.read([PushedRecord(0, 0, "", platform, value)])
        known: Known = {}
        pages, unsure = await self._pages_of(shard, batch), set[int]()
        numbers = sorted(pages)
        for begin in range(0, len(numbers), PAGES_A_READ):
            some = numbers[begin : begin + PAGES_A_READ]
            if budget.left < len(some):
                unsure.update(*(pages[number] for number in numbers[begin:]))
                break
            budget.left -= len(some)
            for number, columns in (await self._pages.columns(shard, some)).items():
                known |= batch.known_on(number, reader.lookup(columns), pages[number])
        result = reader.decide(batch, Suspects(set(range(len(batch.columns))), pages), known)
        return Forecast(result, len(unsure))

    async def _pages_of(self, shard: int, batch: Batch) -> dict[int, set[int]]:
        """Page → the rows that it may hold."""
        found: dict[int, set[int]] = {}
        for day, rows in batch.rows_of_days().items():
            keyed = sorted((id_key(batch.columns.ids[row]), row) for row in rows.tolist())
            keys = [key for key, _ in keyed]
            async for number, low, high in self._pages.enclosing(shard, day_name(day), keys[0], keys[-1]):
                here = [row for _, row in keyed[bisect_left(keys, low) : bisect_right(keys, high)]]
                if here:
                    found.setdefault(number, set()).update(here)
        return found

    async def reversals(self, shard: int, reversals: Sequence[Reversal]) -> tuple[list[ReversalRecord], list[Finding]]:
        """What would be recorded of reversals, and what found of those not taken. Raises StoreUnavailable."""
        donations = await self._reversals.donations_of(shard, reversals)
        keys, of = {one.key for one in reversals}, {one.of for one in reversals}
        known = await self._reversals.records(shard, keys, of)
        return decide_reversals([PushedReversal("", None, one) for one in reversals], donations, known)


def fen_of(result: BatchResult) -> int:
    """The fen of what is new."""
    return int(np.sum(result.columns.amounts_fen)) if len(result.columns) else 0
