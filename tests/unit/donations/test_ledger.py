"""The ledger's arithmetic, against a plain oracle: a dict of identities, fen for fen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import DonationsRecorded, day_name, day_number, line_of, microseconds_of
from services.donations.domain import ledger
from services.donations.domain.duplicates import DayIndex, Fingerprints, Prints
from services.donations.domain.ledger import PageHead, Taken, next_page
from services.donations.domain.reading import LineReader
from services.donations.domain.rows import Input, Known, Rows

LINES = 2
MERCHANTS = [m for m in (f"M{n}" for n in range(20)) if line_of(m, LINES) == 0][:4]
STRANGER = next(m for m in (f"M{n}" for n in range(20)) if line_of(m, LINES) == 1)
DAYS = ["2021-03-01T23:59:59+08:00", "2021-03-02T00:00:00+08:00", "2021-03-01T16:30:00Z"]

GIFTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*(str(n) for n in range(4)), "007", "A-7"]),
        "merchant": st.sampled_from([*MERCHANTS, STRANGER]),
        "programme": st.sampled_from(["love-parcel", "sports"]),
        "amount_fen": st.integers(1, 3),
        "at": st.sampled_from(DAYS),
    }
)
RECORDS = st.lists(st.lists(st.one_of(GIFTS, st.just("broken")), max_size=6), max_size=12)


class Line:
    """A line as its owner runs it, without Kafka and MongoDB."""

    def __init__(self, seed: bytes = b"seed") -> None:
        self.rows = Rows(0, LineReader(LINES), Fingerprints(seed))
        self.pages: list[Columns] = []
        self.head = PageHead(0)
        self.said: list[DonationsRecorded] = []
        self.strays = 0
        self.findings: list[str] = []

    def index(self, days: Iterable[int]) -> dict[int, DayIndex]:
        """Loaded from pages each time: an index dropped at any moment changes nothing."""
        loaded = {day: DayIndex() for day in days}
        for day, index in loaded.items():
            for number, page in enumerate(self.pages):
                self.rows.learn(index, day, number, page)
        return loaded

    def sort(self, *records: Input) -> Taken:
        """What of the records is new, and what is known."""
        batch = self.rows.read(records)
        suspects = self.rows.suspects(batch, self.index(batch.rows_of_days()))
        known: Known = {}
        for page, rows in suspects.pages.items():
            known |= batch.known_on(self.rows.lookup(self.pages[page]), rows)
        return self.rows.settle(batch, suspects, known)

    def take(self, offset: int, *records: list[Any]) -> None:
        taken = self.sort(*(record_of(offset + place, lines) for place, lines in enumerate(records)))
        before = self.head
        self.head, event = next_page(before, taken, today=18_687)
        if self.head.number != before.number or before.version == 0:
            self.pages.append(Columns())
        self.pages[-1] = taken.columns.behind(self.pages[-1])
        self.strays += len(taken.strays)
        self.findings += [finding.kind for finding in taken.findings]
        if event is not None:
            self.said.append(event)


def record_of(offset: int, lines: list[Any]) -> Input:
    value = b"\n".join(b"{" if line == "broken" else json.dumps(line).encode() for line in lines)
    return Input(offset, 0, "p", value)


def day_of(gift: dict[str, Any]) -> str:
    return day_name(day_number(microseconds_of(datetime.fromisoformat(gift["at"]))))


@settings(max_examples=200, deadline=None)
@given(RECORDS, st.integers(1, 5))
def test_any_sequence_of_records_gives_the_ledger_of_a_plain_dict(records: list[list[Any]], at_once: int) -> None:
    line = Line()
    for offset in range(0, len(records), at_once):
        line.take(offset, *records[offset : offset + at_once])
    agrees_with_a_dict(line, records)


@settings(max_examples=50, deadline=None)
@given(RECORDS)
def test_fingerprints_that_are_all_alike_only_cost_time(records: list[list[Any]]) -> None:
    line = Line()
    line.rows = Rows(0, LineReader(LINES), AllAlike(b"seed"))
    for offset, lines in enumerate(records):
        line.take(offset, lines)
    agrees_with_a_dict(line, records)


class AllAlike(Fingerprints):
    """What an adversary would like: all donations have the same fingerprint."""

    def of(self, columns: Columns) -> Prints:
        return np.full(len(columns), 7, np.uint64)


def agrees_with_a_dict(line: Line, records: list[list[Any]]) -> None:
    """Rows, duplicates, conflicts and strays are those of a dict by identity, which keeps what came first."""
    oracle: dict[tuple[str, str, str], Any] = {}
    duplicates = conflicts = strays = 0
    for gift in (gift for lines in records for gift in lines):
        if gift == "broken" or gift["merchant"] == STRANGER:
            strays += 1
            continue
        before = oracle.setdefault((gift["merchant"], gift["id"], day_of(gift)), gift)
        if before is not gift:
            same = (gift["programme"], gift["amount_fen"]) == (before["programme"], before["amount_fen"])
            duplicates, conflicts = duplicates + same, conflicts + (not same)
    rows = [row for page in line.pages for row in page.rows()]
    assert sorted((row.merchant, row.id, row.programme, row.amount_fen) for row in rows) == sorted(
        (gift["merchant"], gift["id"], gift["programme"], gift["amount_fen"]) for gift in oracle.values()
    )
    assert (line.findings.count("duplicate"), line.findings.count("conflict")) == (duplicates, conflicts)
    assert line.strays == strays


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.integers(1, 5))
def test_the_donations_to_a_programme_lie_end_to_end_on_the_line(records: list[list[Any]], rows_full: int) -> None:
    line = Line()
    full, ledger.PAGE_ROWS_FULL = ledger.PAGE_ROWS_FULL, rows_full
    try:
        for offset, lines in enumerate(records):
            line.take(offset, lines)
    finally:
        ledger.PAGE_ROWS_FULL = full
    fronts: dict[str, int] = {}
    for event in line.said:
        for interval in event.intervals:
            assert interval.fen_from == fronts.get(interval.programme, 0)
            fronts[interval.programme] = interval.fen_to
    assert fronts == line.head.fronts
    counted = [row for page in line.pages for row in page.rows()]
    assert fronts == {p: sum(r.amount_fen for r in counted if r.programme == p) for p in {r.programme for r in counted}}


@settings(max_examples=100, deadline=None)
@given(RECORDS)
def test_what_is_said_by_day_and_merchant_adds_up_to_the_rows(records: list[list[Any]]) -> None:
    line = Line()
    for offset, lines in enumerate(records):
        line.take(offset, lines)
    said: dict[tuple[str, str, str], tuple[int, int]] = {}
    for event in line.said:
        for part in event.days:
            assert (part.count, part.fen) == tuple(map(sum, zip(*part.merchants.values(), strict=True)))
            for merchant, (count, fen) in part.merchants.items():
                before = said.get((part.programme, part.day, merchant), (0, 0))
                said[part.programme, part.day, merchant] = (before[0] + count, before[1] + fen)
    counted: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in (row for page in line.pages for row in page.rows()):
        key = (row.programme, day_name(day_number(row.at_us)), row.merchant)
        before = counted.get(key, (0, 0))
        counted[key] = (before[0] + 1, before[1] + row.amount_fen)
    assert said == counted


def test_a_page_closes_when_its_day_has_ended() -> None:
    gift = {"id": "1", "merchant": MERCHANTS[0], "programme": "p", "amount_fen": 1, "at": DAYS[0]}
    line = Line()
    line.take(0, [gift])
    assert not line.head.closed
    taken = line.sort(record_of(1, [{**gift, "id": "2"}]))
    page, event = next_page(line.head, taken, today=18_688)
    assert page.closed
    assert event is not None
    assert event.page_closed
    assert [(i.fen_from, i.fen_to) for i in event.page_intervals] == [(0, 2)]


def test_a_finding_and_a_stray_name_the_row_of_their_record() -> None:
    gift = {"id": "1", "merchant": MERCHANTS[0], "programme": "p", "amount_fen": 1, "at": DAYS[0]}
    line = Line()
    first = record_of(5, [gift, "broken", {**gift, "id": "2"}])
    again = Input(6, 0, "q", b"\n" + record_of(6, [{**gift, "id": "3"}, {**gift, "amount_fen": 2}, gift]).value + b"\n")
    taken = line.sort(first, again)
    assert [(stray.offset, stray.place, stray.raw) for stray in taken.strays] == [(5, 1, b"{")]
    found = [(finding.push, finding.place, finding.kind, finding.id) for finding in taken.findings]
    assert found == [("q", 2, "conflict", "1"), ("q", 3, "duplicate", "1")]
    assert taken.anchor == again.anchor
