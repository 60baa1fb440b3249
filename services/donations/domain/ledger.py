"""A line of the ledger: records come in, duplicates and conflicts drop out, the rest lies end to end on pages.

Writing the page is the commit. The last page of a line *is* the line's state; what is held in memory beside it (the
page's columns, the index of known donations) is dropped whenever there is a doubt, and loaded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pandapack.contracts.donations import (
    DAY_OFFSET_US,
    DAY_US,
    DayPart,
    DonationsRecorded,
    ProgrammeInterval,
    day_name,
    line_of,
)
from pandapack.contracts.pages import Columns
from services.donations.domain.intake import Gift, characters_are_plain, gifts_of

PAGE_ROWS_FULL = 8_192
PAGE_FINDINGS_FULL = 8_192
"""A page also closes when so many duplicates and conflicts were found beside its rows."""
INDEX_ROWS_MAX = 2_000_000
"""Known donations held in memory by one process, over all its lines; days not used for longest leave first."""

MERCHANTS_REMEMBERED_MAX = 200_000
AT_US_MAX = 253_000_000_000_000_000
"""Times before 1970 or after 9987 are a mistake, whoever wrote them to the topic."""

Known = tuple[str, int]
"""What makes a repeat a duplicate rather than a conflict: programme and fen."""


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
    """A row that is no donation of this line: it goes to the dead letters, untouched."""

    offset: int
    place: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last record that a page took: if the log does not hold it any more, the log is another one."""

    offset: int
    timestamp_ms: int
    digest: str


@dataclass(frozen=True, slots=True)
class PageHead:
    """All of a page but its columns and what it says. `version` 0: the line has no page yet."""

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

    @property
    def next_offset(self) -> int:
        """The first offset that is not on a page yet."""
        return self.anchor.offset + 1 if self.anchor else 0


class DayIndex:
    """The donations of one line and day that are known: identity → what was given."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    def learn(self, columns: Columns, day: int) -> None:
        """Adds the rows of a page that fall on this day."""
        low, high = day * DAY_US - DAY_OFFSET_US, (day + 1) * DAY_US - DAY_OFFSET_US
        shared: dict[Known, Known] = {}
        for merchant, id, programme, fen, at_us in zip(
            columns.merchants, columns.ids, columns.programmes, columns.amounts_fen, columns.times_us, strict=True
        ):
            if low <= at_us < high:
                given = (programme, fen)
                self.known[f"{merchant}/{id}"] = shared.setdefault(given, given)


@dataclass(slots=True)
class Taken:
    """What some records hold that is new, and what is not."""

    columns: Columns = field(default_factory=Columns)
    known: dict[int, dict[str, Known]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """One record of a line: the untouched lines of a push."""

    offset: int
    timestamp_ms: int
    digest: str
    push: str
    raws: Sequence[bytes]


class Rows:
    """Reads records of one line: decodes again (others may write to the topic), and sorts out what is known."""

    def __init__(self, line: int, lines: int) -> None:
        self._line, self._lines = line, lines
        self._strangers: dict[str, bool] = {}
        self._shared: dict[Known, Known] = {}

    def decode(self, record: Input, taken: Taken) -> Columns:
        """The record's donations; what is none becomes a stray."""
        gifts = gifts_of(record.raws)
        columns = self._columns([gift for gift in gifts if isinstance(gift, Gift)])
        if len(columns) == len(gifts) and self._all_belong(columns):
            return columns
        return self._sorted_out(record, gifts, taken)

    @staticmethod
    def _columns(gifts: Sequence[Gift]) -> Columns:
        return Columns(
            [gift.id for gift in gifts],
            [gift.merchant for gift in gifts],
            [gift.programme for gift in gifts],
            [gift.amount_fen for gift in gifts],
            [round(gift.at.timestamp() * 1_000_000) for gift in gifts],
        )

    def _all_belong(self, columns: Columns) -> bool:
        """Whether all rows are this line's, at possible times, and have plain names: looked at all together."""
        if not columns.ids:
            return True
        possible = min(columns.times_us) >= 0 and max(columns.times_us) < AT_US_MAX
        plain = characters_are_plain(columns.ids) and characters_are_plain(list(set(columns.programmes)))
        return possible and plain and not any(map(self._is_stranger, set(columns.merchants)))

    def _sorted_out(self, record: Input, gifts: Sequence[Gift | str], taken: Taken) -> Columns:
        good: list[Gift] = []
        for place, (raw, gift) in enumerate(zip(record.raws, gifts, strict=True)):
            if isinstance(gift, Gift) and self._all_belong(self._columns([gift])):
                good.append(gift)
            else:
                reason = gift if isinstance(gift, str) else "another line's merchant, a strange name, or no time"
                taken.strays.append(Stray(record.offset, place, raw, reason))
        return self._columns(good)

    def _is_stranger(self, merchant: str) -> bool:
        known = self._strangers.get(merchant)
        if known is None:
            if len(self._strangers) >= MERCHANTS_REMEMBERED_MAX:
                self._strangers.clear()
            known = not characters_are_plain((merchant,)) or line_of(merchant, self._lines) != self._line
            self._strangers[merchant] = known
        return known

    def take(self, record: Input, columns: Columns, index: dict[int, DayIndex], taken: Taken) -> None:
        """Sorts a record's donations into new ones, duplicates and conflicts. `index` holds every day that occurs."""
        shared, new = self._shared, taken.columns
        for place, (id, merchant, programme, fen, at_us) in enumerate(
            zip(columns.ids, columns.merchants, columns.programmes, columns.amounts_fen, columns.times_us, strict=True)
        ):
            day = (at_us + DAY_OFFSET_US) // DAY_US
            key = f"{merchant}/{id}"
            new_known = taken.known.setdefault(day, {})
            before = index[day].known.get(key) or new_known.get(key)
            given = (programme, fen)
            if before is None:
                new_known[key] = shared.setdefault(given, given)
                new.ids.append(id)
                new.merchants.append(merchant)
                new.programmes.append(programme)
                new.amounts_fen.append(fen)
                new.times_us.append(at_us)
            else:
                kind = "duplicate" if before == given else "conflict"
                taken.findings.append(Finding(record.push, place, kind, merchant, id))
        taken.anchor = Anchor(record.offset, record.timestamp_ms, record.digest)


def days_of(columns: Columns) -> set[int]:
    """The days on which rows fall."""
    return {(at_us + DAY_OFFSET_US) // DAY_US for at_us in columns.times_us}


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
    found = base.found + len(taken.findings)
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
    fen: dict[str, int] = {}
    count: dict[str, int] = {}
    for programme, amount in zip(columns.programmes, columns.amounts_fen, strict=True):
        fen[programme] = fen.get(programme, 0) + amount
        count[programme] = count.get(programme, 0) + 1
    return tuple(
        ProgrammeInterval(
            programme=programme,
            fen_from=fronts.get(programme, 0),
            fen_to=fronts.get(programme, 0) + fen[programme],
            count=count[programme],
        )
        for programme in sorted(fen)
    )


def _day_parts(columns: Columns) -> tuple[DayPart, ...]:
    cells: dict[tuple[str, int], dict[str, tuple[int, int]]] = {}
    for merchant, programme, fen, at_us in zip(
        columns.merchants, columns.programmes, columns.amounts_fen, columns.times_us, strict=True
    ):
        merchants = cells.setdefault((programme, (at_us + DAY_OFFSET_US) // DAY_US), {})
        count, sum_fen = merchants.get(merchant, (0, 0))
        merchants[merchant] = (count + 1, sum_fen + fen)
    return tuple(
        DayPart.model_construct(
            programme=programme,
            day=day_name(day),
            count=sum(count for count, _ in merchants.values()),
            fen=sum(fen for _, fen in merchants.values()),
            merchants=merchants,
        )
        for (programme, day), merchants in sorted(cells.items())
    )
