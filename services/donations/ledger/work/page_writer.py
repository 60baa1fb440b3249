"""Writing a shard's page: the commit of a batch, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pandapack.contracts.donations import day_number, microseconds_of
from pandapack.runtime.clock import Clock
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.findings import RejectedRow
from services.donations.ledger.domain.pages import roll_over
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.work.shards import LostShard, OwnedShard, PublishesShards


class SendsDeadLetters(Protocol):
    """Where rejected rows go."""

    async def send(self, shard: int, rows: Iterable[RejectedRow]) -> None: ...


class PageWriter:
    """Writes pages of the shards that this process owns."""

    def __init__(self, pages: Pages, dead_letters: SendsDeadLetters, publisher: PublishesShards, clock: Clock) -> None:
        self._pages, self._dead_letters, self._publisher, self._clock = pages, dead_letters, publisher, clock

    async def write(self, shard: OwnedShard, result: BatchResult) -> None:
        """Dead letters first, then the page, then the index and the events.

        Raises LostShard where another owner was first; AnswerLost, KafkaUnavailable.
        """
        await self._dead_letters.send(shard.number, result.rejected)
        now = self._clock.now()
        page = roll_over(shard.page, result, today=day_number(microseconds_of(now)), at=now)
        header = page.header
        if not await self._pages.write(page):
            raise LostShard(
                f"shard {header.shard}: page {header.number} version {header.version} was written by another owner"
            )
        shard.page = page
        for day, fingerprints in result.fingerprints.items():
            shard.index[day].learn(fingerprints, header.number)
        await self._publisher.publish(shard)
