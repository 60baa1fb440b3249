"""The page format: what goes in comes out, and nothing else passes for a page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.columns import Ids, id_key
from pandapack.contracts.donations import AMOUNT_FEN_MAX
from pandapack.contracts.leaves import leaves_of, page_root
from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.pages import (
    FIRST_SEAL,
    Columns,
    Row,
    UnknownScheme,
    pack,
    page_id,
    page_number,
    seal_hash,
    unpack,
)

NAMES = st.text("abcXYZ019._:-", min_size=1, max_size=64)
IDS = st.one_of(NAMES, st.integers(0, 10**21).map(str), st.sampled_from(["0", "00", "007", "9" * 19, "1" + "0" * 19]))
ROWS = st.lists(
    st.tuples(IDS, NAMES, NAMES, st.integers(1, AMOUNT_FEN_MAX), st.integers(0, 253_000_000_000_000_000)), max_size=60
)


def columns_of(rows: list[tuple[str, str, str, int, int]]) -> Columns:
    return Columns.of([Row(*row) for row in rows])


@given(ROWS)
def test_a_page_is_read_back_into_exactly_the_donations_that_it_holds(
    rows: list[tuple[str, str, str, int, int]],
) -> None:
    assert list(unpack(pack(columns_of(rows))).rows()) == [Row(*row) for row in rows]


@given(ROWS, ROWS)
def test_rows_appended_to_others_and_taken_out_again_stay_what_they_are(
    first: list[tuple[str, str, str, int, int]], second: list[tuple[str, str, str, int, int]]
) -> None:
    both = Columns.concat(columns_of(first), columns_of(second))
    assert list(both.rows()) == [Row(*row) for row in (*first, *second)]
    odd = np.arange(1, len(both), 2)
    assert list(unpack(pack(both.take(odd))).rows()) == [Row(*row) for row in (*first, *second)][1::2]
    assert [both.row(row) for row in range(len(both))] == list(both.rows())


@given(ROWS.filter(bool))
def test_another_amount_gives_another_root(rows: list[tuple[str, str, str, int, int]]) -> None:
    columns, changed = columns_of(rows), columns_of(rows)
    changed.amounts_fen[0] += 1
    assert page_root(columns) != page_root(changed)


@given(ROWS)
def test_the_leaves_are_the_hashes_of_the_rows(rows: list[tuple[str, str, str, int, int]]) -> None:
    columns = columns_of(rows)
    assert leaves_of(columns) == [leaf_hash(row.leaf()) for row in columns.rows()]


def test_ids_of_pages_sort_as_numbers() -> None:
    assert sorted([page_id(0, 10), page_id(0, 9), page_id(10, 0), page_id(9, 0)]) == [
        page_id(0, 9), page_id(0, 10), page_id(9, 0), page_id(10, 0),
    ]  # fmt: skip
    assert page_number(page_id(3, 17)) == 17


def test_a_seal_depends_on_the_seal_before() -> None:
    root = page_root(Columns())
    first = seal_hash(FIRST_SEAL, page_id(0, 0), 0, root)
    assert seal_hash(first, page_id(0, 1), 0, root) != seal_hash(FIRST_SEAL, page_id(0, 1), 0, root)


def spoilt(change: Callable[[bytes], bytes]) -> bytes:
    """A good page whose plain bytes were changed."""
    page = pack(columns_of([("1", "M1", "p", 5, 1_636_560_001_000_000), ("A2", "M2", "p", 4, 1_636_560_002_000_000)]))
    return zstandard.compress(change(zstandard.decompress(page)))


DAMAGED = [
    b"no page at all",
    spoilt(lambda plain: plain[:-1]),
    spoilt(lambda plain: plain + b"x"),
    spoilt(lambda plain: plain.replace(b'"rows":2', b'"rows":3')),
    spoilt(lambda plain: plain.replace(b'"rows":2', b'"rows":"')),
    spoilt(lambda plain: plain.replace(b'["M1","M2"]', b'["M1"]')),
    spoilt(lambda plain: plain.replace(b"\n", b" ")),
]


@pytest.mark.parametrize("packed", DAMAGED)
def test_damaged_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|not found"):
        unpack(packed)


def test_an_unknown_scheme_is_named() -> None:
    strange = zstandard.compress(b'{"scheme":"panda-page/9"}\n')
    with pytest.raises(UnknownScheme, match="panda-page/9"):
        unpack(strange)


@given(ROWS)
def test_each_row_is_found_by_merchant_id_and_time(rows: list[tuple[str, str, str, int, int]]) -> None:
    columns = columns_of(rows)
    fen: dict[str, int] = {}
    for place, (id, merchant, programme, amount_fen, at_us) in enumerate(rows):
        found = columns.find(merchant, id, at_us, at_us + 1)
        assert found is not None and rows[found][:2] == (id, merchant) and rows[found][4] == at_us
        assert columns.fen_before(place) == fen.get(programme, 0)
        fen[programme] = fen.get(programme, 0) + amount_fen
        assert columns.find(merchant, id, at_us + 1, at_us + 1) is None
        assert columns.find(merchant + "x" * 65, id, 0, 2**62) is None


@given(st.lists(st.one_of(st.integers(0, 10**19 - 1).map(str), st.sampled_from(["A7", "007", "x~y", "z"])), min_size=1))
def test_every_id_lies_within_the_bounds_of_its_page(ids: list[str]) -> None:
    low, high = Ids.of(ids).bounds()
    assert all(low <= id_key(id) <= high for id in ids)


def test_bounds_of_rising_numbers_are_tight_and_text_lies_above_them() -> None:
    low, high = Ids.of(["4000000000000000017", "4000000000000000002"]).bounds()
    assert (low, high) == (id_key("4000000000000000002"), id_key("4000000000000000017"))
    assert not low <= id_key("4000000000000000018") <= high
    assert not low <= id_key("no-number") <= high
