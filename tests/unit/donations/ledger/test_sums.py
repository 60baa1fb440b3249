"""Sums by key."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.donations.ledger.domain.sums import sums_by_key

KEYS = st.one_of(st.integers(0, 3), st.integers(0, 2**62), st.integers(0, 40).map(lambda n: n << 40))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KEYS, st.integers(-5, 2**40)), max_size=60))
def test_each_key_has_its_rows_and_the_sum_of_their_amounts(rows: list[tuple[int, int]]) -> None:
    keys, amounts = np.array([key for key, _ in rows], np.int64), np.array([fen for _, fen in rows], np.int64)
    counts, sums = Counter[int](), Counter[int]()
    for key, fen in rows:
        counts[key] += 1
        sums[key] += fen
    found = list(zip(*map(np.ndarray.tolist, sums_by_key(keys, amounts)), strict=True))
    assert sorted(found) == [(key, counts[key], sums[key]) for key in sorted(counts)]
