"""What becomes of a shard's records: read again, sorted into new and known, and written onto its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import structlog

from pandapack.contracts.pushed import holds_reversals
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.reactions import Record
from services.donations.ledger.domain.batches import BatchResult, PushedRecord, last_trace
from services.donations.ledger.work.duplicates import DuplicateLookup
from services.donations.ledger.work.page_writer import PageWriter
from services.donations.ledger.work.reversals import ReversalLookup
from services.donations.ledger.work.shards import OwnedShard, OwnedShards

REVERSALS_AT_ONCE_MAX = 1_000
PUSHES_TOLD_MAX = 8
"""Ids of pushes in a batch's line of the log: enough to find one's own at a low rate, and a bounded line at a high."""

PUSH_CHARACTERS_MAX = 64
"""Whoever may write to the topic names it: ours have 28."""

log = structlog.get_logger(__name__)


class Decides(Protocol):
    """What sorts records of a shard into new and known."""

    async def decide(self, shard: OwnedShard, records: list[PushedRecord]) -> BatchResult: ...


@dataclass(slots=True)
class BatchAccount:
    """What the log tells of a batch of one shard: where, how much, whose, and how long it took."""

    shard: int
    began_s: float
    records: int = 0
    rows: int = 0
    pages: int = 0
    pushes: dict[str, None] = field(default_factory=dict)

    def add(self, records: Sequence[PushedRecord], result: BatchResult) -> None:
        """These were written onto a page."""
        self.records += len(records)
        self.rows += len(result.columns) + len(result.reversals)
        self.pages += 1
        self.pushes |= dict.fromkeys(record.push[:PUSH_CHARACTERS_MAX] for record in records)

    def tell(self) -> None:
        """Logs it, once all of it is written; nothing where nothing was new."""
        if not self.pages:
            return
        told: dict[str, Any] = {"pushes": list(islice(self.pushes, PUSHES_TOLD_MAX))}
        if len(self.pushes) > PUSHES_TOLD_MAX:
            told["pushes_more"] = len(self.pushes) - PUSHES_TOLD_MAX
        took_ms = round((monotonic_s() - self.began_s) * 1000, 1)
        log.info("batch", shard=self.shard, records=self.records, rows=self.rows, took_ms=took_ms, **told)


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
        account = BatchAccount(number, monotonic_s())
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
                        await self._write(shard, lookup, some, account)
                        some, lines = [], 0
                if some:
                    await self._write(shard, lookup, some, account)
        account.tell()

    async def _write(
        self, shard: OwnedShard, lookup: Decides, records: list[PushedRecord], account: BatchAccount
    ) -> None:
        result = await lookup.decide(shard, records)
        result.traceparent = last_trace(records)
        await self._writer.write(shard, result)
        account.add(records, result)

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
