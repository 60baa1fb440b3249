"""Lines with a member that nobody knows, or one that stands twice, are refused at the door, and the rest is taken."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pandapack.contracts.pushed_rows import lines_of
from services.donations.pushes.domain.sorting import PushSorter, sort_reversals
from services.donations.validation.domain.failures import Failure
from services.donations.validation.domain.text_lines import TextLines

NOW = datetime(2021, 11, 11, 4, 0, tzinfo=UTC)
GOOD = b'{"id": "1", "merchant": "M1", "programme": "p", "amount_fen": 5, "at": "2021-11-11T00:00:01+08:00"}'
REVERSAL = (
    b'{"reversal": "r", "merchant": "M1", "donation": "1", "day": "2021-11-11", "amount_fen": 5, '
    b'"at": "2021-11-11T11:00:00+08:00"}'
)


def failures_of(*lines: bytes) -> list[Failure]:
    pushed = PushSorter(4).sort(TextLines(*lines), "tb", now=NOW, accept_days=35)
    assert pushed.accepted == len(lines) - len(pushed.failures)
    taken = [line for value in pushed.by_shard.values() for line in lines_of(value)]
    assert len(taken) == pushed.accepted
    return pushed.failures


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        (GOOD[:-1] + b', "note": 1}', "unknown_field", "/note"),
        (GOOD[:-1] + b', "a/b": {"c": [1]}}', "unknown_field", "/a~1b"),
        (GOOD.replace(b"merchant", b"merchnat"), "unknown_field", "/merchnat"),
        (GOOD.replace(b"amount_fen", b"amountFen"), "unknown_field", "/amountFen"),
        (GOOD[:-1] + b', "id": "2"}', "duplicate_key", "/id"),
        (GOOD[:-1] + b', "\\u0069d": "2"}', "duplicate_key", "/id"),
        (GOOD[:-1] + b', "x": {"y": 1, "y": 2}}', "duplicate_key", "/x/y"),
        (b'{"amount_fen": 9, ' + GOOD[1:], "duplicate_key", "/amount_fen"),
        (b'{"amount_fen":9,' + GOOD.replace(b" ", b"")[1:], "duplicate_key", "/amount_fen"),
        (GOOD.replace(b'"M1"', b'"M 1"')[:-1] + b', "note": 1}', "unknown_field", "/note"),
        (GOOD.replace(b"2021", b"2011")[:-1] + b', "note": 1}', "unknown_field", "/note"),
    ],
)
def test_a_member_that_is_not_known_or_stands_twice_is_named_and_its_neighbours_are_taken(
    line: bytes, code: str, pointer: str
) -> None:
    (failure,) = failures_of(GOOD, line, GOOD.replace(b'"1"', b'"2"'))
    assert (failure.index, failure.code, failure.pointer) == (1, code, pointer)
    assert failure.zh and failure.en


def test_a_misspelt_field_is_answered_with_the_one_that_was_probably_meant_in_both_languages() -> None:
    (failure,) = failures_of(GOOD.replace(b"programme", b"program"))
    assert "did you mean programme?" in failure.en
    assert "是否应为 programme？" in failure.zh


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(json.loads(GOOD), indent=1).replace("\n", " ").encode(),
        json.dumps(dict(reversed(json.loads(GOOD).items()))).encode(),
        GOOD.replace(b'"id"', b'"\\u0069d"'),
    ],
)
def test_a_line_that_is_written_otherwise_and_says_the_same_is_taken(line: bytes) -> None:
    assert failures_of(GOOD.replace(b'"1"', b'"2"'), line) == []


def test_what_a_line_is_not_is_still_said_by_its_reader() -> None:
    codes = [failure.code for failure in failures_of(b"{oops", b"[1]", GOOD.replace(b'"id": "1", ', b""))]
    assert codes == ["not_json", "not_an_object", "missing"]


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        (REVERSAL[:-1] + b', "resaon": "x"}', "unknown_field", "/resaon"),
        (REVERSAL[:-1] + b', "day": "2021-11-10"}', "duplicate_key", "/day"),
        (REVERSAL.replace(b"donation", b"donatoin"), "unknown_field", "/donatoin"),
    ],
)
def test_a_reversal_is_read_as_strictly(line: bytes, code: str, pointer: str) -> None:
    pushed = sort_reversals(TextLines(REVERSAL, line), "tb", 4, NOW)
    (failure,) = pushed.failures
    assert (failure.index, failure.code, failure.pointer, pushed.accepted) == (1, code, pointer, 1)
