"""Reversals on a shard: each counts once, none takes more than was given, and one of no known donation is parked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import DonationsReversed, microseconds_of
from pandapack.contracts.envelope import decode, read_as
from services.donations.ledger.domain.batches import BatchResult
from services.donations.ledger.domain.findings import Finding, First
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.domain.reversals import (
    CONFLICT,
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
GIVEN_US = microseconds_of(datetime(2021, 11, 11, 4, 0, tzinfo=UTC))
DONATIONS = {
    "tb:M1/1/2021-11-11": ReversedDonation("love-parcel", 9, GIVEN_US),
    "tb:M1/2/2021-11-11": ReversedDonation("other", 5, GIVEN_US),
}


def reversal(id: str, donation: str, fen: int, reason: str | None = None, at: datetime = AT) -> Reversal:
    return Reversal(id, "tb:M1", donation, DAY, fen, at, reason)


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


def test_a_refused_reversal_says_what_is_left_of_its_donation_in_english_and_chinese() -> None:
    records, findings = decide_reversals(
        pushed(reversal("a", "1", 4), reversal("b", "1", 6), reversal("c", "1", 5), reversal("d", "1", 1)),
        DONATIONS,
        [],
    )
    first, second = records[1].refusal, records[3].refusal
    assert first is not None
    assert second is not None
    assert (first.code, second.code) == ("exceeds_what_is_left", "exceeds_what_is_left")
    assert first.en == "amount_fen is 6, and 4 of the 9 fen of donation 1 are taken back already: send at most 5"
    assert "最多还可撤回 5 分" in first.zh
    assert second.en == "donation 1 of 9 fen is taken back in full already: nothing is left of it"
    assert "已全部撤回" in second.zh
    assert [(one.kind, one.index, one.id) for one in findings] == [("refused", 1, "b"), ("refused", 3, "d")]
    assert [(one.day, one.amount_fen, one.left_fen) for one in findings] == [(DAY, 6, 5), (DAY, 1, 0)]


def test_a_reversal_before_its_donation_is_refused_and_one_of_the_same_moment_is_taken() -> None:
    given_at = datetime(2021, 11, 11, 4, 0, tzinfo=UTC)
    early, same = (reversal("a", "1", 1, at=given_at - timedelta(microseconds=1)), reversal("b", "1", 1, at=given_at))
    records, _ = decide_reversals(pushed(early, same), DONATIONS, [])
    assert [record.state for record in records] == [REFUSED, TAKEN]
    refusal = records[0].refusal
    assert refusal is not None
    assert refusal.code == "before_the_donation"
    assert "2021-11-11T12:00:00+08:00" in refusal.en
    assert "2021-11-11T12:00:00+08:00" in refusal.zh


OTHERS = {
    "another amount": reversal("a", "1", 5),
    "another donation": reversal("a", "2", 4),
    "another time": reversal("a", "1", 4, at=AT + timedelta(hours=1)),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_an_id_that_took_something_else_is_a_conflict_that_is_kept_once_and_found_each_time(other: Reversal) -> None:
    known = [ReversalRecord(reversal("a", "1", 4), TAKEN, "love-parcel")]
    records, findings = decide_reversals(pushed(other, other), DONATIONS, known)
    assert [(record.reversal, record.state) for record in records] == [(other, CONFLICT)]
    refusal = records[0].refusal
    assert refusal is not None
    assert refusal.code == "reversal_conflict"
    assert "4 fen of donation 1" in refusal.en
    assert [one.kind for one in findings] == ["conflict", "conflict"]
    assert findings[0].first == First("love-parcel", 4, microseconds_of(AT), None, None)
    again, findings = decide_reversals(pushed(other), DONATIONS, [*known, *records])
    assert (again, [one.kind for one in findings]) == ([], ["conflict"])
    assert standing([*known, *records]) == {"tb:M1/a": known[0]}


def test_a_repeat_is_a_duplicate_although_its_reason_is_worded_anew() -> None:
    known = [ReversalRecord(reversal("a", "1", 4), TAKEN, "love-parcel")]
    records, findings = decide_reversals(pushed(reversal("a", "1", 4, "another reason")), DONATIONS, known)
    assert records == []
    assert [(one.kind, one.index, one.id) for one in findings] == [("duplicate", 0, "a")]


def test_what_was_refused_or_parked_and_comes_again_the_same_is_found_again_and_not_recorded_again() -> None:
    lines = pushed(reversal("a", "1", 10), reversal("b", "9", 1))
    once, first = decide_reversals(lines, DONATIONS, [])
    twice, second = decide_reversals(lines, DONATIONS, once)
    assert [record.state for record in once] == [REFUSED, PARKED]
    assert (twice, second) == ([], first)
    assert [one.kind for one in first] == ["refused", "parked"]


def test_the_id_of_what_was_refused_may_be_used_again_with_what_fits() -> None:
    refused, _ = decide_reversals(pushed(reversal("a", "1", 10)), DONATIONS, [])
    mended, findings = decide_reversals(pushed(reversal("a", "1", 9)), DONATIONS, refused)
    assert ([record.state for record in mended], findings) == ([TAKEN], [])


def test_what_names_no_known_donation_is_parked_and_tried_again_when_it_is_pushed_again() -> None:
    parked, _ = decide_reversals(pushed(reversal("a", "9", 4)), DONATIONS, [])
    assert [record.state for record in parked] == [PARKED]
    since = {"tb:M1/9/2021-11-11": ReversedDonation("p", 4, GIVEN_US)}
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
    assert {key: now.state for key, now in standing(records).items()} == {"tb:M1/a": TAKEN, "tb:M1/b": REFUSED}


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
    findings = [Finding("psh", 0, PARKED, "tb:M1", "c")]
    page = roll_over(before, BatchResult(reversals=parked, findings=findings), today=TODAY, at=AT)
    # Only that it was written, and that it is fuller, shows in the header.
    assert replace(page.header, version=1, found=0, opened_day=0) == before.header
    assert (page.outbox, page.reversals) == ((), tuple(parked))
    assert reversed_event(3, 7, before.header.reversed_fen, parked) == (None, before.header.reversed_fen)


def test_donations_are_found_on_a_page_by_merchant_id_and_day_whatever_form_an_id_has() -> None:
    at_us = microseconds_of(datetime(2021, 11, 10, 16, 0, tzinfo=UTC))  # the first moment of the day in Shanghai
    rows = [Row("7", "tb:M1", "p", 1, at_us), Row("007", "tb:M1", "q", 2, at_us), Row("A7", "M2", "p", 3, at_us - 1)]
    rows.append(Row("0", "tb:M1", "p", 4, at_us))
    reversals = [Reversal("r", m, id, DAY, 1, AT) for id in ("7", "007", "A7", "0", "8") for m in ("tb:M1", "M2")]
    assert named_on(Columns.of(rows), reversals) == {
        "tb:M1/7/2021-11-11": ReversedDonation("p", 1, at_us),
        "tb:M1/007/2021-11-11": ReversedDonation("q", 2, at_us),
        "tb:M1/0/2021-11-11": ReversedDonation("p", 4, at_us),
    }


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123"), st.integers(1, 9)), max_size=40)


@settings(max_examples=60)
@given(STEPS, st.lists(st.integers(1, 5), min_size=40, max_size=40))
def test_any_sequence_in_any_batches_is_what_a_plain_dict_makes_of_it(
    steps: list[tuple[str, str, int]], sizes: list[int]
) -> None:
    taken: dict[str, tuple[str, int]] = {}
    for id, number, fen in steps:
        donation = DONATIONS.get(f"tb:M1/{number}/{DAY}")
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


@settings(max_examples=60)
@given(STEPS, st.integers(0, 40))
def test_whatever_comes_again_takes_nothing_and_leaves_every_answer_as_it_was(
    steps: list[tuple[str, str, int]], size: int
) -> None:
    lines = [reversal(*step) for step in steps]
    records, _ = decide_reversals(pushed(*lines), DONATIONS, [])
    taken = [one.reversal for one in standing(records).values() if one.state == TAKEN]
    again, findings = decide_reversals(pushed(*taken[:size], *taken), DONATIONS, records)
    assert again == []
    assert [one.kind for one in findings] == ["duplicate"] * len([*taken[:size], *taken])
    new, _ = decide_reversals(pushed(*lines), DONATIONS, records)
    assert all(record.state != TAKEN for record in new)
    conflicts = [record for record in [*records, *new] if record.state == CONFLICT]
    assert len({record.reversal for record in conflicts}) == len(conflicts)
    assert all((one.refusal is not None) == (one.state in (REFUSED, CONFLICT)) for one in [*records, *new])
