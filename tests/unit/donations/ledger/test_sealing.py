"""Sealing goes on behind what is sealed and signed, and never again behind it."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.pages import page_id
from pandapack.contracts.proof import Signer, make_daily_root
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.relay import EventPublisher
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader, ShardEnd
from services.donations.ledger.domain.seals import seal
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.publisher import ShardPublisher
from services.donations.ledger.work.sealing import SealedHistoryBroken, Sealer
from services.donations.ledger.work.shards import OwnedShards
from services.donations.proofs.domain.roots import shard_root
from services.donations.proofs.store import DailyRoots
from tests.trusted import KEY

PAGES = 4


class Silence:
    """Kafka, of which nothing is asked here."""

    async def send(self, topic: str, **_: Any) -> None:
        """Takes what comes."""


class World:
    """One shard with some closed pages, its seals, and its signed days."""

    def __init__(self) -> None:
        self.pages_rows, self.seals_rows, self.roots_rows = (
            MemoryRows("pages"),
            MemoryRows("seals"),
            MemoryRows("roots"),
        )
        self.pages, self.seals, self.roots = Pages(self.pages_rows), Seals(self.seals_rows), DailyRoots(self.roots_rows)
        shards = OwnedShards(self.pages, ShardPublisher(EventPublisher(Silence(), KEY, "events")), count=1, seed=b"s")
        shards.assign(0)
        self.sealer = Sealer(shards, self.pages, self.seals, self.roots.last_of_shard)

    async def write(self, number: int, *, fen: int = 5) -> None:
        """A closed page of two gifts."""
        rows = [Row(str(10 * number + one), "M1", "p", fen, 1) for one in range(2)]
        header = PageHeader(0, number, 1, closed=True, count=2, anchor=Anchor(number, 0, ""), sequence=number + 1)
        assert await self.pages.write(Page(header, Columns.of(rows)))

    async def sign(self, day: str) -> None:
        """The day's root over all that is sealed."""
        before = await self.roots.last()
        last = await self.seals.last(0)
        assert last is not None
        first = before.shards[0].page + 1 if before else 0
        chained = await self.seals.chained(0, first, last.number)
        await self.roots.write(
            make_daily_root(day, [shard_root(ShardEnd(0, last.number), before, chained)], before, Signer("11" * 32))
        )

    async def sealed(self) -> list[str]:
        """The pages that have a seal."""
        return [row["_id"] for row in await self.seals_rows.find({})]

    def forget(self, rows: MemoryRows, *ids: str) -> None:
        """What somebody deletes who has the database."""
        for id in ids:
            del rows._by_id[id]


@pytest.fixture
async def world() -> World:
    """Four pages, sealed and signed; a fifth is closed since."""
    world = World()
    for number in range(PAGES):
        await world.write(number)
    await world.sealer.run()
    await world.sign("2021-11-11")
    await world.write(PAGES)
    return world


async def test_pages_are_sealed_in_order_behind_what_is_sealed(world: World) -> None:
    await world.sealer.run()
    assert await world.sealed() == [page_id(0, number) for number in range(PAGES + 1)]


@pytest.mark.parametrize("missing", [(3,), (2, 3), (0, 1, 2, 3)])
async def test_what_a_signed_day_covers_is_never_sealed_again(world: World, missing: tuple[int, ...]) -> None:
    world.forget(world.seals_rows, *(page_id(0, number) for number in missing))
    before = await world.sealed()
    with pytest.raises(SealedHistoryBroken, match="signed_seal_missing"):
        await world.sealer.run()
    assert await world.sealed() == before


async def test_nothing_is_sealed_behind_a_gap(world: World) -> None:
    world.forget(world.seals_rows, page_id(0, 1))
    before = await world.sealed()
    with pytest.raises(SealedHistoryBroken, match="seal_missing: shard 0: page 1 "):
        await world.sealer.run()
    assert await world.sealed() == before


async def test_nothing_is_sealed_behind_seals_that_are_not_those_that_were_signed(world: World) -> None:
    before = None
    for number in range(PAGES):
        forged = Columns.of([Row("1", "M1", "p", 900, 1)])
        before = seal(0, number, forged, before)
        world.forget(world.seals_rows, page_id(0, number))
        await world.seals.write(before)
    with pytest.raises(SealedHistoryBroken, match="signed_seal_differs: shard 0: page 3 "):
        await world.sealer.run()
    assert len(await world.sealed()) == PAGES


async def test_without_signed_days_a_gap_is_refused_all_the_same(world: World) -> None:
    world.forget(world.roots_rows, "2021-11-11")
    world.forget(world.seals_rows, page_id(0, 0))
    with pytest.raises(SealedHistoryBroken, match="seal_missing"):
        await world.sealer.run()
    await world.write(PAGES + 1)
    with pytest.raises(SealedHistoryBroken, match="seal_missing"):
        await world.sealer.run()
