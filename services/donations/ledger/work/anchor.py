"""Whether the log still is the one that was read, and goes on where the last page ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from pandapack.runtime.clock import Clock
from pandapack.runtime.partitions import Rewind
from pandapack.runtime.reactions import Record
from pandapack.runtime.store import Command, Store
from services.donations.ledger.domain.batches import anchor_of
from services.donations.ledger.domain.gaps import ShardGaps, allows, stop
from services.donations.ledger.work.shards import OwnedShard

log = structlog.get_logger(__name__)


class InputLost(Exception):
    """The log begins beyond the next record: input is gone. A person must look; an audited command resumes."""


class LogAnchor:
    """Compares a shard's log with its last page."""

    def __init__(self, gaps: Store[ShardGaps], clock: Clock) -> None:
        self._gaps, self._clock = gaps, clock

    async def unread(self, shard: OwnedShard, records: Sequence[Record]) -> Sequence[Record]:
        """The records behind the last page. Raises Rewind to look at others first, InputLost where some are gone."""
        first, anchor = records[0].offset, shard.page.header.anchor
        if not shard.is_anchored:
            assert anchor is not None, "a shard with pages has an anchor"
            if shard.sought_offset is None and first != anchor.offset:
                shard.sought_offset = anchor.offset
                raise Rewind(anchor.offset, "to the last record that is on a page, to compare it")
            if not self._is_same_log(shard, records[0]):
                return records
        expected = shard.page.header.next_offset
        unread = [record for record in records if record.offset >= expected]
        if unread and unread[0].offset > expected:
            if shard.sought_offset != expected:
                shard.sought_offset = expected
                raise Rewind(expected, "records were passed over")
            await self._check_gap(shard.number, expected, unread[0].offset)
        shard.sought_offset = None
        return unread

    @staticmethod
    def _is_same_log(shard: OwnedShard, record: Record) -> bool:
        """Whether the log still is the one that was read. Raises Rewind to read another one from its start."""
        anchor = shard.page.header.anchor
        assert anchor is not None, "a shard with pages has an anchor"
        shard.is_anchored, shard.sought_offset = True, None
        if record.offset > anchor.offset:
            return True  # the last record has left the log by age; a gap behind it would be found by its offset
        if record.offset == anchor.offset and anchor_of(record.offset, record.timestamp, record.value or b"") == anchor:
            return True
        # The log lost its tail, or the topic was made anew: read it all again, exact duplicates make it harmless.
        log.error("log_is_another", shard=shard.number, wanted=anchor.offset, found=record.offset)
        shard.page = replace(shard.page, header=replace(shard.page.header, anchor=None))
        if record.offset > 0:
            raise Rewind(0, "the log is not the one that was read")
        return False

    async def _check_gap(self, number: int, wanted: int, begins: int) -> None:
        """Input is gone. Notes that the shard stopped and raises InputLost, unless an operator let this gap go."""
        known = await self._gaps.get(str(number))
        if known is not None and allows(known, wanted, begins):
            log.error("shard_resumed_behind_a_gap", shard=number, wanted=wanted, begins=begins)
            return
        detail = f"shard {number}: offset {wanted} is wanted, the log begins at {begins}"
        command = Command(f"stopped {wanted} {begins}", detail)
        at = self._clock.wall()
        await self._gaps.change(str(number), lambda state: stop(state, wanted, begins, at), command)
        raise InputLost(f"{detail}; POST /v1/shards/{number}/resume lets it resume without what is between")
