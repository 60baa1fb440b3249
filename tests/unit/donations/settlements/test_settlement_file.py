"""A settlement's file: what is none is refused by line, and it may be cut anywhere as it streams in."""

from __future__ import annotations

import itertools
from contextlib import suppress

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
    (
        "brackets without end",
        LINE.replace(b"{", b'{"note": ' + b"[" * 2_000 + b"]" * 2_000 + b", "),
        "nested_too_deeply",
    ),
    ("no day", LINE.replace(b'"day": "2021-11-11", ', b""), "day_missing"),
    ("a time without a zone", LINE.replace(b'"day": "2021-11-11"', b'"at": "2021-11-11T10:00:00"'), "line_invalid"),
    *(
        ("a time beyond all days", LINE.replace(b'"day": "2021-11-11"', b'"at": "%b"' % at), "line_invalid")
        for at in (b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00")
    ),
    ("another programme", LINE.replace(b"{", b'{"programme": "sports", '), "programme_differs"),
    ("an unknown field", LINE.replace(b"{", b'{"note": "x", '), "unknown_field"),
    ("a misspelt field", LINE.replace(b"merchant", b"merchnat"), "unknown_field"),
    ("a field twice", LINE.replace(b"{", b'{"id": "7", '), "duplicate_key"),
    ("nothing", b"\n\n", "empty"),
    ("a line without an end", b"{" + b" " * LINE_BYTES_MAX, "line_too_long"),
]


@pytest.mark.parametrize(("what", "body", "code"), UNFIT)
def test_a_file_that_is_no_settlement_is_refused_by_line(what: str, body: bytes, code: str) -> None:
    file = SettlementFile("shop", "love-parcel", 2)

    def read() -> None:
        file.feed(LINE + b"\n" if code != "empty" else b"")
        file.feed(body)
        file.end()

    with pytest.raises(Unfit) as unfit:
        read()
    assert unfit.value.code == code, what
    assert unfit.value.line == (1 if code == "empty" else 2), what


PIECES = st.sampled_from(
    [
        LINE,
        b"[" * 2_000,
        b"]" * 2_000,
        b'"at": "',
        b"0001-01-01",
        b"T00:00:00+14:00",
        b"{",
        b"}",
        b'"',
        b",",
        b"\n",
        b"\xff",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=9), max_size=12))
def test_any_bytes_are_a_settlement_or_refused_by_name(pieces: list[bytes]) -> None:
    file = SettlementFile("shop", "love-parcel", 2)
    with suppress(Unfit):
        for piece in pieces:
            file.feed(piece)
        file.end()


def test_an_unfit_line_is_explained_in_english_and_chinese_without_the_readers_own_words() -> None:
    with pytest.raises(Unfit) as unfit:
        SettlementFile("shop", "love-parcel", 2).feed(LINE.replace(b"5}", b"0}") + b"\n")
    assert str(unfit.value) == "line 1: amount_fen is a whole number of fen, 1 to 100,000,000"
    assert unfit.value.zh == "第 1 行：amount_fen 为 1 至 100,000,000 的整数（分）"


@given(st.lists(st.integers(0, 400), max_size=6))
def test_a_file_may_be_cut_anywhere_into_chunks(cuts: list[int]) -> None:
    at = LINE.replace(b'"day": "2021-11-11"', b'"at": "2021-11-11T00:00:00+08:00"').replace(b'"1"', b'"2"')
    body = LINE + b"\r\n\n" + at
    cuts_at = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    file = SettlementFile("shop", "love-parcel", 1)
    for start, end in itertools.pairwise(cuts_at):
        file.feed(body[start:end])
    file.end()
    ((shard, day, columns),) = file.drained()
    assert (shard, day, list(columns.ids), file.total) == (0, "2021-11-11", ["1", "2"], Tally(count=2, fen=10))
    assert list(file.drained()) == []
