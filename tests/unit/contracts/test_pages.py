"""The page format: what goes in comes out, and nothing else passes for a page."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import AMOUNT_FEN_MAX
from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.pages import (
    FIRST_SEAL,
    Columns,
    UnknownScheme,
    pack,
    page_id,
    page_number,
    page_root,
    seal_hash,
    unpack,
)

NAMES = st.text("abcXYZ019._:-", min_size=1, max_size=64)
ROWS = st.lists(
    st.tuples(NAMES, NAMES, NAMES, st.integers(1, AMOUNT_FEN_MAX), st.integers(0, 253_000_000_000_000_000)), max_size=60
)


def columns_of(rows: list[tuple[str, str, str, int, int]]) -> Columns:
    columns = Columns()
    for id, merchant, programme, fen, at_us in rows:
        columns.extend(Columns([id], [merchant], [programme], [fen], [at_us]))
    return columns


@given(ROWS)
def test_a_page_is_read_back_into_exactly_the_donations_that_it_holds(
    rows: list[tuple[str, str, str, int, int]],
) -> None:
    columns = columns_of(rows)
    assert unpack(pack(columns)) == columns


@given(ROWS.filter(bool))
def test_another_amount_gives_another_root(rows: list[tuple[str, str, str, int, int]]) -> None:
    columns, changed = columns_of(rows), columns_of(rows)
    changed.amounts_fen[0] += 1
    assert page_root(columns) != page_root(changed)


@given(ROWS)
def test_the_leaves_are_the_hashes_of_the_rows(rows: list[tuple[str, str, str, int, int]]) -> None:
    columns = columns_of(rows)
    assert columns.leaves() == [leaf_hash(row.leaf()) for row in columns.rows()]


def test_ids_of_pages_sort_as_numbers() -> None:
    assert sorted([page_id(0, 10), page_id(0, 9), page_id(10, 0), page_id(9, 0)]) == [
        page_id(0, 9), page_id(0, 10), page_id(9, 0), page_id(10, 0),
    ]  # fmt: skip
    assert page_number(page_id(3, 17)) == 17


def test_a_seal_depends_on_the_seal_before() -> None:
    root = page_root(Columns())
    first = seal_hash(FIRST_SEAL, page_id(0, 0), 0, root)
    assert seal_hash(first, page_id(0, 1), 0, root) != seal_hash(FIRST_SEAL, page_id(0, 1), 0, root)


def test_damaged_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(b"no page at all")


def test_an_unknown_scheme_is_named() -> None:
    strange = zstandard.compress(b'{"scheme":"panda-page/9","rows":0,"id_bytes":0,"merchants":[],"programmes":[]}\n')
    with pytest.raises(UnknownScheme, match="panda-page/9"):
        unpack(strange)
