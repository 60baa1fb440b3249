"""Percentages add up to exactly 100."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain.iati.shares import WHOLE, percentage, shares

WEIGHTS = st.dictionaries(st.text("abcdef", min_size=1), st.integers(-(10**6), 10**15), max_size=30)


@given(WEIGHTS)
def test_shares_add_up_and_are_at_most_a_hundredth_off(weights: dict[str, int]) -> None:
    found, known = shares(weights), {name: weight for name, weight in weights.items() if weight > 0}
    assert sum(Decimal(percentage(one)) for one in found.values()) == (100 if known else 0)
    assert found.keys() <= known.keys() and all(found.values())
    for name, weight in known.items():
        assert abs(found.get(name, 0) - Decimal(WHOLE * weight) / sum(known.values())) < 1


def test_of_equal_remainders_the_first_by_name_is_rounded_up() -> None:
    assert shares({"c": 1, "a": 1, "b": 1}) == {"a": 3334, "b": 3333, "c": 3333}
    assert [percentage(one) for one in (3334, 5, WHOLE)] == ["33.34", "0.05", "100"]
