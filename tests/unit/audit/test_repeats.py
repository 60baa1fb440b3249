"""Repeats are found in bounded memory: with or without files the suspects are the same."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.audit.repeated import identities_of
from pandapack.audit.repeats import Repeats
from pandapack.contracts.columns import Columns, Row

DAY_US = 86_400 * 1_000_000
NUMBERS = st.integers(0, 20) | st.integers(2**64 - 20, 2**64 - 1) | st.integers(0, 2**64 - 1)


@settings(deadline=None, max_examples=50)  # files cost what the disk takes
@given(batches=st.lists(st.lists(NUMBERS, max_size=30), max_size=8), in_memory_max=st.integers(0, 100))
def test_suspects_are_what_came_twice_however_little_memory_there_is(
    batches: list[list[int]], in_memory_max: int
) -> None:
    with Repeats(in_memory_max=in_memory_max) as repeats:
        for batch in batches:
            repeats.add(np.array(batch, np.uint64))
        suspects = repeats.suspects().tolist()
    counts = Counter(number for batch in batches for number in batch)
    assert suspects == sorted(number for number, count in counts.items() if count > 1)


def test_its_files_are_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Repeats(in_memory_max=10) as repeats:
        repeats.add(np.arange(100, dtype=np.uint64))
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


ALIKE = Row("7", "M1", "love-parcel", 5, 0)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (ALIKE, True),
        (Row("7", "M1", "other", 9, 1), True),  # programme, amount and hour do not tell donations apart
        (Row("8", "M1", "love-parcel", 5, 0), False),
        (Row("07", "M1", "love-parcel", 5, 0), False),
        (Row("A7", "M1", "love-parcel", 5, 0), False),
        (Row("7", "M2", "love-parcel", 5, 0), False),
        (Row("7", "M1", "love-parcel", 5, DAY_US), False),
        (Row("7", "M1", "love-parcel", 5, 16 * 3600 * 1_000_000), False),  # midnight in Shanghai
        (Row("7", "M1", "love-parcel", 5, 16 * 3600 * 1_000_000 - 1), True),
    ],
)
def test_an_identity_is_merchant_id_and_day_in_shanghai(other: Row, is_same: bool) -> None:
    first, second = identities_of(Columns.of([ALIKE, other])).tolist()
    assert (first == second) is is_same


def test_an_identity_is_the_same_on_every_page() -> None:
    rows = [Row(str(n) if n % 3 else f"A{n}", f"M{n % 7}", "love-parcel", 1, n * DAY_US) for n in range(50)]
    whole = identities_of(Columns.of(rows)).tolist()
    assert len(set(whole)) == 50
    assert whole == [identities_of(Columns.of([row])).tolist()[0] for row in rows]
