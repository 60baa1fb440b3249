"""Waiting for a push's judgement: one look for all, bounded, and nothing stays of who went."""

from __future__ import annotations

import asyncio

import pytest

from pandapack.runtime.mongo import StoreUnavailable
from services.donations.pushes.work import waiting
from services.donations.pushes.work.waiting import Waiting

LONG_S = 60


class Shards:
    """How far shards are, who looked, and whether they answer."""

    def __init__(self) -> None:
        self.next_offsets = {0: 0, 1: 0}
        self.looks = 0
        self.looked = asyncio.Event()
        self.failures = 0

    async def next_offset(self, shard: int) -> int:
        self.looks += 1
        self.looked.set()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        return self.next_offsets[shard]


async def test_who_waits_is_told_once_every_shard_is_behind_its_end() -> None:
    shards = Shards()
    pushes = Waiting(shards.next_offset, pause_s=0)
    one = asyncio.create_task(pushes.until_decided({0: 4, 1: 2}, LONG_S))
    other = asyncio.create_task(pushes.until_decided({0: 4}, LONG_S))
    await shards.looked.wait()
    assert not one.done()
    shards.next_offsets[0] = 5
    await other
    assert not one.done()
    shards.next_offsets[1] = 3
    await one
    assert len(pushes) == 0


async def test_many_who_wait_cost_one_look_at_each_shard() -> None:
    shards = Shards()
    pushes = Waiting(shards.next_offset, pause_s=LONG_S)
    waiters = [asyncio.create_task(pushes.until_decided({0: 1, 1: 1}, LONG_S)) for _ in range(50)]
    await shards.looked.wait()
    assert (shards.looks, len(pushes)) == (2, 50)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    assert len(pushes) == 0


async def test_when_the_time_has_passed_who_waits_goes_on() -> None:
    pushes = Waiting(Shards().next_offset)
    await pushes.until_decided({0: 1}, 0.0)
    assert len(pushes) == 0


async def test_a_store_that_is_away_for_a_while_ends_no_wait() -> None:
    shards = Shards()
    shards.failures, shards.next_offsets[0] = 3, 9
    await Waiting(shards.next_offset, pause_s=0).until_decided({0: 1}, LONG_S)
    assert shards.failures == 0


async def test_whoever_comes_when_too_many_wait_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITERS_MAX", 0)
    shards = Shards()
    await Waiting(shards.next_offset).until_decided({0: 1}, LONG_S)
    assert shards.looks == 0
