"""Sealing goes on behind what is sealed and published, never again behind it, and tells of each seal once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import PageSealed
from pandapack.contracts.envelope import decode, read_as, sequence_of
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import page_id
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.relay import EventPublisher
from pandapack.runtime.store import Store
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.domain.seals import seal
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.published_seals import PUBLISHED_SEALS
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.publisher import ShardPublisher
from services.donations.ledger.work.sealing import PAGES_A_RUN, SealedHistoryBroken, Sealer
from services.donations.ledger.work.shards import OwnedShards
from tests.trusted import KEY

PAGES = 4
AT = datetime(2021, 11, 11, tzinfo=UTC)


class Silence:
    """Kafka, of which nothing is asked here."""

    async def send(self, topic: str, **_: Any) -> None:
        """Takes what comes."""


class Killed(BaseException):
    """A process ends."""


class Mortal:
    """A collection whose process is killed after so many steps; a step is an answer, or what is done before it."""

    def __init__(self, collection: Any, fuse: list[int]) -> None:
        self._collection, self._fuse = collection, fuse
        self.name = collection.name

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            self._burn()
            answer = await getattr(self._collection, name)(*given, **named)
            self._burn()
            return answer

        return call

    def _burn(self) -> None:
        self._fuse[0] -= 1
        if self._fuse[0] == 0:
            raise Killed


class World:
    """One shard with some closed pages, its seals, and what is published of them."""

    def __init__(self) -> None:
        self.pages_rows, self.seals_rows = MemoryRows("pages"), MemoryRows("seals")
        self.documents = MemoryDocuments("published_seals")
        self.sealer = self.process(10**9)

    def process(self, steps: int) -> Sealer:
        """A process that lives so long."""
        fuse = [steps]
        pages, seals = Pages(Mortal(self.pages_rows, fuse)), Seals(Mortal(self.seals_rows, fuse))
        shards = OwnedShards(pages, ShardPublisher(EventPublisher(Silence(), KEY, "events")), count=1, seed=b"s")
        shards.assign(0)
        documents: Any = Mortal(self.documents, fuse)
        published = Store(PUBLISHED_SEALS, documents, clock=FixedClock(AT), chance=SeededChance(1))
        return Sealer(shards, pages, seals, published)

    async def write(self, number: int, *, fen: int = 5, sequence: int | None = None) -> None:
        """A closed page of two gifts, behind the shard's event of that number."""
        rows = [Row(str(10 * number + one), "M1", f"p{one}", fen, 1) for one in range(2)]
        at = sequence if sequence is not None else 3 * number + 2
        header = PageHeader(0, number, 1, closed=True, count=2, anchor=Anchor(number, 0, ""), sequence=at)
        assert await Pages(self.pages_rows).write(Page(header, Columns.of(rows)))

    async def sealed(self) -> list[str]:
        """The pages that have a seal."""
        return [row["_id"] for row in await self.seals_rows.find({})]

    async def published(self) -> list[tuple[str, str, PageSealed]]:
        """Identity, causes and data of all that was published."""
        document = await self.documents.read("0")
        envelopes = [decode(one.envelope) for one in document.outbox] if document else []
        return [(one.key, one.causes or "", read_as(one, PageSealed)) for one in envelopes]

    def forget(self, *numbers: int) -> None:
        """What somebody deletes who has the database."""
        for number in numbers:
            del self.seals_rows._by_id[page_id(0, number)]


@pytest.fixture
async def world() -> World:
    """Four pages, sealed and published; a fifth is closed since."""
    world = World()
    for number in range(PAGES):
        await world.write(number)
    await world.sealer.run()
    await world.write(PAGES)
    return world


async def test_pages_are_sealed_in_order_behind_what_is_sealed_and_each_seal_is_published(world: World) -> None:
    await world.sealer.run()
    assert await world.sealed() == [page_id(0, number) for number in range(PAGES + 1)]
    found = await world.published()
    assert [key for key, _, _ in found] == [f"/donations/seals/0#{sequence_of(n + 1)}" for n in range(PAGES + 1)]
    assert [event.page for _, _, event in found] == list(range(PAGES + 1))
    _, causes, event = found[-1]
    assert causes == f"/donations/shards/0#{3 * PAGES + 2} donations.seals/0#{PAGES + 1}"
    page = await Pages(world.pages_rows).one(0, PAGES)
    assert page is not None and event.root == page_root(page.columns).hex()
    assert (event.shard, event.rows, event.fen) == (0, 2, 10)
    assert [(one.programme, one.count, one.fen) for one in event.programmes] == [("p0", 1, 5), ("p1", 1, 5)]


async def test_seals_of_an_older_release_are_published_some_at_a_time_and_once() -> None:
    world, count, before = World(), 2 * PAGES_A_RUN + 1, None
    for number in range(count):
        await world.write(number)
        page = await Pages(world.pages_rows).one(0, number)
        assert page is not None
        before = seal(0, number, page.columns, before)
        await Seals(world.seals_rows).write(before)
    assert await world.sealer.run() and await world.sealer.run() and not await world.sealer.run()
    await world.sealer.run()
    assert [event.page for _, _, event in await world.published()] == list(range(count))


async def test_two_pages_behind_one_event_are_two_events() -> None:
    world = World()
    for number in range(2):
        await world.write(number, sequence=7)
    await world.sealer.run()
    assert [causes for _, causes, _ in await world.published()] == [
        "/donations/shards/0#7 donations.seals/0#1",
        "donations.seals/0#2",
    ]


async def test_whenever_a_process_is_killed_each_page_is_sealed_and_published_once() -> None:
    reference = World()
    for number in range(PAGES):
        await reference.write(number)
    await reference.sealer.run()
    steps, was_killed = 1, True
    while was_killed:
        world, was_killed = World(), False
        for number in range(PAGES):
            await world.write(number)
        try:
            await world.process(steps).run()
        except Killed:
            was_killed = True
        await world.process(10**9).run()
        assert await world.published() == await reference.published(), steps
        assert await world.sealed() == await reference.sealed(), steps
        steps += 1
    assert steps > 4 * PAGES


async def test_two_processes_publish_each_seal_once(world: World) -> None:
    other = world.process(10**9)
    await world.write(PAGES + 1)
    stale = other._state

    async def state_of_before(shard: int) -> Any:
        state = await stale(shard)
        await world.sealer.run()  # the other one is faster, between what this one reads and what it writes
        return state

    other._state = state_of_before  # type: ignore[method-assign]
    await other.run()
    assert [event.page for _, _, event in await world.published()] == list(range(PAGES + 2))


@pytest.mark.parametrize("missing", [(3,), (2, 3), (0, 1, 2, 3)])
async def test_what_is_published_is_never_sealed_again(world: World, missing: tuple[int, ...]) -> None:
    world.forget(*missing)
    before = await world.sealed()
    with pytest.raises(SealedHistoryBroken, match="published_seal_missing"):
        await world.sealer.run()
    assert await world.sealed() == before and len(await world.published()) == PAGES


async def test_nothing_is_sealed_behind_a_gap(world: World) -> None:
    world.forget(1)
    before = await world.sealed()
    with pytest.raises(SealedHistoryBroken, match="seal_missing: shard 0: page 1 "):
        await world.sealer.run()
    assert await world.sealed() == before


async def test_nothing_is_sealed_behind_seals_that_are_not_those_that_were_published(world: World) -> None:
    before = None
    for number in range(PAGES):
        forged = Columns.of([Row("1", "M1", "p", 900, 1)])
        before = seal(0, number, forged, before)
        world.forget(number)
        await Seals(world.seals_rows).write(before)
    with pytest.raises(SealedHistoryBroken, match="published_seal_differs: shard 0: page 3 "):
        await world.sealer.run()
    assert len(await world.sealed()) == PAGES


async def test_where_nothing_is_published_a_gap_is_refused_all_the_same(world: World) -> None:
    world.documents._by_id.clear()
    world.forget(0)
    for number in range(PAGES + 1, PAGES + 3):
        with pytest.raises(SealedHistoryBroken, match="seal_missing"):
            await world.sealer.run()
        await world.write(number)
    assert await world.published() == []


async def test_a_page_that_is_not_as_it_was_sealed_is_not_published(world: World) -> None:
    world.documents._by_id.clear()
    del world.pages_rows._by_id[page_id(0, 2)]
    await world.write(2, fen=900)
    with pytest.raises(SealedHistoryBroken, match="page_differs: shard 0: the rows of page 2 "):
        await world.sealer.run()
    assert await world.published() == []


async def test_a_seal_that_is_not_chained_to_the_one_published_before_is_not_published(world: World) -> None:
    page = await Pages(world.pages_rows).one(0, PAGES)
    assert page is not None
    chained = seal(0, 0, page.columns, None)  # as if there were none before
    await Seals(world.seals_rows).write(type(chained)(0, PAGES, 2, chained.root, chained.previous, chained.chained))
    with pytest.raises(SealedHistoryBroken, match="published_seal_differs: shard 0: page 4 is not chained"):
        await world.sealer.run()
    assert len(await world.published()) == PAGES
