"""Hashing many rows at once: against hashlib, and the tree written out."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.leaves import leaves_of, page_root
from pandapack.contracts.merkle import leaf_hash, root_of
from pandapack.contracts.sha256 import LANES, compress, first_state

NAMES = st.one_of(st.text("Ab0._:-", min_size=1, max_size=64), st.text(max_size=16))
IDS = st.one_of(st.integers(0, 10**19 - 1).map(str), NAMES)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**16))
ROWS = st.builds(Row, id=IDS, merchant=NAMES, programme=NAMES, amount_fen=NUMBERS, at_us=NUMBERS)
LONGEST = Row("x" * 64, "y" * 64, "z" * 64, -(2**63), -(2**63))


@settings(deadline=None)
@given(st.lists(ROWS, max_size=2 * LANES + 3))
@example([LONGEST])
@example([Row("7", "M1", "love-parcel", 5, at) for at in range(3 * LANES)])
def test_leaves_and_root_of_a_page_are_those_of_its_rows_one_by_one(rows: list[Row]) -> None:
    columns = Columns.of(rows)
    leaves = [leaf_hash(row.leaf()) for row in rows]
    assert leaves_of(columns) == leaves
    assert page_root(columns) == root_of(leaves)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=128, max_size=128), min_size=LANES, max_size=LANES))
def test_every_lane_hashes_as_hashlib_does(messages: list[bytes]) -> None:
    state, schedule = np.empty((8, LANES), np.uint32), np.empty((64, LANES), np.uint32)
    first_state(state)
    padding = b"\x80".ljust(62, b"\0") + (8 * 128).to_bytes(2, "big")
    for block in range(3):
        parts = [(message + padding)[64 * block : 64 * (block + 1)] for message in messages]
        schedule[:16] = np.array([np.frombuffer(part, ">u4") for part in parts]).T
        compress(state, schedule)
    assert [state[:, lane].astype(">u4").tobytes() for lane in range(LANES)] == [
        hashlib.sha256(message).digest() for message in messages
    ]
