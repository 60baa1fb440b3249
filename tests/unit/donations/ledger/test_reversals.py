"""Reversals on a shard: each counts once, none takes more than was given, and one of no known donation is parked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import DonationsReversed, microseconds_of
from pandapack.contracts.envelope import decode, read_as
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.domain.reversals import (
    PARKED,
    REFUSED,
    TAKEN,
    PushedReversal,
    ReversalRecord,
    ReversedDonation,
    decide_reversals,
    named_on,
    reversed_event,
    standing,
)
from services.donations.validation.domain.reversal_lines import Reversal

DAY = "2021-11-11"
TODAY = 18_944
AT = datetime(2021, 11, 13, 2, 0, tzinfo=UTC)
DONATIONS = {"M1/1/2021-11-11": ReversedDonation("love-parcel", 9), "M1/2/2021-11-11": ReversedDonation("other", 5)}


def reversal(id: str, donation: str, fen: int, reason: str | None = None) -> Reversal:
    return Reversal(id, "M1", donation, DAY, fen, AT, reason)


def pushed(*reversals: Reversal) -> list[PushedReversal]:
    return [PushedReversal("psh", index, one) for index, one in enumerate(reversals)]


def test_a_reversal_in_parts_takes_no_more_than_was_given() -> None:
    records, _ = decide_reversals(
        pushed(reversal("a", "1", 4), reversal("b", "1", 5), reversal("c", "1", 1)), DONATIONS, []
    )
    assert [record.state for record in records] == [TAKEN, TAKEN, REFUSED]


def test_what_pages_have_already_counts() -> None:
    known = [
        ReversalRecord(reversal("a", "1", 8), TAKEN, "love-parcel"),
        ReversalRecord(reversal("x", "1", 9), REFUSED, "love-parcel"),
    ]
    records, _ = decide_reversals(pushed(reversal("b", "1", 2), reversal("c", "1", 1)), DONATIONS, known)
    assert [record.state for record in records] == [REFUSED, TAKEN]


def test_a_repeat_is_a_duplicate_and_another_amount_a_conflict() -> None:
    known = [ReversalRecord(reversal("a", "1", 4), TAKEN, "love-parcel")]
    again = pushed(reversal("a", "1", 4, "another reason"), reversal("a", "1", 5))
    records, findings = decide_reversals(again, DONATIONS, known)
    assert records == []
    assert [(one.kind, one.index, one.id) for one in findings] == [("duplicate", 0, "a"), ("conflict", 1, "a")]


def test_what_names_no_known_donation_is_parked_and_tried_again_when_it_is_pushed_again() -> None:
    parked, _ = decide_reversals(pushed(reversal("a", "9", 4)), DONATIONS, [])
    assert [record.state for record in parked] == [PARKED]
    since = {"M1/9/2021-11-11": ReversedDonation("p", 4)}
    again, findings = decide_reversals(pushed(reversal("a", "9", 4)), since, parked)
    assert ([record.state for record in again], findings) == ([TAKEN], [])
    assert [record.state for record in standing([*parked, *again]).values()] == [TAKEN]


def test_a_reversal_stands_as_taken_whatever_became_of_it_before_and_else_as_it_was_decided_last() -> None:
    one, other = reversal("a", "1", 4), reversal("b", "2", 5)
    records = [
        ReversalRecord(one, PARKED),
        ReversalRecord(one, TAKEN),
        ReversalRecord(other, PARKED),
        ReversalRecord(other, REFUSED),
    ]
    assert {key: now.state for key, now in standing(records).items()} == {"M1/a": TAKEN, "M1/b": REFUSED}


def test_a_page_publishes_what_was_newly_reversed_by_programme_and_day() -> None:
    records, _ = decide_reversals(
        pushed(reversal("a", "1", 4), reversal("b", "2", 5), reversal("c", "9", 1)), DONATIONS, []
    )
    before = Page(PageHeader(3, 7, version=1, sequence=41, reversed_fen={"love-parcel": 10}))
    page = roll_over(before, BatchResult(reversals=records), today=TODAY, at=AT)
    header = page.header
    assert (header.sequence, header.reversed_fen) == (42, {"love-parcel": 14, "other": 5})
    (envelope,) = (decode(event.envelope) for event in page.outbox)
    assert (envelope.source, envelope.number) == ("/donations/shards/3", 42)
    event = read_as(envelope, DonationsReversed)
    assert (event.shard, event.page) == (3, 7)
    assert [(r.programme, r.count, r.fen_from, r.fen_to, r.days) for r in event.reversals] == [
        ("love-parcel", 1, 10, 14, {"2021-11-13": (1, 4)}),
        ("other", 1, 0, 5, {"2021-11-13": (1, 5)}),
    ]
    assert page.reversals == tuple(records)


def test_a_page_publishes_nothing_of_reversals_of_which_none_was_taken() -> None:
    parked = [ReversalRecord(reversal("c", "9", 1), PARKED)]
    before = Page(PageHeader(3, 7, version=1, sequence=42, reversed_fen={"love-parcel": 14, "other": 5}))
    page = roll_over(before, BatchResult(reversals=parked), today=TODAY, at=AT)
    # Only that it was written, and that it is fuller, shows in the header.
    assert replace(page.header, version=1, found=0, opened_day=0) == before.header
    assert (page.outbox, page.reversals) == ((), tuple(parked))
    assert reversed_event(3, 7, before.header.reversed_fen, parked) == (None, before.header.reversed_fen)


def test_donations_are_found_on_a_page_by_merchant_id_and_day_whatever_form_an_id_has() -> None:
    at_us = microseconds_of(datetime(2021, 11, 10, 16, 0, tzinfo=UTC))  # the first moment of the day in Shanghai
    rows = [Row("7", "M1", "p", 1, at_us), Row("007", "M1", "q", 2, at_us), Row("A7", "M2", "p", 3, at_us - 1)]
    rows.append(Row("0", "M1", "p", 4, at_us))
    reversals = [Reversal("r", m, id, DAY, 1, AT) for id in ("7", "007", "A7", "0", "8") for m in ("M1", "M2")]
    assert named_on(Columns.of(rows), reversals) == {
        "M1/7/2021-11-11": ReversedDonation("p", 1),
        "M1/007/2021-11-11": ReversedDonation("q", 2),
        "M1/0/2021-11-11": ReversedDonation("p", 4),
    }


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123"), st.integers(1, 9)), max_size=40)


@settings(max_examples=200)
@given(STEPS, st.lists(st.integers(1, 5), min_size=40, max_size=40))
def test_any_sequence_in_any_batches_is_what_a_plain_dict_makes_of_it(
    steps: list[tuple[str, str, int]], sizes: list[int]
) -> None:
    taken: dict[str, tuple[str, int]] = {}
    for id, number, fen in steps:
        donation = DONATIONS.get(f"M1/{number}/{DAY}")
        gone = sum(more for of, more in taken.values() if of == number)
        if id not in taken and donation is not None and gone + fen <= donation.fen:
            taken[id] = (number, fen)
    records: list[ReversalRecord] = []
    rest = [reversal(*step) for step in steps]
    for size in sizes:
        new, _ = decide_reversals(pushed(*rest[:size]), DONATIONS, records)
        records, rest = [*records, *new], rest[size:]
    assert rest == [] or len(steps) > sum(sizes)
    found = {
        record.reversal.reversal: (record.reversal.donation, record.reversal.amount_fen)
        for record in records
        if record.state == TAKEN
    }
    assert found == taken
