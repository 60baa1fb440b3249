"""An attacker who may write anything to any topic changes no figure, loses no genuine event and stops no partition.

A failing run prints its seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from pandapack.contracts.envelope import Envelope
from pandapack.contracts.pushed import holds_reversals
from pandapack.runtime.reactions import reacting
from pandapack.runtime.set_aside import believing
from tests.service.procurement.test_round_trip import run_small
from tests.service.procurement.world import World as Procurement
from tests.simulation.attacker import Attacker, LogRecord, Watch, numbered, signed
from tests.simulation.owners import DOOR, SHARD, FaultyRows, Owner, Record, World, pushed_log
from tests.simulation.test_ledger import check as check_ledger
from tests.unit.reporting.history import enveloped, programme, records
from tests.unit.reporting.world import World as Reporting

SEEDS = range(25)


def by_partition(log: Iterable[LogRecord]) -> dict[tuple[str, int], list[LogRecord]]:
    parts: dict[tuple[str, int], list[LogRecord]] = {}
    for record in log:
        parts.setdefault((record.topic, record.partition), []).append(record)
    return parts


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_views_of_reporting_tell_the_same_whatever_a_stranger_writes(seed: int, tmp_path: Path) -> None:
    chance, world, watch = random.Random(seed), Reporting(), Watch(tmp_path)
    attacker = Attacker(chance)
    handle = believing(watch.judge, watch.set_aside, world.handlers.handle)
    for part in by_partition(numbered(attacker.among([signed(one) for one in enveloped(programme())]))).values():
        waiting = list(part)
        while waiting:
            size = chance.randrange(1, 8)
            await handle(waiting[:size])
            waiting = waiting[size:]
    alone = Reporting()
    await alone.consume(records(enveloped(programme())))
    assert await world.known() == await alone.known()
    assert watch.set_aside.distrusted == attacker.forged > 0


class AttackedProcurement(Procurement):
    """Procurement, to whose topics somebody else writes, too."""

    def __init__(self, seed: int, watch: Watch) -> None:
        super().__init__(seed, repeats=True)
        self.attacker, self.watch = Attacker(random.Random(seed)), watch

    async def consume(self, envelopes: Iterable[Envelope]) -> None:
        handle = believing(self.watch.judge, self.watch.set_aside, reacting(self.handlers.route))
        await handle(self.attacker.among([signed(one) for one in envelopes]))


@pytest.mark.parametrize("seed", range(6))
async def test_procurement_funds_buys_and_pays_the_same_whatever_a_stranger_writes(seed: int, tmp_path: Path) -> None:
    attacked = AttackedProcurement(seed, Watch(tmp_path))
    assert await run_small(seed, repeats=True, world=attacked) == await run_small(100, repeats=False), f"seed {seed}"
    assert attacked.watch.set_aside.distrusted == attacked.attacker.forged > 100


def strangers(chance: random.Random, log: list[Record]) -> list[Record]:
    """The log with records that the door did not let in, and some of its own once more, behind themselves."""
    found: list[Record] = []
    for record in log:
        while chance.random() < 0.5:
            value = chance.choice([None, b"", b"\xff", b"\n" * 40, b"{oops\n" * 30, record.value, record.value])
            other = DOOR.mark(SHARD.partition + 1, [("push", b"x"), ("platform", b"shop")], value or b"")
            near = [(name, content + b"x") for name, content in record.headers]
            found.append(replace(record, value=value, headers=chance.choice([(), other, near, record.headers[:2]])))
        found.append(record)
        donations = [one for one in found if is_genuine(one) and not holds_reversals(one.headers)]
        if donations and chance.random() < 0.3:
            found.append(replace(chance.choice(donations)))
    return [replace(record, offset=offset) for offset, record in enumerate(found)]


def is_genuine(record: Record) -> bool:
    return DOOR.is_marked(SHARD.partition, record.headers, record.value or b"")


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_ledger_counts_the_same_gifts_whatever_a_stranger_writes(seed: int) -> None:
    chance = random.Random(seed)
    world, (log, oracle) = World(chance, chaos=False), pushed_log(chance)
    log = strangers(chance, log)
    rows = FaultyRows(world)
    owner = Owner(world, rows, log)
    await owner.assigned(0)
    while owner.position < len(log):
        await owner.poll()
    check_ledger(await rows.find({}), world.published, oracle)
    unmarked = [record for record in log if not is_genuine(record)]
    assert sorted(world.dead_letters) == sorted(f"donations.pushed/0/{record.offset}" for record in unmarked)
