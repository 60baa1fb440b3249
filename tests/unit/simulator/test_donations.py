"""Donations of a seed: the same bytes however they are cut, and the shares that the rest relies on."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from simulator.donations import AMOUNT_PER_MILLE, LINE, SHANGHAI, Stream

FIRST_AT = datetime(2020, 1, 1, tzinfo=SHANGHAI)
STREAM = Stream(7, FIRST_AT, 28_800_000)
MANY = 100_000


@given(cuts=st.lists(st.integers(1, 999), max_size=8), seed=st.integers(0, 2**40))
def test_however_a_range_is_cut_its_bodies_joined_are_the_same(cuts: list[int], seed: int) -> None:
    stream = Stream(seed, FIRST_AT, 28_800_000)
    edges = sorted({0, *cuts, 1_000})
    parts = [stream.body(low, high - low) for low, high in pairwise(edges)]
    assert b"".join(parts) == stream.body(0, 1_000)


def test_a_donation_is_what_its_line_says() -> None:
    lines = STREAM.body(0, 50).splitlines()
    for k in range(50):
        donation = STREAM.donation(k)
        expected = {"programme": "love-parcel", "id": donation.id, "merchant": donation.merchant}
        assert {**expected, "amount_fen": donation.amount_fen, "at": donation.at} in [_read(line) for line in lines]


def test_the_mean_donation_is_4_9_fen() -> None:
    assert sum(fen * share for fen, share in AMOUNT_PER_MILLE.items()) == 4_900
    assert abs(STREAM.fen(0, MANY) / MANY - 4.9) < 0.05


def test_ids_are_distinct_and_another_seed_has_others() -> None:
    ids = {STREAM.donation(k).id for k in range(2_000)}
    others = {Stream(8, FIRST_AT, 28_800_000).donation(k).id for k in range(2_000)}
    assert len(ids) == len(others) == 2_000
    assert not ids & others


def test_three_of_a_hundred_are_repeated_and_one_is_followed_by_a_broken_line() -> None:
    assert STREAM.stutters(0, MANY) == (3 * MANY // 100, MANY // 100)
    lines = STREAM.body(0, MANY).split(b"\n")[:-1]
    read = [_read(line) for line in lines]
    whole = [one["id"] for one in read if one is not None and _is_whole(one)]
    assert {len(line) for line in lines} == {LINE.itemsize - 1}
    assert len(set(whole)) == MANY
    assert len(whole) == MANY + 3 * MANY // 100
    assert len(lines) - len(whole) == MANY // 100


def _read(line: bytes) -> dict[str, object] | None:
    try:
        read: dict[str, object] = json.loads(line)
    except ValueError:
        return None
    return read


def _is_whole(one: dict[str, object]) -> bool:
    amount_fen, at = one["amount_fen"], str(one["at"])
    return "merchant" in one and isinstance(amount_fen, int) and amount_fen > 0 and at.endswith("+08:00")
