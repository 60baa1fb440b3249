"""A merchant's name on the ledger has its platform in it: no two platforms can name the same merchant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.donations import is_platform, scoped, unscoped
from pandapack.contracts.pushed import PLATFORM_HEADER, headers_of, platform_of

PLATFORMS = st.text("abAB01._-", min_size=1, max_size=16)
MERCHANTS = st.text("abAB01._:-", min_size=1, max_size=47)


@given(PLATFORMS, MERCHANTS, PLATFORMS, MERCHANTS)
def test_two_names_are_one_where_platform_and_merchant_are_and_nowhere_else(
    platform: str, merchant: str, other_platform: str, other_merchant: str
) -> None:
    same = (platform, merchant) == (other_platform, other_merchant)
    assert (scoped(platform, merchant) == scoped(other_platform, other_merchant)) == same


@given(PLATFORMS, MERCHANTS)
def test_a_scoped_name_leads_back_to_its_parts_whatever_colons_are_in_it(platform: str, merchant: str) -> None:
    assert unscoped(scoped(platform, merchant)) == (platform, merchant)


@pytest.mark.parametrize("name", ["", "M1", ":M1", "shop:", "a b:M1", "seventeen-letters:M1"])
def test_what_is_no_scoped_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="platform:merchant"):
        unscoped(name)


@pytest.mark.parametrize("text", ["", "a:b", "a b", "x" * 17, "shop\n", "é"])
def test_what_can_be_no_platform_is_none(text: str) -> None:
    assert not is_platform(text)
    assert platform_of([(PLATFORM_HEADER, text.encode())]) == ""


def test_a_record_says_whose_it_is_and_one_that_does_not_is_nobodys() -> None:
    assert platform_of(headers_of("psh_1", "shop", are_reversals=True)) == "shop"
    assert platform_of([]) == ""
