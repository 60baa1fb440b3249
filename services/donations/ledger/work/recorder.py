"""What becomes of a shard's records: read again, sorted into new and known, and written onto its pages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from pandapack.contracts.pushed import holds_reversals
from pandapack.runtime.reactions import Record
from services.donations.ledger.domain.batches import PushedRecord
from services.donations.ledger.work.duplicates import DuplicateLookup
from services.donations.ledger.work.page_writer import PageWriter
from services.donations.ledger.work.reversals import ReversalLookup
from services.donations.ledger.work.shards import OwnedShard, OwnedShards

REVERSALS_AT_ONCE_MAX = 1_000


class Log(Protocol):
    """Where a shard's records come from."""

    async def unread(self, shard: OwnedShard, records: Sequence[Record]) -> Sequence[Record]:
        """The records behind the last page. Raises where others must be looked at first."""
        ...


class Recorder:
    """Records what comes down the shards of this process."""

    def __init__(
        self,
        shards: OwnedShards,
        log: Log,
        duplicates: DuplicateLookup,
        reversals: ReversalLookup,
        writer: PageWriter,
    ) -> None:
        self._shards, self._log, self._duplicates = shards, log, duplicates
        self._reversals, self._writer = reversals, writer

    async def record(self, number: int, records: Sequence[Record]) -> None:
        """Records a batch of one shard, page by page; a record never straddles pages.

        Reversals lie behind the donations that came before them. Raises: the partition is rewound and tried again.
        """
        async with self._shards.holding(number) as shard:
            unread = await self._log.unread(shard, records)
            for are_reversals, group in groupby(unread, lambda record: holds_reversals(record.headers)):
                lookup = self._reversals if are_reversals else self._duplicates
                some: list[PushedRecord] = []
                lines = 0
                for record in map(PushedRecord.of, group):
                    some.append(record)
                    lines += record.lines
                    if lines >= (REVERSALS_AT_ONCE_MAX if are_reversals else shard.page.header.rows_left):
                        await self._writer.write(shard, await lookup.decide(shard, some))
                        some, lines = [], 0
                if some:
                    await self._writer.write(shard, await lookup.decide(shard, some))
