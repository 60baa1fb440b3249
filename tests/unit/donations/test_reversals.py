"""Reversals on a line: each counts once, none takes more than was given, and what names no gift waits for a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.donations.domain.intake import failure_of
from services.donations.domain.ledger import PageHead
from services.donations.domain.reversals import (
    PARKED,
    REFUSED,
    TAKEN,
    Given,
    Kept,
    Reversal,
    reversal_of,
    settle,
    sorted_reversals,
    with_reversals,
)

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


GIVEN = {"M1/1/2021-11-11": Given("love-parcel", 9), "M1/2/2021-11-11": Given("other", 5)}


def test_a_reversal_in_parts_takes_no_more_than_was_given() -> None:
    kept, _ = settle([told("a", "1", 4), told("b", "1", 5), told("c", "1", 1)], GIVEN, [], "psh")
    assert [one.state for one in kept] == [TAKEN, TAKEN, REFUSED]


def test_what_pages_have_already_counts() -> None:
    known = [Kept(told("a", "1", 8), TAKEN, "love-parcel"), Kept(told("x", "1", 9), REFUSED, "love-parcel")]
    kept, _ = settle([told("b", "1", 2), told("c", "1", 1)], GIVEN, known, "psh")
    assert [one.state for one in kept] == [REFUSED, TAKEN]


def test_a_repeat_is_a_duplicate_and_another_amount_a_conflict() -> None:
    known = [Kept(told("a", "1", 4), TAKEN, "love-parcel")]
    kept, findings = settle([told("a", "1", 4, "late words"), told("a", "1", 5)], GIVEN, known, "psh")
    assert kept == []
    assert [(one.kind, one.place, one.id) for one in findings] == [("duplicate", 0, "a"), ("conflict", 1, "a")]


def test_what_names_no_known_gift_is_parked_and_tried_again_when_it_comes_again() -> None:
    kept, _ = settle([told("a", "9", 4)], GIVEN, [], "psh")
    assert [one.state for one in kept] == [PARKED]
    again, findings = settle([told("a", "9", 4)], {"M1/9/2021-11-11": Given("p", 4)}, kept, "psh")
    assert ([one.state for one in again], findings) == ([TAKEN], [])


def test_a_page_says_what_was_newly_reversed_by_programme_and_day() -> None:
    kept, _ = settle([told("a", "1", 4), told("b", "2", 5), told("c", "9", 1)], GIVEN, [], "psh")
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
    (line(at="2021-11-13T10:00:00"), "/at", "at_invalid"),
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
    intake = sorted_reversals([line(), b"{", line(merchant="M2")], lines=64)
    assert (intake.accepted, [failure.index for failure in intake.failures]) == (2, [1])
    assert sorted(raw for raws in intake.lines.values() for raw in raws) == sorted([line(), line(merchant="M2")])


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
        kept, _ = settle(rest[:size], GIVEN, pages, "psh")
        pages, rest = [*pages, *kept], rest[size:]
    assert rest == [] or len(steps) > sum(sizes)
    found = {one.told.reversal: (one.told.donation, one.told.amount_fen) for one in pages if one.state == TAKEN}
    assert found == taken
