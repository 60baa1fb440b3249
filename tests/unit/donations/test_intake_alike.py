"""Lines laid out alike are read all at once: nothing may depend on that."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pandapack.contracts.donations import line_of, microseconds_of
from services.donations.domain.alike import Layout, Text
from services.donations.domain.reading import LINES_WORTH_A_LAYOUT, Gift, LineReader, gifts_of, is_plain

LINES = 8
EARLY, LATE = datetime.fromisoformat("1971-01-02"), datetime.fromisoformat("9985-01-01")
GOOD = {
    "id": "4000000000000000001",
    "merchant": "M00001",
    "programme": "love-parcel",
    "amount_fen": 5,
    "at": "2021-11-11T00:00:01+08:00",
}

Style = Callable[[dict[str, Any]], bytes]
STYLES: list[Style] = [
    lambda gift: json.dumps(gift).encode(),
    lambda gift: json.dumps(gift, separators=(",", ":")).encode(),
    lambda gift: json.dumps(dict(reversed(gift.items()))).encode(),
    lambda gift: json.dumps(
        {name: gift[name] for name in ("amount_fen", "at", "merchant", "id", "programme")}
    ).encode(),
    lambda gift: json.dumps(
        {name: gift[name] for name in ("at", "id", "merchant", "programme", "amount_fen")}
    ).encode(),
    lambda gift: b" { " + json.dumps(gift, separators=(" ,\t", "  : ")).encode()[1:-1] + b" }\r",
]

IDS = st.one_of(
    st.integers(0, 10**22).map(str),
    st.text("0123456789", min_size=1, max_size=22),
    st.text("ab0._:-", min_size=1, max_size=66),
    st.sampled_from(["", "0", "00", "007", "1" + "0" * 19, "9" * 19, "é", "a b", "1\x00", "ａ", '1"', "1\\"]),
)
NAMES = st.one_of(
    st.sampled_from(
        ["M00001", "M2", "love-parcel", "x" * 16, "x" * 17, "x" * 64, "x" * 65, "M00001\x00", "", "商", "a/b"]
    ),
    st.text("AB1.-", min_size=1, max_size=20),
)
TIMES = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.sampled_from(
        [
            "2021-11-11T00:00:01+08:00", "2021-11-11T23:59:59-23:59", "2021-11-11T00:00:00.5Z", "",
            "2021-11-11T00:00:00.123456Z", "2021-11-11T00:00:00.1234567Z", "2021-11-11T00:00:00.+08:00",
            "2021-11-11 00:00:00Z", "2021-11-11t00:00:00z", "2021-11-11T24:00:00Z", "2021-11-11T00:60:00Z",
            "2021-11-11T00:00:60Z", "2021-02-29T00:00:00Z", "2021-11-11T00:00:00", "2021-11-11T00:00:00.12345",
            "2021-11-11T00:00:00+0800", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "Z",
            "1969-12-31T23:59:59Z", "2021-11-11T0a:00:00Z", "2021-11-11T00-00-00Z",
        ]
    ),
)  # fmt: skip
AMOUNTS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([99_999_999, 100_000_000, 100_000_001, 10**30, 5.0, 5.5, 1e2, True, None, "5", [5], {}]),
)
GIFTS = st.fixed_dictionaries({"id": IDS, "merchant": NAMES, "programme": NAMES, "amount_fen": AMOUNTS, "at": TIMES})
PLAIN = st.fixed_dictionaries(
    {
        "id": st.integers(0, 10**19 - 1).map(str),
        "merchant": st.sampled_from(["M00001", "M2", "a-merchant-of-24-characters"]),
        "programme": st.sampled_from(["love-parcel", "sports"]),
        "amount_fen": st.integers(1, 99_999_999),
        "at": st.datetimes(min_value=EARLY, max_value=LATE).map(lambda at: at.isoformat() + "Z"),
    }
)
"""Gifts that can be read all at once."""


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good line of which some bytes were changed, put in or left out."""
    raw = bytearray(draw(st.sampled_from(STYLES))(draw(PLAIN)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw) - 1))
        change = draw(
            st.sampled_from([b"", b"0", b'"', b"\\", b"\x00", b" ", b",", b"}", b"\xff", b"Z", b"-", b":", b"9"])
        )
        raw[at : at + draw(st.integers(0, 1))] = change.replace(b"\n", b"")
    return bytes(raw)


ANY_LINES = st.lists(
    st.one_of(
        mutated(),
        st.builds(lambda style, gift: style(gift), st.sampled_from(STYLES), GIFTS),
        st.sampled_from([b"", b" ", b"{", b"{}", b"[]", b"7", b'"' * 18, b'{"' + b'"' * 16]),
    ),
    max_size=40,
)


def agrees(reader: LineReader, lines: list[bytes]) -> None:
    """What the reader of many lines reads is what the reader of one line reads from each."""
    lines = [line for line in lines if b"\n" not in line] or [b""]
    read = reader.read(b"\n".join(lines))
    expected = gifts_of(lines)
    rows = dict(zip(read.lines.tolist(), read.columns.rows(), strict=True))
    assert list(rows) == sorted(rows)
    for number, gift in enumerate(expected):
        if isinstance(gift, str):
            assert read.refused[number] == gift and number not in rows
        elif not is_plain(gift):
            assert read.not_plain[number] == gift and number not in rows
        else:
            row = rows[number]
            assert (row.id, row.merchant, row.programme, row.amount_fen, row.at_us) == (
                gift.id, gift.merchant, gift.programme, gift.amount_fen, microseconds_of(gift.at),
            )  # fmt: skip
    homes = [line_of(row.merchant, LINES) for row in rows.values()]
    assert read.homes.tolist() == homes


@settings(max_examples=300, deadline=None)
@given(st.lists(PLAIN, min_size=LINES_WORTH_A_LAYOUT, max_size=30), st.sampled_from(STYLES), ANY_LINES)
@example([{**GOOD, "amount_fen": 10}] * LINES_WORTH_A_LAYOUT, STYLES[0], [b'{"' * 9])
def test_reading_lines_all_at_once_is_reading_each(
    plain: list[dict[str, Any]], style: Style, lines: list[bytes]
) -> None:
    reader = LineReader(LINES)
    agrees(reader, [style(gift) for gift in plain])  # the layout is known from here on
    agrees(reader, [*lines, *(style(gift) for gift in plain)])


@pytest.mark.parametrize("style", STYLES)
def test_plain_lines_of_one_layout_are_read_without_the_json_reader(
    style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = LineReader(LINES)
    lines = [style({**GOOD, "id": str(number), "amount_fen": number + 1}) for number in range(LINES_WORTH_A_LAYOUT)]
    reader.read(b"\n".join(lines))
    monkeypatch.setattr("services.donations.domain.reading.gifts_of", lambda raws: pytest.fail(f"{raws} one by one"))
    read = reader.read(b"\n".join(lines))
    assert [row.amount_fen for row in read.columns.rows()] == list(range(1, LINES_WORTH_A_LAYOUT + 1))


def test_a_number_that_is_written_in_another_way_makes_no_layout() -> None:
    line = STYLES[0](GOOD).replace(b" 5", b" 5e0")
    assert isinstance(gifts_of([line])[0], Gift) or Layout.of(line) is None
    assert Layout.of(STYLES[0](GOOD)) is not None
    assert Layout.of(STYLES[0](GOOD).replace(b"M0", b"\\u004d0")) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_lines_of_text(body: bytes) -> None:
    text = Text(body)
    assert [text.line(number) for number in range(len(text.starts))] == body.split(b"\n")
