"""Deciding reversals, with what the shard's pages have of their ids and of the donations that they name."""

from __future__ import annotations

from collections.abc import Sequence

from services.donations.ledger.domain.batches import BatchResult, PushedRecord, unmarked_rows
from services.donations.ledger.domain.findings import RejectedRow
from services.donations.ledger.domain.reversals import PushedReversal, decide_reversals
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.work.shards import OwnedShard
from services.donations.validation.domain.reversal_lines import Reversal, reversal_of


class ReversalLookup:
    """Decides reversals, which are few: everything is looked up. `shards`: how many the ledger has."""

    def __init__(self, reversals: Reversals, shards: int) -> None:
        self._reversals, self._shards = reversals, shards

    async def decide(self, shard: OwnedShard, records: Sequence[PushedRecord]) -> BatchResult:
        """What becomes of each reversal in the records."""
        pushed = list[PushedReversal]()
        result = BatchResult(anchor=records[-1].anchor, rejected=unmarked_rows(records))
        for record in records:
            for index, raw in enumerate(record.value.split(b"\n")):
                read = self._read(shard, record, raw) if raw.strip() else None
                if isinstance(read, str):
                    row = RejectedRow(record.offset, index, raw, read, record.platform, is_reversal=True)
                    result.rejected.append(row)
                elif read is not None:
                    pushed.append(PushedReversal(record.push, record.index_in_push(index), read))
        reversals = [one.reversal for one in pushed]
        donations = await self._reversals.donations_of(shard.number, reversals)
        keys, of = {one.key for one in reversals}, {one.of for one in reversals}
        known = await self._reversals.records(shard.number, keys, of)
        result.reversals, result.findings = decide_reversals(pushed, donations, known)
        return result

    def _read(self, shard: OwnedShard, record: PushedRecord, raw: bytes) -> Reversal | str:
        return reversal_of(raw, record.platform, shard.number, self._shards)
