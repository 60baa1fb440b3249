"""Columns of donations: what the door writes is what the ledger reads, and no bytes are too strange to be looked at."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import AMOUNT_FEN_MAX, EPOCH, Donation, microseconds_of
from pandapack.contracts.pushed_columns import FORM, HEAD_BYTES, is_columns, rows_claimed
from pandapack.contracts.pushed_rows import lines_of
from services.donations.validation.domain import record_columns
from services.donations.validation.domain.reader import LineReader
from services.donations.validation.domain.record_columns import RecordColumns, RecordWriter
from services.donations.validation.domain.scopes import LinePlatforms
from services.donations.validation.domain.text_lines import TextLines
from tests.pushed import columns_of

SAMPLE = Path(__file__).parent / "samples" / "donations.pushed.columns.hex"
PLATFORM, SHARDS = "shop", 4
IDS = st.one_of(
    st.integers(0, 10**19 - 1).map(str),
    st.sampled_from(["007", "A-7", "1" * 20, "x" * 64, "0"]),
    st.text("0aZ._:-", min_size=1, max_size=9),
)
TIMES = st.integers(-62_135_500_000_000_000, 253_402_200_000_000_000).map(lambda us: EPOCH + timedelta(microseconds=us))
DONATIONS = st.fixed_dictionaries(
    {
        "id": IDS,
        "merchant": st.one_of(st.integers(0, 300).map("M{}".format), st.text("ab:.", min_size=1, max_size=50)),
        "programme": st.sampled_from(["love-parcel", "sports", "p" * 64]),
        "amount_fen": st.one_of(st.integers(1, 10), st.integers(1, AMOUNT_FEN_MAX)),
        "at": st.one_of(
            st.sampled_from([f"2021-11-11T00:00:0{n}+08:00" for n in range(3)]), TIMES.map(datetime.isoformat)
        ),
    }
)
AT = "2021-11-11T00:00:01+08:00"
EXAMPLES: list[dict[str, Any]] = [
    {"id": "4000000000000000001", "merchant": "M1", "programme": "p", "amount_fen": 5, "at": AT},
    {"id": "A-7", "merchant": "M2", "programme": "q", "amount_fen": 100_000_000, "at": "2021-11-11T00:00:01.123456Z"},
    {"id": "9999999999999999999", "merchant": "M1", "programme": "p", "amount_fen": 1, "at": "1990-01-01T00:00:00.5Z"},
]


def line(donation: dict[str, Any]) -> bytes:
    return json.dumps(donation).encode()


@settings(deadline=None)
@given(st.lists(DONATIONS, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_what_the_door_writes_the_ledger_reads_row_for_row_as_the_lines_had_it(
    donations: list[dict[str, Any]], chance: random.Random
) -> None:
    reader, ledger = LineReader(SHARDS), RecordColumns(SHARDS)
    writer = RecordWriter(reader.names)
    for _ in range(2):  # the second time all names are known
        text = TextLines(*map(line, donations))
        read = reader.read(text, LinePlatforms.one(PLATFORM, len(text)))
        order = np.array(chance.sample(range(len(donations)), len(donations)))
        cuts = sorted({0, len(order), *(chance.randrange(len(order) + 1) for _ in range(3))})
        records = writer.write(read.columns, order, np.array(cuts))
        rows = ledger.read(records, LinePlatforms.one(PLATFORM, len(records)))
        assert list(rows.columns.rows()) == list(read.columns.take(order).rows())
        assert rows.shards.tolist() == read.shards[order].tolist()
        assert rows.rows_in.tolist() == np.diff(cuts).tolist() == [rows_claimed(record) for record in records]


@settings(deadline=None)
@given(st.lists(DONATIONS, min_size=1, max_size=10))
def test_columns_written_out_are_lines_of_the_contract_and_columns_again(donations: list[dict[str, Any]]) -> None:
    value = columns_of(*map(line, donations))
    lines = lines_of(value)
    assert columns_of(*lines) == value
    assert lines_of(value, 3) == lines[:3]
    for raw, written in zip(donations, lines, strict=True):
        given, meant = Donation.model_validate_json(written), Donation.model_validate(raw)
        assert given == meant
        assert microseconds_of(given.at) == microseconds_of(meant.at)


def test_the_form_is_the_one_of_the_sample() -> None:
    value = columns_of(*map(line, EXAMPLES))
    assert value.hex() == SAMPLE.read_text().replace("\n", "")
    assert (is_columns(value), rows_claimed(value)) == (True, 3)


def test_a_donation_takes_few_bytes() -> None:
    donations = [{**EXAMPLES[0], "id": str(4 * 10**18 + n), "merchant": f"M{n % 50}"} for n in range(250)]
    assert len(columns_of(*map(line, donations))) < 7 * len(donations)


def test_marks_begin_anew_before_they_run_over(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, text = LineReader(1), TextLines(*map(line, EXAMPLES))
    read = reader.read(text, LinePlatforms.one(PLATFORM, len(text)))
    monkeypatch.setattr(record_columns, "STAMPS_MAX", 5)
    writer = RecordWriter(reader.names)
    for _ in range(9):
        assert writer.write(read.columns, np.arange(3), np.array([0, 3])) == [columns_of(*map(line, EXAMPLES))]


def test_a_push_of_nothing_is_no_record() -> None:
    assert RecordWriter(LineReader(1).names).write(Columns(), np.arange(0), np.array([0])) == []


def broken(value: bytes, chance: random.Random) -> bytes:
    """A record with some bytes changed, left out or put in."""
    found = bytearray(value)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(found) + 1)
        found[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return bytes(found) if chance.random() < 0.8 else bytes(found[: chance.randrange(len(found) + 1)])


def read_broken_records() -> None:
    """Reads them among good ones, which are read all the same."""
    chance, ledger, good = random.Random(1), RecordColumns(SHARDS), columns_of(*map(line, EXAMPLES))
    wanted = list(ledger.read([good], LinePlatforms.one(PLATFORM, 1)).columns.rows())
    for _ in range(2_000):
        bad = FORM + chance.randbytes(chance.randrange(60)) if chance.random() < 0.1 else broken(good, chance)
        rows = ledger.read([bad, good], LinePlatforms.one(PLATFORM, 2))
        last = np.arange(len(rows.columns) - len(wanted), len(rows.columns))
        assert list(rows.columns.take(last).rows()) == wanted
        assert len(rows.columns) == rows.rows_in.sum()
        is_named = rows.is_named
        for row in range(int(rows.rows_in[0])):
            if is_named is None or is_named[row]:
                assert rows.columns.row(row).amount_fen >= 0
        assert len(lines_of(bad)) == rows.rows_in[0] <= len(bad)
    many = [FORM + bytes([0, *(255,) * 12, *range(200)]), FORM, b"", b"\xc1", good[:HEAD_BYTES], good + b"\0"]
    assert ledger.read(many, LinePlatforms.one(PLATFORM, len(many))).rows_in.tolist() == [0] * len(many)
    assert [lines_of(value) for value in many] == [[]] * len(many)


def test_broken_records_cost_none_but_themselves() -> None:
    read_broken_records()


def test_reading_broken_records_stays_within_their_bytes() -> None:
    # Compiled code looks at no bounds; the same code that is not compiled does.
    program = "from tests.unit.contracts import test_pushed_columns as test; test.read_broken_records()"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2_000:]
