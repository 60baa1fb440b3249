"""Sealing closed pages, soon after and off the hot path."""

from __future__ import annotations

import asyncio

from services.donations.ledger.domain.seals import seal
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.shards import OwnedShards

SEAL_PAUSE_S = 2.0
"""Idle shards are looked after, and closed pages sealed, so long after one another."""
PAGES_A_RUN = 8


class Sealer:
    """Seals the closed pages of the shards that this process owns."""

    def __init__(self, shards: OwnedShards, pages: Pages, seals: Seals) -> None:
        self._shards, self._pages, self._seals = shards, pages, seals

    async def run(self) -> bool:
        """One run over all shards; whether more is waiting. The first failure ends it once all were looked at."""
        is_behind, failure = False, None
        for number in self._shards.owned:
            try:
                async with self._shards.holding(number):  # an idle one, too, publishes what its last page still has
                    pass
                is_behind |= await self._seal(number) == PAGES_A_RUN
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return is_behind

    async def _seal(self, shard: int) -> int:
        """Seals some closed pages of a shard, in order; how many."""
        before = await self._seals.last(shard)
        pages = await self._pages.closed_from(shard, before.number + 1 if before else 0, PAGES_A_RUN)
        for page in pages:
            before = await asyncio.to_thread(seal, shard, page.header.number, page.columns, before)
            await self._seals.write(before)
        return len(pages)
