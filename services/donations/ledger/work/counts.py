"""What became of lines on the ledger, counted a batch: what its pages hold, and what was found beside them."""

from __future__ import annotations

from collections import Counter

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.telemetry import DONATIONS, PAGE_WRITE
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.reversals import TAKEN
from services.donations.ledger.work.page_writer import PageWriter
from services.donations.ledger.work.shards import OwnedShard


class CountedPageWriter(PageWriter):
    """Writes pages of the ledger that counts. How long a batch takes is told with its dead letters and its events."""

    async def write(self, shard: OwnedShard, result: BatchResult) -> None:
        began_s = monotonic_s()
        await super().write(shard, result)
        PAGE_WRITE.observe(monotonic_s() - began_s)
        for outcome, lines in outcomes_of(result).items():
            DONATIONS.labels(outcome).inc(lines)


def outcomes_of(result: BatchResult) -> Counter[str]:
    """What became of a batch's lines: recorded, duplicate, conflict, parked, refused, reversed, rejected → how many."""
    outcomes = Counter(finding.kind for finding in result.findings)
    outcomes["recorded"] += len(result.columns)
    outcomes["rejected"] += len(result.rejected)
    outcomes["reversed"] += sum(record.state == TAKEN for record in result.reversals)
    return +outcomes
