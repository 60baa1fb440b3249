"""How many reversals wait for their gift now, as the metrics tell it, without reading any page twice that says no more.

A reversal is parked by a record of it on a page, and stands so until another record of it follows. So each look reads
the pages on which some were parked since the last one, and what became of those that still stood so.
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.runtime.telemetry import PARKED_REVERSALS
from services.donations.ledger.domain.reversals import PARKED, standing
from services.donations.ledger.store.reversals import Reversals

PARKED_PAUSE_S = 5.0
"""As often as Prometheus asks, or more; one read by an index a shard."""
PAGES_A_LOOK = 100
"""Of a shard, with reversals parked on them: after a start the others follow without a pause."""
KEYS_A_LOOK = 1_000
"""Of a shard, of which one look asks what became of them: the others' turn comes with the next."""


class ParkedReversals:
    """Counts those of all shards, whichever process owns them."""

    def __init__(self, reversals: Reversals, shards: int) -> None:
        self._reversals = reversals
        self._after = dict.fromkeys(range(shards), "")
        self._parked: dict[int, dict[str, None]] = {shard: {} for shard in range(shards)}
        """Shard → keys of the reversals that stood parked, those first that were asked for longest ago."""

    async def look(self) -> bool:
        """Sets the gauge, once all pages are read. True: more of them are left. Raises StoreUnavailable."""
        is_more = [await self._look_at(shard) for shard in self._parked]
        if any(is_more):
            return True
        PARKED_REVERSALS.set(sum(map(len, self._parked.values())))
        return False

    async def _look_at(self, shard: int) -> bool:
        parked = self._parked[shard]
        pages = await self._reversals.parked_on(shard, self._after[shard], PAGES_A_LOOK)
        for page in pages:
            parked |= dict.fromkeys(page.keys)
            if page.is_closed:  # an open one may get more
                self._after[shard] = page.id
        asked = list(parked)[:KEYS_A_LOOK]
        still = await self._still_parked(shard, asked)
        for key in asked:
            del parked[key]
        parked |= dict.fromkeys(still)
        return len(pages) == PAGES_A_LOOK

    async def _still_parked(self, shard: int, keys: Iterable[str]) -> list[str]:
        now = standing(await self._reversals.records(shard, list(keys), ()))
        return [key for key, record in now.items() if record.state == PARKED]
