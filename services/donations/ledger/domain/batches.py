"""A shard's records become rows: those that the door marked are read, and sorted into new and known.

Three steps, between which the owner fetches what is missing: `read` the records, ask the index of each day for
`suspects`, and `decide` them by what the pages hold that were named. Most rows are no suspects, and are never looked at
one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pandapack.contracts.causation import traceparent_of
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import AMOUNT_FEN_MAX, day_name, day_number
from pandapack.contracts.pushed import PUSH_HEADER, TRACE_HEADER, header_text, packed_lines_of, platform_of
from pandapack.contracts.pushed_columns import Numbers, rows_claimed
from pandapack.contracts.pushed_lines import index_in_push
from pandapack.contracts.pushed_rows import lines_of
from services.donations.ledger.domain.duplicates import DayIndex, Fingerprints, PageLookup
from services.donations.ledger.domain.findings import Anchor, Finding, First, RejectedRow
from services.donations.ledger.domain.fingerprints import FingerprintArray, Offsets
from services.donations.ledger.domain.reversals import ReversalRecord
from services.donations.validation.domain.failures import AT_US_MAX, UNMARKED, UNREADABLE
from services.donations.validation.domain.reader import donation_of
from services.donations.validation.domain.record_columns import RecordColumns
from services.donations.validation.domain.scopes import LinePlatforms

DIGEST_BYTES = 16
NO_DONATION_OF_THIS_SHARD = "another shard's merchant, a strange name, or no time"

Identity = tuple[str, str, int]
"""Merchant (scoped), id, day: what makes two donations one."""
Known = dict[Identity, First]
"""What counts under each identity."""


class Record(Protocol):
    """As much of a Kafka record as the ledger reads. `timestamp`: the broker's, ms since 1970 UTC."""

    offset: int
    timestamp: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class PushedRecord:
    """One record of a shard: the rows of a platform's push, as columns, or its reversals, a line each.

    `packed_lines`: which lines of the push they are (`contracts.pushed_lines`); None where that is not known.
    `unmarked`: all bytes of a record that the door did not let in; it has no push, no platform and no rows then.
    `traceparent`: of the trace that its push is part of.
    """

    offset: int
    timestamp_ms: int
    push: str
    platform: str
    value: bytes
    packed_lines: bytes | None = None
    unmarked: bytes | None = None
    traceparent: str | None = None

    @classmethod
    def of(cls, record: Record, *, is_marked: bool) -> PushedRecord:
        """A Kafka record as it is. Never raises: headers may be null or no text."""
        if not is_marked:
            return cls(record.offset, record.timestamp, "", "", b"", unmarked=record.value or b"")
        headers = record.headers
        push, platform, lines = header_text(headers, PUSH_HEADER), platform_of(headers), packed_lines_of(headers)
        trace = traceparent_of(header_text(headers, TRACE_HEADER))
        return cls(record.offset, record.timestamp, push, platform, record.value or b"", lines, traceparent=trace)

    @property
    def anchor(self) -> Anchor:
        """What a page keeps of the last record that is on it."""
        return anchor_of(self.offset, self.timestamp_ms, self.value if self.unmarked is None else self.unmarked)

    @property
    def lines(self) -> int:
        """How many rows it says it has; of reversals how many lines, empty ones included."""
        return rows_claimed(self.value) or self.value.count(b"\n") + 1

    def index_in_push(self, line: int) -> int | None:
        """The index in the push of one of its rows; None where that is not known."""
        return index_in_push(self.packed_lines, line)


def anchor_of(offset: int, timestamp_ms: int, value: bytes) -> Anchor:
    """What a page keeps of a record with these bytes."""
    return Anchor(offset, timestamp_ms, blake2b(value, digest_size=DIGEST_BYTES).hexdigest())


def last_trace(records: Sequence[PushedRecord]) -> str | None:
    """The `traceparent` of the last record that has one."""
    return next((one.traceparent for one in reversed(records) if one.traceparent is not None), None)


def unmarked_rows(records: Iterable[PushedRecord]) -> list[RejectedRow]:
    """The records that the door did not mark: each is rejected as it is, whatever it holds."""
    return [RejectedRow(one.offset, None, one.unmarked, UNMARKED) for one in records if one.unmarked is not None]


@dataclass(slots=True)
class BatchResult:
    """What some records hold that is new, and what is not. `fingerprints`: day → those of its new donations.

    `traceparent`: the last that any of them has. An event tells of many pushes, and names one trace.
    """

    columns: Columns = field(default_factory=Columns)
    fingerprints: dict[int, FingerprintArray] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    reversals: list[ReversalRecord] = field(default_factory=list)
    anchor: Anchor | None = None
    traceparent: str | None = None


@dataclass(slots=True)
class Batch:
    """Some records of a shard, read. `days`, `fingerprints`: of each row its day, and its mark.

    `columns`, `places`, `days` and `fingerprints` are equally long; days are in days since 1970. `places`: which of all
    rows of the records each is; `ends`, shape (records,): where those of each record end.
    """

    records: Sequence[PushedRecord]
    columns: Columns
    places: Offsets
    ends: Numbers
    days: npt.NDArray[np.int64]
    fingerprints: FingerprintArray
    rejected: list[RejectedRow] = field(default_factory=list)

    def rows_of_days(self) -> dict[int, Offsets]:
        """Day → its rows, in order."""
        if len(self.days) and self.days.min() == self.days.max():
            return {int(self.days[0]): np.arange(len(self.days))}
        return {day: np.flatnonzero(self.days == day) for day in np.unique(self.days).tolist()}

    def at(self, row: int) -> tuple[PushedRecord, int]:
        """The record that a row came in, and which of its rows it is."""
        return _record_at(self.records, self.ends, int(self.places[row]))

    def known_on(self, number: int, page: PageLookup, rows: Iterable[int]) -> Known:
        """What a page, which has this number, holds under the fingerprints of some rows."""
        return dict(_identity(page.columns, row, number) for row in page.rows(self.fingerprints[sorted(rows)]))


def _identity(columns: Columns, row: int, page: int | None = None) -> tuple[Identity, First]:
    one = columns.row(row)
    first = First(one.programme, one.amount_fen, one.at_us, page, row)
    return (one.merchant, one.id, day_number(one.at_us)), first


@dataclass(slots=True)
class Suspects:
    """Rows that may be known already, and the pages that would have them: page → rows."""

    rows: set[int] = field(default_factory=set)
    pages: dict[int, set[int]] = field(default_factory=dict)


class RecordReader:
    """Reads and sorts the records of one shard."""

    def __init__(self, shard: int, reader: RecordColumns, fingerprints: Fingerprints) -> None:
        self._shard, self._reader, self._fingerprints = shard, reader, fingerprints

    def read(self, records: Sequence[PushedRecord]) -> Batch:
        """The records' donations; what is none becomes a rejected row."""
        values = [record.value if record.platform else b"" for record in records]
        read = self._reader.read(values, _platforms_of(records))
        columns, ends = read.columns, np.cumsum(read.rows_in)
        amounts, times = columns.amounts_fen, columns.times_us
        fits = (read.shards == self._shard) & (times >= 0) & (times < AT_US_MAX)
        fits &= (amounts > 0) & (amounts <= AMOUNT_FEN_MAX)
        if read.is_named is not None:
            fits &= read.is_named
        places = np.arange(len(columns))
        rejected = unmarked_rows(records)
        if not read.rows_in.all():
            rejected += _unreadable(records, read.rows_in)
        if not fits.all():
            rejected += _rejected_rows(records, ends, np.flatnonzero(~fits))
            places = np.flatnonzero(fits)
            columns = columns.take(places)
        return Batch(records, columns, places, ends, columns.days, self._fingerprints.of(columns), rejected)

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
            rows = of_day[np.argsort(batch.fingerprints[of_day])]
            fingerprints = batch.fingerprints[rows]
            for page, on_page in index[day].find(fingerprints, rows).items():
                suspects.pages.setdefault(page, set()).update(on_page)
                suspects.rows |= on_page
            suspects.rows.update(rows[_repeated(fingerprints)].tolist())
        return suspects

    @staticmethod
    def decide(batch: Batch, suspects: Suspects, on_pages: Known) -> BatchResult:
        """Sorts the batch into what is new and what is not. `on_pages`: what the pages named by the suspects hold."""
        known = dict(on_pages)
        result = BatchResult(rejected=batch.rejected, anchor=batch.records[-1].anchor)
        is_new = np.ones(len(batch.columns), bool)
        for row in sorted(suspects.rows):
            identity, one = _identity(batch.columns, row)
            before = known.get(identity)
            if before is None:
                # Rows are decided in order, and what is new so far says which row of the page this will be.
                known[identity] = one._replace(row=int(np.count_nonzero(is_new[:row])))
            else:
                is_new[row] = False
                record, line = batch.at(row)
                kind = "duplicate" if before.is_repeated_by(one) else "conflict"
                merchant, id, day = identity
                index = record.index_in_push(line)
                found = Finding(record.push, index, kind, merchant, id, day_name(day), one.amount_fen, before)
                result.findings.append(found)
        result.columns = batch.columns if is_new.all() else batch.columns.take(np.flatnonzero(is_new))
        for day, of_day in batch.rows_of_days().items():
            result.fingerprints[day] = batch.fingerprints[of_day[is_new[of_day]]]
        return result


def _record_at(records: Sequence[PushedRecord], ends: Numbers, place: int) -> tuple[PushedRecord, int]:
    """The record that has a row of a batch, and which of its rows that is. `ends`: where the rows of each end."""
    at = int(np.searchsorted(ends, place, side="right"))
    return records[at], place - (int(ends[at - 1]) if at else 0)


def _platforms_of(records: Sequence[PushedRecord]) -> LinePlatforms:
    """Whose each record is."""
    numbers: dict[str, int] = {}
    of_record = [numbers.setdefault(record.platform, len(numbers)) for record in records]
    return LinePlatforms(list(numbers), np.array(of_record, np.int32))


def _unreadable(records: Sequence[PushedRecord], rows_in: Numbers) -> list[RejectedRow]:
    """The records that the door marked and that hold no columns all the same: each is rejected as it is."""
    without = [records[number] for number in np.flatnonzero(rows_in == 0).tolist()]
    marked = [record for record in without if record.unmarked is None]
    return [RejectedRow(one.offset, None, one.value, UNREADABLE, one.platform) for one in marked]


def _rejected_rows(records: Sequence[PushedRecord], ends: Numbers, places: Offsets) -> list[RejectedRow]:
    """Rows that do not fit, each written out as the line that it was."""
    rejected, written = list[RejectedRow](), dict[int, list[bytes]]()
    for place in places.tolist():
        record, index = _record_at(records, ends, place)
        lines = written.get(record.offset)
        if lines is None:
            lines = written[record.offset] = lines_of(record.value)
        line = lines[index]
        why = donation_of(line)
        reason = why if isinstance(why, str) else NO_DONATION_OF_THIS_SHARD
        rejected.append(RejectedRow(record.offset, index, line, reason, record.platform))
    return rejected


def _repeated(fingerprints: FingerprintArray) -> npt.NDArray[np.bool_]:
    """Which of some fingerprints in order are there twice."""
    same = np.diff(fingerprints) == 0
    return np.concatenate((same, [False])) | np.concatenate(([False], same))
