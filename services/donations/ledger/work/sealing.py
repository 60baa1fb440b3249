"""Sealing closed pages, soon after and off the hot path, and telling the public log of each seal.

A seal is written first and published then; whatever is sealed and was not published, of whichever release, is published
by the next run. How far that is stands in a document (`published_seals`), so each seal is published once; and what was
published is never sealed again.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from pandapack.contracts.donations import shard_source
from pandapack.decision import Decision, Refusal
from pandapack.runtime.store import Decide, EventPosition, Store
from services.donations.ledger.domain.published_seals import PublishedSeals, publish, told_of
from services.donations.ledger.domain.seals import Seal, refuse_to_seal, seal
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.shards import OwnedShards

SEAL_PAUSE_S = 2.0
"""Idle shards are looked after, and closed pages sealed, so long after one another."""
PAGES_A_RUN = 8
SEALS_STREAM = "donations.seals"
"""A shard's seals in their order, as what publishing consumes: `donations.seals/3`."""

log = structlog.get_logger(__name__)


class SealedHistoryBroken(Exception):
    """What is sealed is not what it was. Nothing is sealed on top of it: a person must look."""


class Sealer:
    """Seals the closed pages of the shards that this process owns, and publishes their seals."""

    def __init__(self, shards: OwnedShards, pages: Pages, seals: Seals, published: Store[PublishedSeals]) -> None:
        self._shards, self._pages, self._seals, self._published = shards, pages, seals, published

    async def run(self) -> bool:
        """One run over all shards; whether more is waiting. The first failure ends it once all were looked at."""
        is_behind, failure = False, None
        for number in self._shards.owned:
            try:
                async with self._shards.holding(number):  # an idle one, too, publishes what its last page still has
                    pass
                is_behind |= await self._seal(number) == PAGES_A_RUN
                is_behind |= await self._publish(number) == PAGES_A_RUN
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return is_behind

    async def _seal(self, shard: int) -> int:
        """Seals some closed pages of a shard, in order; how many. Raises SealedHistoryBroken."""
        before = await self._seals.last(shard)
        pages = await self._pages.closed_from(shard, before.number + 1 if before else 0, PAGES_A_RUN)
        if pages:
            await self._look_back(shard, before)
        for page in pages:
            before = await asyncio.to_thread(seal, shard, page.header.number, page.columns, before)
            if not await self._seals.write(before) and await self._seals.one(shard, before.number) != before:
                detail = f"shard {shard}: page {before.number} was given another seal just now"
                raise _broken(shard, Refusal("sealed_otherwise", detail))
        return len(pages)

    async def _look_back(self, shard: int, last: Seal | None) -> None:
        """Whether all before is sealed as it was; looked at whenever a page is about to be sealed."""
        state = await self._state(shard)
        at_published = await self._seals.one(shard, state.pages - 1) if state.pages else None
        missing = await self._seals.first_missing(shard, last.number) if last else None
        refusal = refuse_to_seal(shard, last, missing, (state.pages, state.chained), at_published)
        if refusal is not None:
            raise _broken(shard, refusal)

    async def _publish(self, shard: int) -> int:
        """Publishes some seals of a shard, in order; how many. Raises SealedHistoryBroken."""
        state = await self._state(shard)
        first, steps = state.pages, list[tuple[EventPosition, Decide[PublishedSeals]]]()
        for page in await self._pages.closed_from(shard, first, PAGES_A_RUN):
            sealed = await self._seals.one(shard, page.header.number)
            if sealed is None or sealed.number != state.pages:
                break
            event = await asyncio.to_thread(told_of, sealed, page.columns)
            if isinstance(event, Refusal):
                raise _broken(shard, event)
            told = publish(state, sealed, event)
            if isinstance(told, Refusal):
                raise _broken(shard, told)
            state = told.state
            closed = EventPosition(shard_source(shard), page.header.sequence)
            # One event may close two pages, where the second has refused reversals alone: seals do not repeat.
            numbered = EventPosition(f"{SEALS_STREAM}/{shard}", sealed.number + 1, gapless=True)
            steps += [(closed, Decision), (numbered, partial(publish, seal=sealed, event=event))]
        if steps:
            await self._published.apply(str(shard), steps)
        return state.pages - first

    async def _state(self, shard: int) -> PublishedSeals:
        return await self._published.get(str(shard)) or PublishedSeals()


def _broken(shard: int, refusal: Refusal) -> SealedHistoryBroken:
    log.error("sealed_history_broken", shard=shard, code=refusal.code, detail=refusal.detail)
    return SealedHistoryBroken(f"{refusal.code}: {refusal.detail}")
