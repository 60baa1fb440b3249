"""Plain lines are read by compiled loops: nothing may depend on that."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pandapack.contracts.donations import NAME_CHARACTERS_MAX, microseconds_of, scoped, shard_of
from services.donations.validation.domain import name_tables
from services.donations.validation.domain import reader as reader_module
from services.donations.validation.domain.reader import LineReader, donations_of, is_plain
from services.donations.validation.domain.scopes import LinePlatforms
from services.donations.validation.domain.text_lines import TextLines
from tests.unit.donations.donation_lines import GOOD

SHARDS = 8
EARLY, LATE = datetime.fromisoformat("1971-01-02"), datetime.fromisoformat("9985-12-31T23:59:59.999999")

Style = Callable[[dict[str, Any]], bytes]
STYLES: list[Style] = [
    lambda donation: json.dumps(donation).encode(),
    lambda donation: json.dumps(donation, separators=(",", ":")).encode(),
    lambda donation: json.dumps(dict(reversed(donation.items()))).encode(),
    lambda donation: json.dumps(
        {name: donation[name] for name in ("amount_fen", "at", "merchant", "id", "programme")}
    ).encode(),
    lambda donation: json.dumps(
        {name: donation[name] for name in ("at", "id", "merchant", "programme", "amount_fen")}
    ).encode(),
    lambda donation: b" { " + json.dumps(donation, separators=(" ,\t", "  : ")).encode()[1:-1] + b" }\r",
]

IDS = st.one_of(
    st.integers(0, 10**22).map(str),
    st.text("0123456789", min_size=1, max_size=22),
    st.text("ab0._:-", min_size=1, max_size=66),
    st.sampled_from(["", "0", "00", "007", "1" + "0" * 19, "9" * 19, "é", "a b", "1\x00", "ａ", '1"', "1\\"]),
)
NAMES = st.one_of(
    st.sampled_from(
        [
            "M00001",
            "M2",
            "love-parcel",
            "x" * 16,
            "x" * 17,
            "x" * 47,
            "x" * 48,
            "x" * 59,
            "x" * 62,
            "x" * 64,
            "x" * 65,
            "shop:M2",
            ":M2",
            ":",
            "M00001\x00",
            "",
            "商",
            "a/b",
        ]
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
DONATIONS = st.fixed_dictionaries(
    {"id": IDS, "merchant": NAMES, "programme": NAMES, "amount_fen": AMOUNTS, "at": TIMES}
)
PLAIN = st.fixed_dictionaries(
    {
        "id": st.integers(0, 10**19 - 1).map(str),
        "merchant": st.sampled_from(["M00001", "M2", "a-merchant-of-24-characters"]),
        "programme": st.sampled_from(["love-parcel", "sports"]),
        "amount_fen": st.integers(1, 99_999_999),
        "at": st.datetimes(min_value=EARLY, max_value=LATE).map(lambda at: at.isoformat() + "Z"),
    }
)
"""Donations that are plain once their names are known."""


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
        st.builds(lambda style, donation: style(donation), st.sampled_from(STYLES), DONATIONS),
        st.sampled_from([b"", b" ", b"{", b"{}", b"[]", b"7", b'"' * 18, b'{"' + b'"' * 16]),
    ),
    max_size=40,
)


PLATFORMS = ("shop", "s", "shop-", "platform-of-16.c")


def platforms_of(lines: int, first: int = 0) -> LinePlatforms:
    """The platforms take turns, beginning with the `first`."""
    return LinePlatforms(PLATFORMS, np.arange(first, first + lines, dtype=np.int32) % np.int32(len(PLATFORMS)))


def agrees(reader: LineReader, lines: list[bytes], first: int = 0) -> None:
    """What the reader of many lines reads is what the reader of one line reads from each; blank lines are none.

    Merchants are scoped by their lines' platforms, which take turns, beginning with the `first`.
    """
    text = TextLines(*[line for line in lines if b"\n" not in line])
    lines = text.lines()
    platforms = platforms_of(len(lines), first)
    read = reader.read(text, platforms)
    expected = donations_of(lines)
    rows = dict(zip(read.lines.tolist(), read.columns.rows(), strict=True))
    assert list(rows) == sorted(rows)
    for number, donation in enumerate(expected):
        if isinstance(donation, str):
            assert read.refused[number] == donation and number not in rows
            continue
        merchant = scoped(PLATFORMS[platforms.of_line[number]], donation.merchant)
        if not is_plain(donation) or len(merchant) > NAME_CHARACTERS_MAX:
            assert read.not_plain[number] == donation and number not in rows
        else:
            row = rows[number]
            assert (row.id, row.merchant, row.programme, row.amount_fen, row.at_us) == (
                donation.id, merchant, donation.programme, donation.amount_fen, microseconds_of(donation.at),
            )  # fmt: skip
    assert read.shards.tolist() == [shard_of(row.merchant, SHARDS) for row in rows.values()]


@settings(max_examples=120, deadline=None)
@given(st.lists(PLAIN, max_size=30), st.sampled_from(STYLES), ANY_LINES)
@example([{**GOOD, "amount_fen": 10}], STYLES[0], [b'{"' * 9])
def test_reading_lines_all_at_once_is_reading_each(
    plain: list[dict[str, Any]], style: Style, lines: list[bytes]
) -> None:
    reader = LineReader(SHARDS)
    for first in range(len(PLATFORMS)):
        agrees(reader, [style(donation) for donation in plain], first)  # the names are known from here on
    agrees(reader, [*lines, *(style(donation) for donation in plain)])


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 130), st.integers(0, 130), st.sampled_from(STYLES))
@example(b"", 0, 0, STYLES[0])
def test_no_bytes_make_it_read_what_is_not_there(noise: bytes, begin: int, end: int, style: Style) -> None:
    good = style(GOOD)
    reader = LineReader(SHARDS)
    agrees(reader, [good])
    agrees(reader, [*(good[:begin] + noise + good[end:]).split(b"\n"), good, *noise.split(b"\n")])


@pytest.mark.parametrize("style", STYLES)
def test_plain_lines_are_read_without_the_json_reader(style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = LineReader(SHARDS)
    donations = [
        {**GOOD, "id": id, "amount_fen": n + 1} for n, id in enumerate(["0", "9" * 19, "1" * 20, "007", "A:7"])
    ]
    text = TextLines(*[style(donation) for donation in donations])
    reader.read(text, LinePlatforms.one("shop", len(text)))
    monkeypatch.setattr(reader_module, "donations_of", lambda raws: pytest.fail(f"{raws} one by one"))
    assert [
        (row.id, row.amount_fen) for row in reader.read(text, LinePlatforms.one("shop", len(text))).columns.rows()
    ] == [(donation["id"], donation["amount_fen"]) for donation in donations]


def test_names_that_collide_or_are_forgotten_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_tables, "MERCHANT_SLOTS_BITS", 2)
    monkeypatch.setattr(name_tables, "MERCHANTS_REMEMBERED_MAX", 3_000)
    reader = LineReader(SHARDS)
    for first in range(0, 9_000, 1_500):  # more than there are slots, more than a table holds at first, more than most
        agrees(reader, [STYLES[0]({**GOOD, "merchant": f"shop-{number}"}) for number in range(first, first + 1_500)])


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b" ")), max_size=20))
def test_the_lines_of_a_text_are_those_that_are_not_blank(lines: list[bytes]) -> None:
    text = TextLines(b"\n".join(lines))
    assert (
        text.lines() == [text.line(number) for number in range(len(text))] == [line for line in lines if line.strip()]
    )
