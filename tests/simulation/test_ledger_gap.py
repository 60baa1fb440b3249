"""A shard whose log has lost its front: it stops, notes where people look, and resumes when one of them lets it."""

from __future__ import annotations

import json
import random

import pytest

from pandapack.contracts.pages import unpack
from pandapack.contracts.pushed_rows import lines_of
from pandapack.decision import Refusal
from pandapack.runtime.partitions import Rewind
from pandapack.runtime.store import Command
from services.donations.ledger.domain.gaps import Gap, resume
from services.donations.ledger.work.anchor import InputLost
from tests.simulation.owners import AT, FaultyRows, Owner, Record, World, pushed_log

SEED = 7
LOST = 3
REWINDS_MAX = 3


async def handle(owner: Owner, records: list[Record]) -> None:
    """Hands over the records, which are all that the log has left: whatever the owner seeks, it gets these."""
    for _ in range(REWINDS_MAX):
        try:
            await owner.ledger.handle(records)
        except Rewind:
            continue
        return
    raise AssertionError(f"rewound {REWINDS_MAX} times")


async def stops(owner: Owner, records: list[Record]) -> None:
    """The owner seeks what it wants, does not find it, and stops."""
    with pytest.raises(InputLost, match="/v1/shards/0/resume"):
        await handle(owner, records)


async def test_a_shard_stops_at_a_gap_until_an_operator_lets_it_resume() -> None:
    world = World(random.Random(SEED), chaos=False)
    log, _ = pushed_log(world.chance, reversals_share=0)
    rows = FaultyRows(world)
    owner = Owner(world, rows, log)
    await owner.assigned(0)
    await owner.ledger.handle(log[:2])
    await stops(owner, log[2 + LOST :])
    known = await owner.gaps.get("0")
    assert known is not None and known.gap == Gap(wanted=2, begins=2 + LOST, since=AT)

    async def let_resume(begins: int) -> object:
        return await owner.gaps.change(
            "0",
            lambda state: resume(state, wanted=2, begins=begins, reason="disk lost", by="Li", at=AT),
            Command(f"key {begins}", "digest"),
        )

    assert isinstance(await let_resume(2), Refusal)
    await stops(owner, log[2 + LOST :])
    assert not isinstance(await let_resume(2 + LOST), Refusal)
    await handle(owner, log[2 + LOST :])
    await owner.assigned(0)  # nothing of it is only in memory: a new owner resumes where this one was
    await handle(owner, log[-1:])
    left = [log[0], log[1], *log[2 + LOST :]]
    wanted = {json.loads(line)["id"] for record in left for line in lines_of(record.value or b"")}
    counted = [row.id for page in await rows.find({}) for row in unpack(bytes(page["columns"])).rows()]
    assert sorted(counted) == sorted(wanted)
