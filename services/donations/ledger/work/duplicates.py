"""Looking up which rows are known already: first in the index of their day, then on the pages that it names."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from services.donations.ledger.domain.batches import Batch, BatchResult, Known, PushedRecord
from services.donations.ledger.domain.duplicates import DayIndex, PageLookup
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.work.shards import OwnedShard

LOOKUPS_MAX = 32
"""Closed pages held in memory by one process, because something on them was pushed again."""
LOOKUPS_AT_ONCE = 8


class DuplicateLookup:
    """Sorts records into what is new and what is known, with what the index and the pages have."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._closed: OrderedDict[tuple[int, int], PageLookup] = OrderedDict()

    async def decide(self, shard: OwnedShard, records: Sequence[PushedRecord]) -> BatchResult:
        """What of the records is new, and what is known."""
        batch = shard.reader.read(records)
        await asyncio.sleep(0)  # heartbeats and pushes share this loop
        await self._index_days(shard, batch.rows_of_days())
        suspects = shard.reader.suspects(batch, shard.index)
        result = shard.reader.decide(batch, suspects, await self._known(shard, batch, suspects.pages))
        await asyncio.sleep(0)
        return result

    async def _index_days(self, shard: OwnedShard, days: Iterable[int]) -> None:
        """The index of each day, loaded from pages where the day is first seen; days used last lie at the end."""
        for day in days:
            index = shard.index.pop(day, None)
            if index is None:
                index = DayIndex()
                if shard.latest_day is None or day <= shard.latest_day:
                    async for page, columns in self._pages.of_day(shard.number, day):
                        shard.reader.learn(index, day, page, columns)
            if shard.latest_day is not None:
                shard.latest_day = max(shard.latest_day, day)
            shard.index[day] = index

    async def _known(self, shard: OwnedShard, batch: Batch, suspects: dict[int, set[int]]) -> Known:
        """What pages hold of the rows that they may hold (page → rows); a few pages in memory at a time."""
        known: Known = {}
        numbers = sorted(suspects)
        for begin in range(0, len(numbers), LOOKUPS_AT_ONCE):
            for number, page in (await self._lookups(shard, numbers[begin : begin + LOOKUPS_AT_ONCE])).items():
                known |= batch.known_on(number, page, suspects[number])
        return known

    async def _lookups(self, shard: OwnedShard, numbers: Sequence[int]) -> dict[int, PageLookup]:
        """Some pages of a shard. Closed ones never change, so they may be held whatever happens."""
        last, found = shard.page.header.number, dict[int, PageLookup]()
        for number in numbers:
            if number == last:
                found[number] = shard.reader.lookup(shard.page.columns)
            elif (shard.number, number) in self._closed:
                self._closed.move_to_end((shard.number, number))
                found[number] = self._closed[shard.number, number]
        missing = [number for number in numbers if number not in found]
        for number, columns in (await self._pages.columns(shard.number, missing) if missing else {}).items():
            found[number] = shard.reader.lookup(columns)
            if number < last:  # a later one, another owner's, may still be open
                self._closed[shard.number, number] = found[number]
        while len(self._closed) > LOOKUPS_MAX:
            self._closed.popitem(last=False)
        return found
