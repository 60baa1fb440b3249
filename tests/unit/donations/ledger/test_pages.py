"""The ledger's arithmetic, against a plain oracle: a dict of identities, fen for fen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import (
    DonationsRecorded,
    day_name,
    day_number,
    microseconds_of,
    scoped,
    shard_of,
    shard_source,
)
from pandapack.contracts.envelope import decode, read_as
from pandapack.contracts.pushed_lines import packed_lines
from services.donations.ledger.domain import pages
from services.donations.ledger.domain.batches import BatchResult, Known, PushedRecord, RecordReader, last_trace
from services.donations.ledger.domain.duplicates import DayIndex, Fingerprints
from services.donations.ledger.domain.findings import Finding, First
from services.donations.ledger.domain.fingerprints import FingerprintArray
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.store.pages import page_of, row_of
from services.donations.validation.domain.failures import UNMARKED, UNREADABLE, failure_of
from services.donations.validation.domain.reader import DonationLine, donations_of
from services.donations.validation.domain.record_columns import RecordColumns
from tests.pushed import columns_of

SHARDS = 2
PLATFORM, OTHER_PLATFORM = "shop", "till"
HERE = [m for m in (f"M{n}" for n in range(40)) if shard_of(scoped(PLATFORM, m), SHARDS) == 0]
MERCHANTS = [m for m in HERE if shard_of(scoped(OTHER_PLATFORM, m), SHARDS) == 0][:4]
"""Of both platforms these live here."""
STRANGER = next(m for m in (f"M{n}" for n in range(40)) if shard_of(scoped(PLATFORM, m), SHARDS) == 1)
DAYS = ["2021-03-01T23:59:59+08:00", "2021-03-02T00:00:00+08:00", "2021-03-01T16:30:00Z"]
TODAY = 18_687
AT = datetime(2021, 3, 2, tzinfo=UTC)
BROKEN = {"id": "1", "merchant": MERCHANTS[0], "programme": "p", "amount_fen": 1, "at": "1969-12-31T23:59:59+00:00"}
"""What the door would not let in."""
NO_ROWS = b"nothing"

DONATIONS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*(str(n) for n in range(4)), "007", "A-7"]),
        "merchant": st.sampled_from([*MERCHANTS, STRANGER]),
        "programme": st.sampled_from(["love-parcel", "sports"]),
        "amount_fen": st.integers(1, 3),
        "at": st.sampled_from(DAYS),
    }
)
RECORDS = st.lists(st.lists(st.one_of(DONATIONS, st.just("broken")), max_size=6), max_size=12)


class Shard:
    """A shard as its owner runs it, without Kafka and MongoDB."""

    def __init__(self, fingerprints: Fingerprints | None = None) -> None:
        self.reader = RecordReader(0, RecordColumns(SHARDS), fingerprints or Fingerprints(b"seed"))
        self.page = Page(PageHeader(0))
        self.columns: list[Columns] = []
        """Of each page."""
        self.published: list[DonationsRecorded] = []
        self.rejected = 0
        self.findings: list[str] = []

    def index(self, days: Iterable[int]) -> dict[int, DayIndex]:
        """Loaded from pages each time: an index dropped at any moment changes nothing."""
        loaded = {day: DayIndex() for day in days}
        for day, index in loaded.items():
            for number, columns in enumerate(self.columns):
                self.reader.learn(index, day, number, columns)
        return loaded

    def decide(self, *records: PushedRecord) -> BatchResult:
        """What of the records is new, and what is known."""
        batch = self.reader.read(records)
        suspects = self.reader.suspects(batch, self.index(batch.rows_of_days()))
        known: Known = {}
        for page, rows in suspects.pages.items():
            known |= batch.known_on(page, self.reader.lookup(self.columns[page]), rows)
        return self.reader.decide(batch, suspects, known)

    def record(self, offset: int, *records: list[Any]) -> None:
        """Writes some records onto the page, and publishes what is new."""
        result = self.decide(*(record_of(offset + index, lines) for index, lines in enumerate(records)))
        before, self.page = self.page.header, roll_over(self.page, result, today=TODAY, at=AT)
        header = self.page.header
        if header.number != before.number or before.version == 0:
            self.columns.append(Columns())
        self.columns[-1] = Columns.concat(self.columns[-1], result.columns)
        assert list(self.page.columns.rows()) == list(self.columns[-1].rows())
        self.rejected += len(result.rejected)
        self.findings += [finding.kind for finding in result.findings]
        events = events_of(self.page)
        assert header.sequence == before.sequence + len(events)
        self.published += events
        self.page = replace(self.page, outbox=())


def events_of(page: Page) -> list[DonationsRecorded]:
    """What is in a page's outbox; its numbers end where the shard's sequence does."""
    envelopes = [decode(event.envelope) for event in page.outbox]
    first = page.header.sequence - len(envelopes) + 1
    assert [envelope.number for envelope in envelopes] == list(range(first, page.header.sequence + 1))
    assert all(envelope.source == shard_source(page.header.shard) for envelope in envelopes)
    return [read_as(envelope, DonationsRecorded) for envelope in envelopes]


def record_of(offset: int, lines: list[Any], platform: str = PLATFORM) -> PushedRecord:
    rows = [BROKEN if line == "broken" else line for line in lines]
    value = columns_of(*(json.dumps(row).encode() for row in rows), platform=platform)
    return PushedRecord(offset, 0, "p", platform, value or NO_ROWS)


def day_of(donation: dict[str, Any]) -> str:
    return day_name(day_number(microseconds_of(datetime.fromisoformat(donation["at"]))))


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(1, 5))
def test_any_sequence_of_records_gives_the_ledger_of_a_plain_dict(records: list[list[Any]], at_once: int) -> None:
    shard = Shard()
    for offset in range(0, len(records), at_once):
        shard.record(offset, *records[offset : offset + at_once])
    agrees_with_a_dict(shard, records)


@settings(max_examples=40, deadline=None)
@given(RECORDS)
def test_fingerprints_that_are_all_alike_only_cost_time(records: list[list[Any]]) -> None:
    shard = Shard(AllAlike(b"seed"))
    for offset, lines in enumerate(records):
        shard.record(offset, lines)
    agrees_with_a_dict(shard, records)


class AllAlike(Fingerprints):
    """What an adversary would like: all donations have the same fingerprint."""

    def of(self, columns: Columns) -> FingerprintArray:
        return np.full(len(columns), 7, np.uint64)


def agrees_with_a_dict(shard: Shard, records: list[list[Any]]) -> None:
    """Rows, duplicates, conflicts and rejected rows are those of a dict by identity, which keeps what came first."""
    oracle: dict[tuple[str, str, str], Any] = {}
    duplicates = conflicts = 0
    rejected = sum(not lines for lines in records)  # of each that holds no columns
    for donation in (donation for lines in records for donation in lines):
        if donation == "broken" or donation["merchant"] == STRANGER:
            rejected += 1
            continue
        before = oracle.setdefault((scoped(PLATFORM, donation["merchant"]), donation["id"], day_of(donation)), donation)
        if before is not donation:
            same = (donation["programme"], donation["amount_fen"]) == (before["programme"], before["amount_fen"])
            duplicates, conflicts = duplicates + same, conflicts + (not same)
    rows = [row for columns in shard.columns for row in columns.rows()]
    assert sorted((row.merchant, row.id, row.programme, row.amount_fen) for row in rows) == sorted(
        (scoped(PLATFORM, one["merchant"]), one["id"], one["programme"], one["amount_fen"]) for one in oracle.values()
    )
    assert (shard.findings.count("duplicate"), shard.findings.count("conflict")) == (duplicates, conflicts)
    assert shard.rejected == rejected


@settings(max_examples=50, deadline=None)
@given(RECORDS, st.integers(1, 5))
def test_the_donations_to_a_programme_lie_end_to_end_on_the_shard(records: list[list[Any]], rows_full: int) -> None:
    shard = Shard()
    full, pages.PAGE_ROWS_FULL = pages.PAGE_ROWS_FULL, rows_full
    try:
        for offset, lines in enumerate(records):
            shard.record(offset, lines)
    finally:
        pages.PAGE_ROWS_FULL = full
    fronts: dict[str, int] = {}
    for event in shard.published:
        for interval in event.intervals:
            assert interval.fen_from == fronts.get(interval.programme, 0)
            fronts[interval.programme] = interval.fen_to
    assert fronts == shard.page.header.fronts
    counted = [row for columns in shard.columns for row in columns.rows()]
    assert fronts == {p: sum(r.amount_fen for r in counted if r.programme == p) for p in {r.programme for r in counted}}


@settings(max_examples=50, deadline=None)
@given(RECORDS)
def test_what_is_published_by_day_and_merchant_adds_up_to_the_rows(records: list[list[Any]]) -> None:
    shard = Shard()
    for offset, lines in enumerate(records):
        shard.record(offset, lines)
    published: dict[tuple[str, str, str], tuple[int, int]] = {}
    for event in shard.published:
        for part in event.days:
            assert (part.count, part.fen) == tuple(map(sum, zip(*part.merchants.values(), strict=True)))
            for merchant, (count, fen) in part.merchants.items():
                before = published.get((part.programme, part.day, merchant), (0, 0))
                published[part.programme, part.day, merchant] = (before[0] + count, before[1] + fen)
    counted: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in (row for columns in shard.columns for row in columns.rows()):
        key = (row.programme, day_name(day_number(row.at_us)), row.merchant)
        before = counted.get(key, (0, 0))
        counted[key] = (before[0] + 1, before[1] + row.amount_fen)
    assert published == counted


DONATION = {"id": "1", "merchant": MERCHANTS[0], "programme": "p", "amount_fen": 1, "at": DAYS[0]}


def test_a_page_closes_when_its_day_has_ended() -> None:
    shard = Shard()
    shard.record(0, [DONATION])
    assert not shard.page.header.closed
    result = shard.decide(record_of(1, [{**DONATION, "id": "2"}]))
    page = roll_over(shard.page, result, today=TODAY + 1, at=AT)
    assert page.header.closed
    (event,) = events_of(page)
    assert event.page_closed
    assert [(i.fen_from, i.fen_to) for i in event.page_intervals] == [(0, 2)]


def test_a_finding_names_its_line_in_the_push_and_a_rejected_row_that_of_the_record() -> None:
    first = record_of(5, [DONATION, "broken", {**DONATION, "id": "2"}])
    lines = record_of(6, [{**DONATION, "id": "3"}, {**DONATION, "amount_fen": 2}, DONATION]).value
    (packed,) = packed_lines(np.array([4, 9, 700]), np.zeros(1, np.intp))
    again = PushedRecord(6, 0, "q", PLATFORM, lines, packed)
    result = Shard().decide(first, again)
    assert [(row.offset, row.index, json.loads(row.raw)) for row in result.rejected] == [(5, 1, BROKEN)]
    found = [(finding.push, finding.index, finding.kind, finding.id) for finding in result.findings]
    assert found == [("q", 9, "conflict", "1"), ("q", 700, "duplicate", "1")]
    assert result.anchor == again.anchor
    unknown = Shard().decide(first, replace(again, packed_lines=None))
    assert [finding.index for finding in unknown.findings] == [None, None]


def test_a_finding_says_what_it_asked_for_and_where_the_one_that_counts_lies() -> None:
    shard = Shard()
    shard.record(0, [{**DONATION, "id": "0"}, DONATION])
    news, other = {**DONATION, "id": "2", "amount_fen": 3}, {**DONATION, "id": "2", "programme": "q"}
    result = shard.decide(record_of(1, [{**DONATION, "id": "3"}, news, {**DONATION, "amount_fen": 2}, other]))
    page = roll_over(shard.page, result, today=TODAY, at=AT)
    at_us = microseconds_of(datetime.fromisoformat(DAYS[0]))
    counted, new = First("p", 1, at_us, 0, 1), First("p", 3, at_us, 0, 3)
    found = [(one.id, one.day, one.amount_fen, one.first) for one in page.findings]
    assert found == [("1", "2021-03-01", 2, counted), ("2", "2021-03-01", 1, new)]
    assert [page.columns.row(first.row).id for first in (counted, new) if first.row is not None] == ["1", "2"]
    again = page_of(row_of(replace(page, header=replace(page.header, anchor=result.anchor))))
    assert again.findings == page.findings


def test_a_finding_that_was_stored_with_its_line_in_the_record_is_read_without_an_index() -> None:
    shard = Shard()
    shard.record(0, [DONATION, DONATION])
    row = row_of(shard.page)
    row["findings"] = [["psh_1", 4, "duplicate", "shop:M1", "7"]]
    assert page_of(row).findings == (Finding("psh_1", None, "duplicate", "shop:M1", "7"),)


def test_one_merchants_name_is_another_merchant_on_each_platform_and_an_unmarked_record_is_rejected_whole() -> None:
    other = {**DONATION, "amount_fen": 2}
    unmarked = replace(record_of(2, [DONATION, "broken"], ""), value=b"", unmarked=b"whatever\nit holds")
    records = [record_of(0, [DONATION]), record_of(1, [other], OTHER_PLATFORM), unmarked]
    result = Shard().decide(*records, record_of(3, [{**DONATION, "id": "2"}]))
    rows = [(row.merchant, row.id, row.amount_fen) for row in result.columns.rows()]
    own, others = scoped(PLATFORM, MERCHANTS[0]), scoped(OTHER_PLATFORM, MERCHANTS[0])
    assert rows == [(own, "1", 1), (others, "1", 2), (own, "2", 1)]
    assert result.findings == []
    assert [(row.offset, row.index, row.reason, row.platform) for row in result.rejected] == [
        (2, None, UNMARKED, ""),
    ]
    assert [row.raw for row in result.rejected] == [unmarked.unmarked]


def test_what_a_page_has_not_published_yet_stays_in_its_outbox_and_on_the_page_behind_it() -> None:
    shard = Shard()
    first = roll_over(shard.page, shard.decide(record_of(0, [DONATION])), today=TODAY, at=AT)
    closed = replace(first, header=replace(first.header, closed=True))
    behind_it = roll_over(closed, shard.decide(record_of(1, [{**DONATION, "id": "2"}])), today=TODAY, at=AT)
    assert (behind_it.header.number, behind_it.header.version, len(behind_it.columns)) == (1, 1, 1)
    assert behind_it.outbox[0] == first.outbox[0]
    assert [event.sequence for event in behind_it.outbox] == [1, 2]


def test_nothing_is_published_of_records_in_which_nothing_is_new_and_nothing_was_found() -> None:
    nothing = BatchResult(anchor=record_of(0, [DONATION]).anchor)
    page = roll_over(Shard().page, nothing, today=TODAY, at=AT)
    assert (page.header.version, page.header.sequence, page.outbox) == (1, 0, ())


def test_the_events_of_a_batch_name_the_last_trace_that_any_of_its_records_has() -> None:
    traces = ["00-" + digit * 32 + "-" + digit * 16 + "-01" for digit in "ab"]
    given = [replace(record_of(n, [DONATION]), traceparent=trace) for n, trace in enumerate((*traces, None))]
    assert (last_trace(given), last_trace(given[:1]), last_trace(given[2:])) == (traces[1], traces[0], None)
    batch = replace(Shard().decide(*given), traceparent=traces[1])
    (event,) = roll_over(Shard().page, batch, today=TODAY, at=AT).outbox
    assert decode(event.envelope).traceparent == traces[1]


def test_a_marked_record_without_columns_or_without_a_platform_is_rejected_whole() -> None:
    good = record_of(0, [DONATION])
    text, cut = replace(good, offset=1, value=b'{"id":"1"}'), replace(good, offset=2, value=good.value[:-1])
    result = Shard().decide(
        good, text, cut, replace(good, offset=3, platform=""), record_of(4, [{**DONATION, "id": "2"}])
    )
    assert [row.id for row in result.columns.rows()] == ["1", "2"]
    assert [(row.offset, row.index, row.reason) for row in result.rejected] == [
        (offset, None, UNREADABLE) for offset in (1, 2, 3)
    ]
    assert [row.raw for row in result.rejected] == [text.value, cut.value, good.value]


def test_a_marked_row_that_the_ledger_does_not_take_is_rejected_as_the_line_that_it_was() -> None:
    long = {**DONATION, "merchant": "m" * 60}
    other = replace(record_of(1, [long, {**DONATION, "id": "A-7"}], "p"), platform="a-platform")
    result = Shard().decide(record_of(0, [DONATION, BROKEN, {**DONATION, "merchant": STRANGER}]), other)
    assert {failure_of(0, row.reason).code for row in result.rejected} == {"not_of_this_shard"}
    free = PushedRecord(0, 0, "p", PLATFORM, columns_of(json.dumps(DONATION).encode(), amount_fen=0))
    assert [failure_of(0, row.reason).code for row in Shard().decide(free).rejected] == ["amount_fen_invalid"]
    rejected = [(row.offset, row.index, read_line(row.raw)) for row in result.rejected]
    assert rejected[:3] == [
        (0, 1, read_line(json.dumps(BROKEN).encode())),
        (0, 2, read_line(json.dumps({**DONATION, "merchant": STRANGER}).encode())),
        (1, 0, read_line(json.dumps(long).encode())),
    ]


def read_line(raw: bytes) -> tuple[Any, ...]:
    (line,) = donations_of([raw])
    assert isinstance(line, DonationLine)
    return line.id, line.merchant, line.programme, line.amount_fen, microseconds_of(line.at)
