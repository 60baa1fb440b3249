"""What becomes of a shard's records: read again, sorted into new and known, and written onto its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


IsMarked = Callable[[int, Record], bool]
"""Whether the door let a record in, for this shard."""


class Recorder:
    """Records what comes down the shards of this process."""

    def __init__(
        self,
        shards: OwnedShards,
        log: Log,
        duplicates: DuplicateLookup,
        reversals: ReversalLookup,
        writer: PageWriter,
        is_marked: IsMarked,
    ) -> None:
        self._shards, self._log, self._duplicates = shards, log, duplicates
        self._reversals, self._writer, self._is_marked = reversals, writer, is_marked

    async def record(self, number: int, records: Sequence[Record]) -> None:
        """Records a batch of one shard, page by page; a record never straddles pages.

        Reversals lie behind the donations that came before them. Raises: the partition is rewound and tried again.
        """
        async with self._shards.holding(number) as shard:
            unread = await self._log.unread(shard, records)
            for are_reversals, group in self._by_kind(number, unread):
                lookup = self._reversals if are_reversals else self._duplicates
                some: list[PushedRecord] = []
                lines = 0
                for record in group:
                    some.append(record)
                    lines += record.lines
                    if lines >= (REVERSALS_AT_ONCE_MAX if are_reversals else shard.page.header.rows_left):
                        await self._writer.write(shard, await lookup.decide(shard, some))
                        some, lines = [], 0
                if some:
                    await self._writer.write(shard, await lookup.decide(shard, some))

    def _by_kind(self, number: int, records: Sequence[Record]) -> Iterator[tuple[bool, list[PushedRecord]]]:
        """Runs of records of one kind, and whether it is reversals.

        One that nobody marked is of the kind before it: it holds no rows, and must not cost a write of its own.
        """
        some: list[PushedRecord] = []
        are_reversals = False
        for record in records:
            is_marked = self._is_marked(number, record)
            if is_marked and holds_reversals(record.headers) is not are_reversals:
                if some:
                    yield are_reversals, some
                some, are_reversals = [], not are_reversals
            some.append(PushedRecord.of(record, is_marked=is_marked))
        if some:
            yield are_reversals, some
