"""Sealing closed pages, soon after and off the hot path."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from pandapack.contracts.proof import ShardRoot
from pandapack.decision import Refusal
from services.donations.ledger.domain.seals import Seal, refuse_to_seal, seal
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.shards import OwnedShards

SEAL_PAUSE_S = 2.0
"""Idle shards are looked after, and closed pages sealed, so long after one another."""
PAGES_A_RUN = 8

LastSigned = Callable[[int], Awaitable[ShardRoot | None]]
"""A shard under the last signed root; None where none is signed yet."""

log = structlog.get_logger(__name__)


class SealedHistoryBroken(Exception):
    """What is sealed is not what it was. Nothing is sealed on top of it: a person must look."""


class Sealer:
    """Seals the closed pages of the shards that this process owns."""

    def __init__(self, shards: OwnedShards, pages: Pages, seals: Seals, signed: LastSigned) -> None:
        self._shards, self._pages, self._seals, self._signed = shards, pages, seals, signed

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
        signed = await self._signed(shard)
        covered = signed is not None and signed.page >= 0
        at_signed = await self._seals.one(shard, signed.page) if signed is not None and covered else None
        missing = await self._seals.first_missing(shard, last.number) if last else None
        refusal = refuse_to_seal(shard, last, missing, signed if covered else None, at_signed)
        if refusal is not None:
            raise _broken(shard, refusal)


def _broken(shard: int, refusal: Refusal) -> SealedHistoryBroken:
    log.error("sealed_history_broken", shard=shard, code=refusal.code, detail=refusal.detail)
    return SealedHistoryBroken(f"{refusal.code}: {refusal.detail}")
