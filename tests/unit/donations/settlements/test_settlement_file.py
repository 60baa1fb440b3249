"""A settlement's file: what is none is refused by line, and it may be cut anywhere as it streams in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.donations.settlements.domain.settlement import Tally
from services.donations.settlements.domain.settlement_file import LINE_BYTES_MAX, SettlementFile, Unfit

LINE = b'{"merchant": "M1", "id": "1", "day": "2021-11-11", "amount_fen": 5}'
UNFIT: list[tuple[str, bytes, str]] = [
    ("no JSON", b"{oops", "line_invalid"),
    ("an amount of nothing", LINE.replace(b"5}", b"0}"), "line_invalid"),
    ("an amount that is no number", LINE.replace(b"5}", b'"5"}'), "line_invalid"),
    ("a name that is none", LINE.replace(b'"M1"', b'"M/1"'), "line_invalid"),
    ("a name with a line break", LINE.replace(b'"M1"', b'"M1\\n"'), "line_invalid"),
    ("no day", LINE.replace(b'"day": "2021-11-11", ', b""), "day_missing"),
    ("a time without a zone", LINE.replace(b'"day": "2021-11-11"', b'"at": "2021-11-11T10:00:00"'), "line_invalid"),
    ("another programme", LINE.replace(b"{", b'{"programme": "sports", '), "programme_differs"),
    ("nothing", b"\n\n", "empty"),
    ("a line without an end", b"{" + b" " * LINE_BYTES_MAX, "line_too_long"),
]


@pytest.mark.parametrize(("what", "body", "code"), UNFIT)
def test_a_file_that_is_no_settlement_is_refused_by_line(what: str, body: bytes, code: str) -> None:
    file = SettlementFile("love-parcel", 2)

    def read() -> None:
        file.feed(LINE + b"\n" if code != "empty" else b"")
        file.feed(body)
        file.end()

    with pytest.raises(Unfit) as unfit:
        read()
    assert unfit.value.code == code, what
    assert unfit.value.line == (1 if code == "empty" else 2), what


@given(st.lists(st.integers(0, 400), max_size=6))
def test_a_file_may_be_cut_anywhere_into_chunks(cuts: list[int]) -> None:
    at = LINE.replace(b'"day": "2021-11-11"', b'"at": "2021-11-11T00:00:00+08:00"').replace(b'"1"', b'"2"')
    body = LINE + b"\r\n\n" + at
    cuts_at = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    file = SettlementFile("love-parcel", 1)
    for start, end in itertools.pairwise(cuts_at):
        file.feed(body[start:end])
    file.end()
    ((shard, day, columns),) = file.drained()
    assert (shard, day, list(columns.ids), file.total) == (0, "2021-11-11", ["1", "2"], Tally(count=2, fen=10))
    assert list(file.drained()) == []
