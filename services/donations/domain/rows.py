"""A line's records become rows: read again (others may write to the topic), and sorted into new and known.

Three steps, between which the owner fetches what is missing: `read` the records, ask the index of each day for
`suspects`, and `settle` them by what the pages hold that were named. Most rows are no suspects, and are never looked at
one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_number
from services.donations.domain.duplicates import DayIndex, Fingerprints, PageLookup
from services.donations.domain.ledger import Anchor, Finding, Stray, Taken
from services.donations.domain.prints import Offsets, Prints
from services.donations.domain.reading import LineReader, Read
from services.donations.domain.text import Text

AT_US_MAX = 253_000_000_000_000_000
"""Times before 1970 or after 9987 are a mistake, whoever wrote them to the topic."""
DIGEST_BYTES = 16
NO_DONATION_OF_THIS_LINE = "another line's merchant, a strange name, or no time"

Identity = tuple[str, str, int]
"""Merchant, id, day: what makes two donations one."""
Given = tuple[str, int]
"""Programme and fen: what makes a repeat a duplicate rather than a conflict."""
Known = dict[Identity, Given]


@dataclass(frozen=True, slots=True)
class Input:
    """One record of a line: the untouched lines of a push."""

    offset: int
    timestamp_ms: int
    push: str
    value: bytes

    @property
    def anchor(self) -> Anchor:
        """What is kept of the last record that a page took."""
        return Anchor(self.offset, self.timestamp_ms, blake2b(self.value, digest_size=DIGEST_BYTES).hexdigest())

    @property
    def lines(self) -> int:
        """How many lines it has, empty ones included."""
        return self.value.count(b"\n") + 1


@dataclass(slots=True)
class Batch:
    """Some records of a line, read. Of each row: its line in the text, its day, its fingerprint."""

    records: Sequence[Input]
    text: Text
    columns: Columns
    lines: Offsets
    days: npt.NDArray[np.int64]
    prints: Prints
    strays: list[Stray] = field(default_factory=list)

    def rows_of_days(self) -> dict[int, Offsets]:
        """Day → its rows, in order."""
        if len(self.days) and self.days.min() == self.days.max():
            return {int(self.days[0]): np.arange(len(self.days))}
        return {day: np.flatnonzero(self.days == day) for day in np.unique(self.days).tolist()}

    def known_on(self, page: PageLookup, rows: Iterable[int]) -> Known:
        """What a page holds under the fingerprints of some rows."""
        return dict(_identity(page.columns, row) for row in page.rows(self.prints[sorted(rows)]))


def _identity(columns: Columns, row: int) -> tuple[Identity, Given]:
    one = columns.row(row)
    return (one.merchant, one.id, day_number(one.at_us)), (one.programme, one.amount_fen)


@dataclass(slots=True)
class Suspects:
    """Rows that may be known already, and the pages that would have them: page → rows."""

    rows: set[int] = field(default_factory=set)
    pages: dict[int, set[int]] = field(default_factory=dict)


class Rows:
    """Reads and sorts the records of one line."""

    def __init__(self, line: int, reader: LineReader, fingerprints: Fingerprints) -> None:
        self._line, self._reader, self._fingerprints = line, reader, fingerprints

    def read(self, records: Sequence[Input]) -> Batch:
        """The records' donations; what is none becomes a stray."""
        text = Text(*[record.value for record in records])
        read = self._reader.read(text)
        times = read.columns.times_us
        fits = (read.homes == self._line) & (times >= 0) & (times < AT_US_MAX)
        strays = _strays(records, text, read, read.lines[~fits].tolist())
        columns, lines = read.columns, read.lines
        if not fits.all():
            rows = np.flatnonzero(fits)
            columns, lines = columns.take(rows), lines[rows]
        return Batch(records, text, columns, lines, columns.days, self._fingerprints.of(columns), strays)

    def lookup(self, columns: Columns) -> PageLookup:
        """A page, ready to be asked for what it holds."""
        return PageLookup(columns, self._fingerprints.of(columns))

    def learn(self, index: DayIndex, day: int, page: int, columns: Columns) -> None:
        """A page's donations of one day, into the day's index."""
        rows = np.flatnonzero(columns.days == day)
        index.learn(self._fingerprints.of(columns.take(rows)), page)

    @staticmethod
    def suspects(batch: Batch, index: Mapping[int, DayIndex]) -> Suspects:
        """Rows that the index perhaps knows, or that the batch perhaps has twice. `index` holds every day of it."""
        suspects = Suspects()
        for day, of_day in batch.rows_of_days().items():
            rows = of_day[np.argsort(batch.prints[of_day])]
            prints = batch.prints[rows]
            for page, on_page in index[day].find(prints, rows).items():
                suspects.pages.setdefault(page, set()).update(on_page)
                suspects.rows |= on_page
            suspects.rows.update(rows[_repeated(prints)].tolist())
        return suspects

    @staticmethod
    def settle(batch: Batch, suspects: Suspects, on_pages: Known) -> Taken:
        """Sorts the batch into what is new and what is not. `on_pages`: what the pages named by the suspects hold."""
        known = dict(on_pages)
        taken = Taken(strays=batch.strays, anchor=batch.records[-1].anchor)
        is_new = np.ones(len(batch.columns), bool)
        places = _Places(batch.records)
        for row in sorted(suspects.rows):
            identity, given = _identity(batch.columns, row)
            before = known.get(identity)
            if before is None:
                known[identity] = given
            else:
                is_new[row] = False
                record, place = places.of(int(batch.text.starts[batch.lines[row]]))
                kind = "duplicate" if before == given else "conflict"
                taken.findings.append(Finding(record.push, place, kind, identity[0], identity[1]))
        taken.columns = batch.columns if is_new.all() else batch.columns.take(np.flatnonzero(is_new))
        for day, of_day in batch.rows_of_days().items():
            taken.prints[day] = batch.prints[of_day[is_new[of_day]]]
        return taken


class _Places:
    """Which byte of a batch's text lies on which line of which record."""

    def __init__(self, records: Sequence[Input]) -> None:
        self._records = records
        self._begins = [0, *accumulate(len(record.value) + 1 for record in records)]

    def of(self, offset: int) -> tuple[Input, int]:
        """The record, and the line within it; blank ones count."""
        at = bisect_right(self._begins, offset) - 1
        record = self._records[at]
        return record, record.value.count(b"\n", 0, offset - self._begins[at])


def _strays(records: Sequence[Input], text: Text, read: Read, strangers: Iterable[int]) -> list[Stray]:
    reasons = read.refused | dict.fromkeys((*read.not_plain, *strangers), NO_DONATION_OF_THIS_LINE)
    places, strays = _Places(records), list[Stray]()
    for line, reason in sorted(reasons.items()):
        record, place = places.of(int(text.starts[line]))
        strays.append(Stray(record.offset, place, text.line(line), reason))
    return strays


def _repeated(prints: Prints) -> npt.NDArray[np.bool_]:
    """Which of some fingerprints in order are there twice."""
    same = np.diff(prints) == 0
    return np.concatenate((same, [False])) | np.concatenate(([False], same))
