"""The benchmarks' data set is what it says."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

import msgspec
import pytest
from pydantic import TypeAdapter

from benchmarks.load import FIRST_ID, DataSet
from pandapack.contracts.donations import Donation, scoped, shard_of
from pandapack.local.layout import PLATFORM
from simulator.donations import AMOUNT_PER_MILLE

SHARDS = 8


def lines_of(data: DataSet, lines_a_push: int = 700) -> list[bytes]:
    return [line for body in data.bodies(lines_a_push) for line in body.content.splitlines()]


def test_every_line_is_a_donation_of_the_contract() -> None:
    reader = TypeAdapter(Donation)
    donations = [reader.validate_python(msgspec.json.decode(line)) for line in lines_of(DataSet(2_000, days=40))]
    assert len(donations) == 2_000
    assert all(len(donation.id) == 19 for donation in donations)


def test_ids_are_distinct_and_rise() -> None:
    ids = [int(json.loads(line)["id"]) for line in lines_of(DataSet(25_000, days=1, first=99_990_000))]
    assert ids == list(range(FIRST_ID + 99_990_000, FIRST_ID + 99_990_000 + 25_000))


def test_the_mean_donation_is_4_9_fen() -> None:
    assert sum(amount * mille for amount, mille in AMOUNT_PER_MILLE.items()) == 4_900
    assert DataSet(1_000_000, days=40).fen() / 1_000_000 == pytest.approx(4.9, abs=0.01)


def test_the_sum_is_that_of_the_lines() -> None:
    data = DataSet(5_000, days=40, first=17)
    assert data.fen() == sum(json.loads(line)["amount_fen"] for line in lines_of(data))


@pytest.mark.parametrize(("days", "last"), [(1, "2021-11-11"), (40, "2021-12-20")])
def test_donations_are_spread_evenly_over_the_days(days: int, last: str) -> None:
    counts = Counter(json.loads(line)["at"][:10] for line in lines_of(DataSet(8_000, days=days)))
    assert (len(counts), max(counts)) == (days, last)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_few_merchants_give_much_as_zipf_says() -> None:
    merchants = Counter(json.loads(line)["merchant"] for line in lines_of(DataSet(50_000, days=1)))
    (first, most), (second, next_most) = merchants.most_common(2)
    assert (first, second) == ("M00001", "M00002")
    assert most / next_most == pytest.approx(2**1.07, rel=0.1)
    assert 5_000 < len(merchants) <= 20_000


def test_one_donation_is_what_its_line_says() -> None:
    data = DataSet(3_000, days=40, first=5)
    for k, line in enumerate(lines_of(data)):
        if k % 500 == 0:
            donation, read = data.donation(k), json.loads(line)
            at = datetime.fromisoformat(read["at"])
            assert (donation.id, donation.merchant, donation.amount_fen, donation.day) == (
                read["id"],
                read["merchant"],
                read["amount_fen"],
                at.date().isoformat(),
            )


def test_however_pushes_are_cut_the_lines_are_the_same() -> None:
    data = DataSet(2_500, days=3)
    assert lines_of(data, 1) == lines_of(data, 999) == lines_of(data, 5_000)


def test_by_shard_each_merchant_is_on_its_own_and_nothing_is_missing() -> None:
    data = DataSet(4_000, days=40)
    found: list[bytes] = []
    for parts in data.bodies_by_shard(SHARDS, 1_000):
        for shard, part in parts.items():
            rows = part.content.split(b"\n")
            assert len(rows) == part.donations
            assert {shard_of(scoped(PLATFORM, json.loads(row)["merchant"]), SHARDS) for row in rows} == {shard}
            found += rows
    assert sorted(found) == sorted(lines_of(data))
