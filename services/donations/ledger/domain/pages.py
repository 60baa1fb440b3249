"""A shard's pages: what is new lies end to end behind what was there, on the open page or on the one behind it.

Writing a page is the commit. The last page of a shard *is* the shard's state; what is held in memory beside it (the
index of known donations) is dropped whenever there is a doubt, and loaded again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from pandapack.contracts.causation import UNCAUSED, Causation, Cause
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import DonationsRecorded, ProgrammeInterval, shard_source
from pandapack.contracts.envelope import Event
from pandapack.contracts.outbox import OutboxEvent, outbox_of
from pandapack.contracts.pushed import PUSHED
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.findings import Anchor, Finding
from services.donations.ledger.domain.recorded import day_parts, new_intervals
from services.donations.ledger.domain.reversals import ReversalRecord, reversed_event

PAGE_ROWS_FULL = 16_384
PAGE_FINDINGS_FULL = 8_192
"""A page also closes when so many duplicates and conflicts were found beside its rows."""
REVERSAL_WEIGHS = 4
"""A reversal takes the room of so many findings: a page stays far below what MongoDB holds in a document."""


@dataclass(frozen=True, slots=True)
class PageHeader:
    """All of a page but its columns, its outbox and what was found beside. `version` 0: the shard has no page yet.

    days: days since 1970. intervals: programme → fen `[from, to)` of its fen line that the page occupies.
    fronts, counts, reversed_fen: by programme, all that the shard ever had. found: what the page keeps beside its rows.
    """

    shard: int
    number: int = 0
    version: int = 0
    closed: bool = False
    count: int = 0
    days: frozenset[int] = frozenset()
    intervals: dict[str, tuple[int, int]] = field(default_factory=dict)
    fronts: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    anchor: Anchor | None = None
    sequence: int = 0
    opened_day: int = 0
    found: int = 0
    reversed_fen: dict[str, int] = field(default_factory=dict)

    @property
    def next_offset(self) -> int:
        """The first offset that is not on a page yet."""
        return self.anchor.offset + 1 if self.anchor else 0

    @property
    def rows_left(self) -> int:
        """How many more rows the page may get before it closes; of a closed page, those of the next one."""
        return PAGE_ROWS_FULL - (0 if self.closed else self.count)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its header, its rows, the shard's events that may still have to be published, and what was found."""

    header: PageHeader
    columns: Columns = field(default_factory=Columns)
    outbox: tuple[OutboxEvent, ...] = ()
    findings: tuple[Finding, ...] = ()
    reversals: tuple[ReversalRecord, ...] = ()


def roll_over(page: Page, batch: BatchResult, *, today: int, at: datetime) -> Page:
    """The page after a batch: the same one fuller, or a new one behind a closed one.

    Closes a page that is full, or whose day has ended. Its outbox has what was there and the batch's events at `at`:
    none where nothing is new and nothing was found. `today` is in days since 1970, Asia/Shanghai.
    """
    before = page.header
    opens_new = before.closed or before.version == 0
    base = Page(PageHeader(before.shard, before.number + before.closed)) if opens_new else page
    intervals = new_intervals(before.fronts, batch.columns)
    header = _header_after(before, base.header, batch, intervals, today)
    events: list[Event] = []
    recorded = _recorded_event(header, batch, intervals)
    if recorded.count or recorded.duplicates or recorded.conflicts or recorded.refused:
        events.append(recorded)
    reversals, reversed_fen = reversed_event(header.shard, header.number, header.reversed_fen, batch.reversals)
    events += [] if reversals is None else [reversals]
    caused = [(event, _read_from(before, batch)) for event in events]
    outbox = outbox_of(caused, source=shard_source(before.shard), published=before.sequence, at=at)
    return Page(
        replace(header, reversed_fen=reversed_fen, sequence=before.sequence + len(outbox)),
        Columns.concat(base.columns, batch.columns),
        (*page.outbox, *outbox),
        (*base.findings, *(_placed(finding, header.number, base.header.count) for finding in batch.findings)),
        (*base.reversals, *batch.reversals),
    )


def _read_from(before: PageHeader, batch: BatchResult) -> Causation:
    """What made the events of a batch: the records of the shard's partition that it has."""
    if batch.anchor is None:
        return UNCAUSED
    last = batch.anchor.offset
    first = min(before.next_offset, last)  # where the log was made anew, it is read from its start
    return Causation((Cause(f"{PUSHED}/{before.shard}", first, last),), traceparent=batch.traceparent)


def _placed(finding: Finding, page: int, rows_before: int) -> Finding:
    """A finding whose first one came with it lies on the page that is written now."""
    return finding if finding.first is None else replace(finding, first=finding.first.on(page, rows_before))


def _header_after(
    before: PageHeader, base: PageHeader, batch: BatchResult, intervals: Iterable[ProgrammeInterval], today: int
) -> PageHeader:
    """`before`: of the shard's last page; `base`: of the page that the batch is added to, perhaps a new one."""
    own = {i.programme: (base.intervals.get(i.programme, (i.fen_from, 0))[0], i.fen_to) for i in intervals}
    count = base.count + len(batch.columns)
    opened_day = base.opened_day if base.version else today
    found = base.found + len(batch.findings) + REVERSAL_WEIGHS * len(batch.reversals)
    return PageHeader(
        shard=before.shard,
        number=base.number,
        version=base.version + 1,
        closed=count >= PAGE_ROWS_FULL or found >= PAGE_FINDINGS_FULL or (opened_day < today and count > 0),
        count=count,
        days=base.days | days_of(batch.columns),
        intervals=base.intervals | own,
        fronts=before.fronts | {i.programme: i.fen_to for i in intervals},
        counts=before.counts | {i.programme: before.counts.get(i.programme, 0) + i.count for i in intervals},
        anchor=batch.anchor or before.anchor,
        sequence=before.sequence,
        opened_day=opened_day,
        found=found,
        reversed_fen=before.reversed_fen,
    )


def _recorded_event(
    header: PageHeader, batch: BatchResult, intervals: tuple[ProgrammeInterval, ...]
) -> DonationsRecorded:
    return DonationsRecorded(
        shard=header.shard,
        page=header.number,
        count=len(batch.columns),
        intervals=intervals,
        days=day_parts(batch.columns),
        page_closed=header.closed,
        page_intervals=_page_intervals(header) if header.closed else (),
        duplicates=sum(finding.kind == "duplicate" for finding in batch.findings),
        conflicts=sum(finding.kind == "conflict" for finding in batch.findings),
        refused=len(batch.rejected),
    )


def _page_intervals(header: PageHeader) -> tuple[ProgrammeInterval, ...]:
    return tuple(
        ProgrammeInterval(programme=programme, fen_from=low, fen_to=high, count=0)
        for programme, (low, high) in sorted(header.intervals.items())
    )


def days_of(columns: Columns) -> set[int]:
    """The days on which rows fall, in days since 1970."""
    return set(np.unique(columns.days).tolist())
