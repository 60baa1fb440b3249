"""The shards that this process owns, and what it holds of each in memory.

Two owners (a zombie after a rebalance) would write the same version or number of a page: one wins, the other drops all
that it holds and starts over from the last page. On assignment, and whenever in doubt, everything is loaded again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from pandapack.runtime.partitions import Rewind
from services.donations.ledger.domain.batches import RecordReader
from services.donations.ledger.domain.duplicates import DayIndex, Fingerprints
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.work.publisher import HasPage
from services.donations.validation.domain.record_columns import RecordColumns

INDEX_BYTES_MAX = 640 * 1024 * 1024
"""Known donations held in memory by one process, over all its shards; days not used for longest leave first."""

NO_DAY = -1


class PublishesShards(Protocol):
    """What publishes the events of a shard's last page."""

    async def publish(self, shard: HasPage) -> None: ...


class LostShard(Exception):
    """Another owner wrote the shard's page first, or the outcome of our write is unknown: start over."""


@dataclass(slots=True)
class OwnedShard:
    """What an owner holds in memory of its shard. Dropped in any doubt.

    page: the last one, as it was written. index: day → the donations known of it, the day used last at the end.
    is_anchored: whether the log was found to be the one that was read. sought_offset: where a rewind went.
    latest_day: of a shard that was empty when it was opened, the latest day that was looked up in it: no page has a
    later one. None: it had pages.
    """

    reader: RecordReader
    page: Page
    index: dict[int, DayIndex] = field(default_factory=dict)
    is_anchored: bool = False
    sought_offset: int | None = None
    latest_day: int | None = None

    @property
    def number(self) -> int:
        """The shard's own number."""
        return self.page.header.shard

    def forget_days_beyond(self, bytes_max: int) -> None:
        """Days not used for longest leave first; the one used last stays."""
        held = sum(day.size_bytes for day in self.index.values())
        while held > bytes_max and len(self.index) > 1:
            oldest = next(iter(self.index))
            held -= self.index.pop(oldest).size_bytes


class OwnedShards:
    """Opens shards for one user at a time. `count`: how many shards the ledger has; `seed`: any bytes, by chance.

    `reader`: one of as many shards that others use, too.
    """

    def __init__(
        self, pages: Pages, publisher: PublishesShards, *, count: int, seed: bytes, reader: RecordColumns | None = None
    ) -> None:
        self._pages, self._publisher = pages, publisher
        self._reader, self._fingerprints = reader or RecordColumns(count), Fingerprints(seed)
        self._open: dict[int, OwnedShard] = {}
        self._owned: set[int] = set()
        self._locks = {number: asyncio.Lock() for number in range(count)}

    @property
    def owned(self) -> list[int]:
        """The numbers of the shards that Kafka has assigned to this process."""
        return sorted(self._owned)

    def assign(self, number: int) -> None:
        """The shard is ours from now on; what was held of it is dropped."""
        self._owned.add(number)
        self._open.pop(number, None)

    def revoke(self, number: int) -> None:
        """The shard is another's from now on; what was held of it is dropped."""
        self._owned.discard(number)
        self._open.pop(number, None)

    @asynccontextmanager
    async def holding(self, number: int) -> AsyncIterator[OwnedShard]:
        """The shard as held in memory, or as its last page has it: then its outbox is published again first.

        What fails within drops all that is held, but for a Rewind, which fails nothing.
        """
        async with self._locks[number]:
            shard = self._open.get(number)
            if shard is None:
                shard = await self._load(number)
                await self._publisher.publish(shard)
                self._open[number] = shard
            try:
                yield shard
            except Rewind:
                raise
            except BaseException:
                if self._open.get(number) is shard:
                    self._open.pop(number, None)
                raise
            shard.forget_days_beyond(INDEX_BYTES_MAX // max(1, len(self._open)))

    async def _load(self, number: int) -> OwnedShard:
        page = await self._pages.last(number)
        reader = RecordReader(number, self._reader, self._fingerprints)
        if page is None:
            return OwnedShard(reader, Page(PageHeader(number)), is_anchored=True, latest_day=NO_DAY)
        return OwnedShard(reader, page)
