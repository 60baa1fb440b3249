"""Which lines of a push a record has survives the header that says so, and takes hardly more than a byte a line."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.pushed import headers_of, packed_lines_of
from pandapack.contracts.pushed_lines import index_in_push, packed_lines

RECORDS = st.lists(st.lists(st.integers(0, 9_999), min_size=1, max_size=30, unique=True).map(sorted), max_size=5)


@given(RECORDS)
def test_every_line_of_every_record_has_its_index_in_the_push(records: list[list[int]]) -> None:
    lines = np.array([line for record in records for line in record], np.intp)
    begins = np.cumsum([0, *map(len, records)])[:-1] if records else np.empty(0, np.intp)
    packed = packed_lines(lines, begins)
    found = [
        [index_in_push(one, line) for line in range(len(record))] for one, record in zip(packed, records, strict=True)
    ]
    assert found == records


def test_a_record_with_the_whole_push_says_so_in_nothing_and_one_of_many_in_a_byte_a_line() -> None:
    whole, alone, spread = np.arange(50), np.array([7]), np.arange(3, 4_003, 40)
    begins = np.cumsum([0, len(whole), len(alone)])
    assert [len(one or b"") for one in packed_lines(np.concatenate((whole, alone, spread)), begins)] == [0, 3, 102]


def test_what_a_header_does_not_tell_is_not_known() -> None:
    assert packed_lines_of(headers_of("psh_1", "shop")) is None
    assert packed_lines_of(headers_of("psh_1", "shop", lines=b"")) == b""
    for odd in (None, b"\x01", b"\x09\x00\x00\x01", b"\x02\x00\x00\x01", b"\x01\x00\x00\x01"):
        assert index_in_push(odd, 2) is None
    assert packed_lines(np.array([70_000]), np.zeros(1, np.intp)) == [None]
