"""The ledger's owners in a seeded world: lost answers, late writes, crashes, zombies and rebalances.

Whatever happens, the pages hold what a plain dict would, once, and a strict consumer of the shard applies exactly that.
A failing run prints its seed; `play(seed)` repeats it.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from pandapack.contracts.donations import DonationsRecorded, DonationsReversed
from pandapack.contracts.envelope import decode, read_as
from pandapack.contracts.pages import unpack
from pandapack.runtime.documents import Json
from services.donations.ledger.domain import pages as pages_module
from services.donations.ledger.work import recorder as recorder_module
from tests.simulation.owners import RECORDS, FaultyRows, Oracle, Owner, World, pushed_log

SEEDS = range(150)
STEPS_OF_CHAOS = 60
STEPS_MAX = 400


async def play(seed: int) -> None:
    """One run; asserts that nothing was lost, doubled or published otherwise."""
    chance = random.Random(seed)
    world = World(chance)
    log, oracle = pushed_log(chance)
    rows = FaultyRows(world)
    owners = [Owner(world, rows, log), Owner(world, rows, log)]
    current, tasks = 0, set[asyncio.Task[None]]()
    await owners[0].assigned(0)
    for step in range(STEPS_MAX):
        world.chaos = step < STEPS_OF_CHAOS
        if world.happens(0.1):  # a rebalance: the old owner may still be at work, a zombie
            current ^= 1
            await owners[current].assigned(chance.randrange(owners[current ^ 1].position + 1))
        if world.happens(0.05):  # kill -9 and a new process
            for task in tasks:
                task.cancel()
            owners[current] = Owner(world, rows, log)
            await owners[current].assigned(0)
        if world.late and chance.random() < 0.3:
            write, *given = world.late.pop(chance.randrange(len(world.late)))
            await write(*given)
        task = asyncio.create_task(owners[current].poll())
        if world.happens(0.3):
            tasks.add(task)  # runs by itself while others act
            await asyncio.sleep(0)
        else:
            await asyncio.gather(task, return_exceptions=False)
        if not world.chaos and owners[current].position >= len(log) and not world.late:
            break
    await asyncio.gather(*tasks, return_exceptions=True)
    await owners[current].assigned(0)
    for _ in range(RECORDS):
        await owners[current].poll()
    check(await rows.find({}), world.published, oracle)


def check(pages: list[Json], published: list[bytes], oracle: Oracle) -> None:
    counted = [row for page in pages for row in unpack(bytes(page["columns"])).rows()]
    assert sorted((int(row.id), row.amount_fen) for row in counted) == sorted(oracle.donations.items())
    records = [one for page in pages for one in page["reversals"]]
    found = [(one["reversal"], int(one["donation"]), one["amount_fen"], one["state"]) for one in records]
    assert found == oracle.reversals
    applied, fen, count, reversed_fen = 0, 0, 0, 0
    for envelope in map(decode, published):
        if envelope.number <= applied:
            continue
        assert envelope.number == applied + 1, f"applied up to {applied}, then {envelope.number} came"
        applied = envelope.number
        if envelope.type == DonationsReversed.TYPE:
            for part in read_as(envelope, DonationsReversed).reversals:
                assert part.fen_from == reversed_fen
                reversed_fen = part.fen_to
            continue
        event = read_as(envelope, DonationsRecorded)
        for interval in event.intervals:
            assert interval.fen_from == fen
            fen = interval.fen_to
        count += event.count
    assert (count, fen, reversed_fen) == (len(oracle.donations), sum(oracle.donations.values()), oracle.reversed_fen)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_the_ledger_is_that_of_a_plain_dict(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "PAGE_ROWS_FULL", 6)
    monkeypatch.setattr(pages_module, "PAGE_FINDINGS_FULL", 24)
    monkeypatch.setattr(recorder_module, "REVERSALS_AT_ONCE_MAX", 6)
    await play(seed)
