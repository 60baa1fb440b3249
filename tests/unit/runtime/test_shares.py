"""However much some take, whoever comes next finds room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.runtime.shares import Shares


def taken_by(shares: Shares, holder: str) -> int:
    while shares.take(holder):
        pass
    return shares.held(holder)


def test_whoever_is_alone_takes_a_half_and_two_a_third_each_and_the_next_one_finds_room() -> None:
    shares = Shares(1_200)
    assert taken_by(shares, "first") == 600
    assert taken_by(shares, "second") == 300
    shares.give_back("first", 200)
    assert (taken_by(shares, "second"), taken_by(shares, "first")) == (400, 400)
    assert shares.take("third", 100)


def test_nothing_is_kept_of_whoever_holds_nothing() -> None:
    shares = Shares(10)
    for number in range(1_000):
        assert shares.take(f"client {number}")
        shares.give_back(f"client {number}")
    assert (shares.holders, shares.taken) == (0, 0)


def test_more_than_was_taken_is_not_given_back() -> None:
    shares = Shares(10)
    with pytest.raises(AssertionError):
        shares.give_back("nobody")


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 40), st.booleans()), max_size=80))
def test_the_total_is_never_passed_and_a_newcomer_always_has_as_much_as_the_largest_holder_may_add(
    steps: list[tuple[str, int, bool]],
) -> None:
    shares = Shares(100)
    for holder, count, gives_back in steps:
        if gives_back and shares.held(holder) >= count:
            shares.give_back(holder, count)
        else:
            before, is_taken = shares.taken, shares.take(holder, count)
            assert shares.taken == before + count * is_taken
            assert not is_taken or shares.held(holder) <= shares.total - shares.taken
    assert shares.taken == sum(map(shares.held, "abcde")) < shares.total
    assert shares.is_room("newcomer", (shares.total - shares.taken) // 2)
