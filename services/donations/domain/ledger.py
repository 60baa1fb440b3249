"""A line of the ledger: records come in, duplicates and conflicts drop out, the rest lies end to end on pages.

Writing the page is the commit. The last page of a line *is* the line's state; what is held in memory beside it (the
page's columns, the index of known donations) is dropped whenever there is a doubt, and loaded again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import (
    DayPart,
    DonationsRecorded,
    ProgrammeInterval,
    day_name,
)
from services.donations.domain.cells import sums_by_key
from services.donations.domain.prints import Prints

PAGE_ROWS_FULL = 16_384
PAGE_FINDINGS_FULL = 8_192
"""A page also closes when so many duplicates and conflicts were found beside its rows."""
REVERSAL_WEIGHS = 4
"""A reversal takes the room of so many findings: a page stays far below what MongoDB holds in a document."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a row that was not counted. `place` is its row in the record."""

    push: str
    place: int
    kind: str  # duplicate, conflict
    merchant: str
    id: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A row that is no donation (or no reversal) of this line: it goes to the dead letters, untouched."""

    offset: int
    place: int
    raw: bytes
    reason: str
    is_reversal: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last record that a page took: if the log does not hold it any more, the log is another one."""

    offset: int
    timestamp_ms: int
    digest: str


@dataclass(frozen=True, slots=True)
class PageHead:
    """All of a page but its columns and what it says. `version` 0: the line has no page yet.

    `found` counts what the page keeps beside its rows; `reversed_fen` is by programme, all that was ever taken back.
    """

    line: int
    number: int = 0
    version: int = 0
    closed: bool = False
    count: int = 0
    days: frozenset[int] = frozenset()
    intervals: dict[str, tuple[int, int]] = field(default_factory=dict)
    fronts: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    anchor: Anchor | None = None
    said: int = 0
    opened_day: int = 0
    found: int = 0
    reversed_fen: dict[str, int] = field(default_factory=dict)

    @property
    def next_offset(self) -> int:
        """The first offset that is not on a page yet."""
        return self.anchor.offset + 1 if self.anchor else 0


@dataclass(slots=True)
class Taken:
    """What some records hold that is new, and what is not. `prints`: day → fingerprints of its new donations."""

    columns: Columns = field(default_factory=Columns)
    prints: dict[int, Prints] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    reversals: int = 0
    anchor: Anchor | None = None


def days_of(columns: Columns) -> set[int]:
    """The days on which rows fall."""
    return set(np.unique(columns.days).tolist())


def next_page(head: PageHead, taken: Taken, today: int) -> tuple[PageHead, DonationsRecorded | None]:
    """The page after `taken`: the same one fuller, or a new one behind a closed one; and what is said of it.

    Closes a page that is full, or whose day has ended. Nothing is said where nothing is new and nothing was found.
    """
    opening = head.version == 0 or head.closed
    number = head.number + 1 if head.closed else head.number
    intervals, days = _intervals(head.fronts, taken.columns), days_of(taken.columns)
    fronts = head.fronts | {i.programme: i.fen_to for i in intervals}
    counts = _added(head.counts, intervals)
    base = PageHead(head.line, number) if opening else head
    merged = {i.programme: (base.intervals.get(i.programme, (i.fen_from, 0))[0], i.fen_to) for i in intervals}
    count = base.count + len(taken.columns)
    opened_day = today if opening else head.opened_day
    found = base.found + len(taken.findings) + REVERSAL_WEIGHS * taken.reversals
    closed = count >= PAGE_ROWS_FULL or found >= PAGE_FINDINGS_FULL or (opened_day < today and count > 0)
    page = PageHead(
        line=head.line,
        number=number,
        version=base.version + 1,
        closed=closed,
        count=count,
        days=base.days | days,
        intervals=base.intervals | merged,
        fronts=fronts,
        counts=counts,
        anchor=taken.anchor or head.anchor,
        said=head.said,
        opened_day=opened_day,
        found=found,
        reversed_fen=head.reversed_fen,
    )
    if not (len(taken.columns) or taken.findings or taken.strays):
        return page, None
    event = DonationsRecorded(
        line=head.line,
        page=number,
        count=len(taken.columns),
        intervals=intervals,
        days=_day_parts(taken.columns),
        page_closed=closed,
        page_intervals=_whole(page) if closed else (),
        duplicates=sum(finding.kind == "duplicate" for finding in taken.findings),
        conflicts=sum(finding.kind == "conflict" for finding in taken.findings),
        refused=len(taken.strays),
    )
    return replace(page, said=head.said + 1), event


def _whole(page: PageHead) -> tuple[ProgrammeInterval, ...]:
    return tuple(
        ProgrammeInterval(programme=programme, fen_from=low, fen_to=high, count=0)
        for programme, (low, high) in sorted(page.intervals.items())
    )


def _added(counts: dict[str, int], intervals: Iterable[ProgrammeInterval]) -> dict[str, int]:
    return counts | {i.programme: counts.get(i.programme, 0) + i.count for i in intervals}


def _intervals(fronts: dict[str, int], columns: Columns) -> tuple[ProgrammeInterval, ...]:
    programmes = columns.programmes
    counts = np.bincount(programmes.places, minlength=len(programmes.names))
    # A page's fen fit into the 53 bits that are exact in these sums.
    fen = np.bincount(programmes.places, weights=columns.amounts_fen, minlength=len(programmes.names)).astype(np.int64)
    occurring = {programmes.names[place]: place for place in np.flatnonzero(counts).tolist()}
    return tuple(
        ProgrammeInterval(
            programme=programme,
            fen_from=fronts.get(programme, 0),
            fen_to=fronts.get(programme, 0) + int(fen[place]),
            count=int(counts[place]),
        )
        for programme, place in sorted(occurring.items())
    )


def _day_parts(columns: Columns) -> tuple[DayPart, ...]:
    """New money by programme and day, in order, and within by merchant."""
    if not len(columns):
        return ()
    days = columns.days
    first_day, merchants, programmes = int(days.min()), columns.merchants.names, columns.programmes.names
    spanned = int(days.max()) - first_day + 1
    groups = columns.programmes.places.astype(np.int64) * spanned + (days - first_day)
    cells, counts, fen = sums_by_key(groups * len(merchants) + columns.merchants.places, columns.amounts_fen)
    order = np.argsort(cells)
    groups, places = np.divmod(cells[order], len(merchants))
    names = list(map(merchants.__getitem__, places.tolist()))
    sums = list(zip(counts[order].tolist(), fen[order].tolist(), strict=True))
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    borders = pairwise([*begins.tolist(), len(groups)])
    parts = [
        DayPart.model_construct(
            programme=programmes[group // spanned],
            day=day_name(first_day + group % spanned),
            count=sum(count for count, _ in sums[begin:end]),
            fen=sum(fen for _, fen in sums[begin:end]),
            merchants=dict(zip(names[begin:end], sums[begin:end], strict=True)),
        )
        for group, (begin, end) in zip(groups[begins].tolist(), borders, strict=True)
    ]
    return tuple(sorted(parts, key=lambda part: (part.programme, part.day)))
