"""Reversals on a line: each counts once, none takes more than was given, and what names no gift waits for a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import microseconds_of
from services.donations.domain.intake import Intake, failure_of
from services.donations.domain.ledger import PageHead
from services.donations.domain.reversals import (
    PARKED,
    REFUSED,
    REVERSALS_A_RECORD_MAX,
    TAKEN,
    Given,
    Kept,
    Reversal,
    Told,
    given_on,
    in_records,
    reversal_of,
    settle,
    sorted_reversals,
    standing,
    with_reversals,
)
from services.donations.domain.text import Text

DAY = "2021-11-11"
AT = datetime(2021, 11, 13, 2, 0, tzinfo=UTC)


def told(id: str, donation: str, fen: int, reason: str | None = None) -> Reversal:
    return Reversal(id, "M1", donation, DAY, fen, AT, reason)


def line(**changes: object) -> bytes:
    whole = {
        "reversal": "R1",
        "merchant": "M1",
        "donation": "1",
        "day": DAY,
        "amount_fen": 3,
        "at": "2021-11-13T10:00:00+08:00",
        **changes,
    }
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def came(*reversals: Reversal) -> list[Told]:
    return [Told("psh", place, one) for place, one in enumerate(reversals)]


GIVEN = {"M1/1/2021-11-11": Given("love-parcel", 9), "M1/2/2021-11-11": Given("other", 5)}


def test_a_reversal_in_parts_takes_no_more_than_was_given() -> None:
    kept, _ = settle(came(told("a", "1", 4), told("b", "1", 5), told("c", "1", 1)), GIVEN, [])
    assert [one.state for one in kept] == [TAKEN, TAKEN, REFUSED]


def test_what_pages_have_already_counts() -> None:
    known = [Kept(told("a", "1", 8), TAKEN, "love-parcel"), Kept(told("x", "1", 9), REFUSED, "love-parcel")]
    kept, _ = settle(came(told("b", "1", 2), told("c", "1", 1)), GIVEN, known)
    assert [one.state for one in kept] == [REFUSED, TAKEN]


def test_a_repeat_is_a_duplicate_and_another_amount_a_conflict() -> None:
    known = [Kept(told("a", "1", 4), TAKEN, "love-parcel")]
    kept, findings = settle(came(told("a", "1", 4, "late words"), told("a", "1", 5)), GIVEN, known)
    assert kept == []
    assert [(one.kind, one.place, one.id) for one in findings] == [("duplicate", 0, "a"), ("conflict", 1, "a")]


def test_what_names_no_known_gift_is_parked_and_tried_again_when_it_comes_again() -> None:
    kept, _ = settle(came(told("a", "9", 4)), GIVEN, [])
    assert [one.state for one in kept] == [PARKED]
    again, findings = settle(came(told("a", "9", 4)), {"M1/9/2021-11-11": Given("p", 4)}, kept)
    assert ([one.state for one in again], findings) == ([TAKEN], [])
    assert [one.state for one in standing([*kept, *again]).values()] == [TAKEN]


def test_a_reversal_stands_as_taken_whatever_was_said_of_it_before_and_else_as_said_last() -> None:
    one, other = told("a", "1", 4), told("b", "2", 5)
    kept = [Kept(one, PARKED), Kept(one, TAKEN), Kept(other, PARKED), Kept(other, REFUSED)]
    assert {key: now.state for key, now in standing(kept).items()} == {"M1/a": TAKEN, "M1/b": REFUSED}


def test_a_page_says_what_was_newly_reversed_by_programme_and_day() -> None:
    kept, _ = settle(came(told("a", "1", 4), told("b", "2", 5), told("c", "9", 1)), GIVEN, [])
    head, event = with_reversals(PageHead(3, 7, said=41, reversed_fen={"love-parcel": 10}), kept)
    assert event is not None
    assert (head.said, head.reversed_fen) == (42, {"love-parcel": 14, "other": 5})
    assert [(r.programme, r.fen_from, r.fen_to, r.days) for r in event.reversals] == [
        ("love-parcel", 10, 14, {"2021-11-13": (1, 4)}),
        ("other", 0, 5, {"2021-11-13": (1, 5)}),
    ]
    assert with_reversals(head, kept[2:]) == (head, None)


BROKEN = [
    (line(reversal="no spaces"), "/reversal", "reversal_invalid"),
    (line(amount_fen=0), "/amount_fen", "amount_fen_invalid"),
    (line(day="11.11.2021"), "/day", "day_invalid"),
    (line(day="20211111"), "/day", "day_invalid"),
    (line(day="2021-02-30"), "/day", "day_invalid"),
    (line(merchant="M1\n"), "/merchant", "merchant_invalid"),
    (line(at="2021-11-13T10:00:00"), "/at", "at_invalid"),
    (line(at="9999-12-31T23:59:59Z"), "/at", "at_invalid"),
    (line(at="0001-01-01T00:00:00+14:00"), "/at", "at_invalid"),
    (line(donation=None), "/donation", "missing"),
    (b"{oops", "", "not_json"),
]


@pytest.mark.parametrize(("raw", "pointer", "code"), BROKEN, ids=[row[2] for row in BROKEN])
def test_a_line_that_is_no_reversal_is_refused_by_name(raw: bytes, pointer: str, code: str) -> None:
    words = reversal_of(raw)
    assert isinstance(words, str)
    failure = failure_of(0, words)
    assert (failure.pointer, failure.code) == (pointer, code)


def test_a_push_of_reversals_is_sorted_by_line_and_the_rest_is_named() -> None:
    late = line(at="2021-11-15T00:11:00Z")
    intake = sorted_reversals(Text(line(), b"{", line(merchant="M2"), late), 64, datetime(2021, 11, 15, tzinfo=UTC))
    assert intake.accepted == 2
    assert [(failure.index, failure.code) for failure in intake.failures] == [(1, "not_json"), (3, "in_the_future")]
    assert sorted(intake.lines.values()) == sorted([line(), line(merchant="M2")])


def test_a_long_push_becomes_records_that_a_page_can_take_each_line_in_order() -> None:
    long = [str(n).encode() for n in range(2 * REVERSALS_A_RECORD_MAX + 1)]
    parts = list(in_records(Intake(lines={3: b"\n".join(long), 7: b"x"})))
    assert [part.accepted for part in parts] == [REVERSALS_A_RECORD_MAX + 1, REVERSALS_A_RECORD_MAX, 1]
    assert [raw for part in parts for raw in part.lines[3].split(b"\n")] == long
    assert list(in_records(Intake())) == []


def test_gifts_are_found_on_a_page_by_merchant_id_and_day_whatever_form_an_id_has() -> None:
    at_us = microseconds_of(datetime(2021, 11, 10, 16, 0, tzinfo=UTC))  # the first moment of the day in Shanghai
    rows = [Row("7", "M1", "p", 1, at_us), Row("007", "M1", "q", 2, at_us), Row("A7", "M2", "p", 3, at_us - 1)]
    rows.append(Row("0", "M1", "p", 4, at_us))
    sought = [Reversal("r", m, id, DAY, 1, AT) for id in ("7", "007", "A7", "0", "8") for m in ("M1", "M2")]
    assert given_on(Columns.of(rows), sought) == {
        "M1/7/2021-11-11": Given("p", 1),
        "M1/007/2021-11-11": Given("q", 2),
        "M1/0/2021-11-11": Given("p", 4),
    }


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123"), st.integers(1, 9)), max_size=40)


@settings(max_examples=200)
@given(STEPS, st.lists(st.integers(1, 5), min_size=40, max_size=40))
def test_any_sequence_in_any_batches_is_what_a_plain_dict_makes_of_it(
    steps: list[tuple[str, str, int]], sizes: list[int]
) -> None:
    taken: dict[str, tuple[str, int]] = {}
    for id, donation, fen in steps:
        gift = GIVEN.get(f"M1/{donation}/{DAY}")
        gone = sum(more for of, more in taken.values() if of == donation)
        if id not in taken and gift is not None and gone + fen <= gift.fen:
            taken[id] = (donation, fen)
    pages: list[Kept] = []
    rest = [told(*step) for step in steps]
    for size in sizes:
        kept, _ = settle(came(*rest[:size]), GIVEN, pages)
        pages, rest = [*pages, *kept], rest[size:]
    assert rest == [] or len(steps) > sum(sizes)
    found = {one.told.reversal: (one.told.donation, one.told.amount_fen) for one in pages if one.state == TAKEN}
    assert found == taken
