"""The index of known donations: whatever it has learnt it finds, with the page; what it has not, hardly ever."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns, Row
from services.donations.ledger.domain import duplicates
from services.donations.ledger.domain.duplicates import DayIndex, Fingerprints, PageLookup
from services.donations.ledger.domain.fingerprints import HINTS, FingerprintArray

SEED = 20_211_111


def fingerprints_of(values: list[int]) -> FingerprintArray:
    return np.array(values, np.uint64)


def found_in(index: DayIndex, fingerprints: FingerprintArray) -> dict[int, set[int]]:
    order = np.argsort(fingerprints)
    return index.find(fingerprints[order], order)


FINGERPRINTS = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 3).map(lambda n: n << 24), st.sampled_from([0, 2**64 - 1])
)
PAGES = st.lists(st.tuples(st.integers(0, 3 * HINTS), st.lists(FINGERPRINTS, max_size=20)), max_size=20)


@settings(max_examples=60, deadline=None)
@given(PAGES, st.lists(FINGERPRINTS, max_size=20))
def test_what_was_learnt_is_found_on_its_page(pages: list[tuple[int, list[int]]], others: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "RUN_ROWS_MAX", 8)  # so that runs are merged all the time
        index, learnt = DayIndex(), defaultdict[int, set[int]](set)
        for page, values in pages:
            index.learn(fingerprints_of(values), page)
            learnt[page].update(values)
    assert len(index) == sum(len(values) for _, values in pages)
    wanted = [*others, *(value for values in learnt.values() for value in values)]
    found = found_in(index, fingerprints_of(wanted))
    for page, values in learnt.items():
        assert {row for row, value in enumerate(wanted) if value in values} <= found.get(page, set())
    for page, rows in found.items():
        like = [p for p in learnt if p % HINTS == page % HINTS]
        alike = {value >> 24 for p in like for value in learnt[p]}
        assert all(wanted[row] >> 24 in alike for row in rows), "only 40 bits that are the same are a hit"


def test_many_donations_take_five_bytes_each_and_are_found_and_hardly_ever_mistaken() -> None:
    chance, index = np.random.default_rng(SEED), DayIndex()
    pages = [chance.integers(0, 2**64, 16_384, np.uint64) for _ in range(80)]
    for page, fingerprints in enumerate(pages):
        index.learn(fingerprints, page)
    for page in (0, 41, 79):
        assert found_in(index, pages[page])[page] == set(range(16_384))
    assert len(index) == 80 * 16_384
    assert index.size_bytes < 5.5 * len(index)
    strangers = chance.integers(0, 2**64, 50_000, np.uint64)
    assert sum(len(rows) for rows in found_in(index, strangers).values()) <= 5


IDS = st.one_of(st.integers(0, 5).map(str), st.sampled_from(["A-1", "007", "7", "x" * 64]))
ROWS = st.lists(
    st.builds(Row, IDS, st.sampled_from(["M1", "M2"]), st.just("p"), st.just(1), st.just(0)), min_size=1, max_size=30
)


@given(ROWS)
def test_the_same_merchant_and_id_have_the_same_fingerprint_wherever_they_stand(rows: list[Row]) -> None:
    fingerprints = Fingerprints(b"seed")
    of_each = [int(fingerprints.of(Columns.of([row]))[0]) for row in rows]
    assert fingerprints.of(Columns.of(rows)).tolist() == of_each
    identities = {(row.merchant, row.id) for row in rows}
    assert len(set(of_each)) == len(identities)


def test_another_process_has_other_fingerprints() -> None:
    columns = Columns.of([Row("1", "M1", "p", 1, 0)])
    assert Fingerprints(b"one").of(columns) != Fingerprints(b"another").of(columns)


@given(ROWS, ROWS)
def test_a_page_tells_its_rows_by_fingerprint(rows: list[Row], wanted: list[Row]) -> None:
    fingerprints = Fingerprints(b"seed")
    columns = Columns.of(rows)
    lookup = PageLookup(columns, fingerprints.of(columns))
    found = set(lookup.rows(fingerprints.of(Columns.of(wanted))))
    identities = {(row.merchant, row.id) for row in wanted}
    assert found == {number for number, row in enumerate(rows) if (row.merchant, row.id) in identities}
