"""A line whose log has lost its front: it stops, says so where people look, and goes on when one of them lets it."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from pandapack.contracts.pages import unpack
from pandapack.decision import Refusal
from pandapack.runtime.broker import Rewind
from pandapack.runtime.store import Command
from services.donations.domain.lines import Gap, go_on
from services.donations.handlers.ledger import InputLost
from tests.simulation.test_ledger import FaultyRows, Owner, Record, World, pushed

AT = datetime(2021, 11, 11, tzinfo=UTC)
SEED = 7
LOST = 3
REWINDS_MAX = 3


async def take(owner: Owner, records: list[Record]) -> None:
    """Takes the records, which are all that the log has left: whatever the owner seeks, it gets these."""
    for _ in range(REWINDS_MAX):
        try:
            await owner.ledger.take(records)
        except Rewind:
            continue
        return
    raise AssertionError(f"rewound {REWINDS_MAX} times")


async def stops(owner: Owner, records: list[Record]) -> None:
    """The owner seeks what it wants, does not find it, and stops."""
    with pytest.raises(InputLost, match="go-on"):
        await take(owner, records)


async def test_a_line_stops_at_a_gap_until_an_operator_lets_it_go() -> None:
    world = World(random.Random(SEED), chaos=False)
    log, _ = pushed(world.chance, reversals_share=0)
    rows = FaultyRows(world)
    owner = Owner(world, rows, log)
    await owner.assigned(0)
    await owner.ledger.take(log[:2])
    await stops(owner, log[2 + LOST :])
    book = await owner.book.get("0")
    assert book is not None and book.gap == Gap(wanted=2, begins=2 + LOST, since=AT)

    async def let_go(begins: int) -> object:
        return await owner.book.change(
            "0",
            lambda state: go_on(state, wanted=2, begins=begins, reason="disk lost", by="Li", at=AT),
            Command(f"key {begins}", "digest"),
        )

    assert isinstance(await let_go(2), Refusal)
    await stops(owner, log[2 + LOST :])
    assert not isinstance(await let_go(2 + LOST), Refusal)
    await take(owner, log[2 + LOST :])
    await owner.assigned(0)  # nothing of it is only in memory: a new owner goes on where this one was
    await take(owner, log[-1:])
    kept = [log[0], log[1], *log[2 + LOST :]]
    wanted = {
        line.split(b'"id": "')[1].split(b'"')[0].decode() for record in kept for line in record.value.split(b"\n")
    }
    counted = [row.id for page in await rows.find({}) for row in unpack(bytes(page["columns"])).rows()]
    assert sorted(counted) == sorted(wanted)
