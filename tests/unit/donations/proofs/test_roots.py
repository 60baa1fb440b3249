"""Daily roots: one a day without gaps, once the day has ended and every closed page of it is sealed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, day_name, day_of_name
from pandapack.contracts.pages import FIRST_SEAL
from pandapack.contracts.proof import Signer, root_failures
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from services.donations.ledger.domain.findings import Anchor
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.domain.seals import Seal, seal
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.seals import Seals
from services.donations.proofs.domain.roots import LAST_PAGES_S, due_day
from services.donations.proofs.store import DailyRoots
from services.donations.proofs.work.root_signer import RootSigner

DAY = day_of_name("2021-11-11")
MIDNIGHT = datetime(2021, 11, 11, 16, tzinfo=UTC)  # at which the day ends in Shanghai
DUE = MIDNIGHT + timedelta(seconds=LAST_PAGES_S)
ENDS_US = (DAY + 1) * DAY_US - DAY_OFFSET_US
DUE_US = ENDS_US + LAST_PAGES_S * 1_000_000
SHARDS = 2


@pytest.mark.parametrize(
    ("last", "first_opened", "now_us", "due"),
    [
        (None, None, DUE_US, None),  # no page yet
        (None, DAY, ENDS_US, None),  # its last pages may still be written
        (None, DAY, DUE_US - 1, None),
        (None, DAY, DUE_US, DAY),
        (None, DAY, DUE_US + 5 * DAY_US, DAY),  # days are signed in order
        (day_name(DAY - 1), None, DUE_US, DAY),
        (day_name(DAY), None, DUE_US, None),
        (day_name(DAY), None, DUE_US + DAY_US, DAY + 1),
    ],
)
def test_a_root_is_due_for_the_day_behind_the_last_one_once_it_has_ended(
    last: str | None, first_opened: int | None, now_us: int, due: int | None
) -> None:
    assert due_day(last, first_opened, now_us) == due


class World:
    """A ledger of two shards, of which only shard 0 gets pages, and who signs its roots."""

    def __init__(self, signer: Signer | None) -> None:
        self.pages, self.seals = Pages(MemoryRows("pages")), Seals(MemoryRows("seals"))
        self.roots, self.clock = DailyRoots(MemoryRows("daily_roots")), FixedClock(MIDNIGHT)
        self.signer = RootSigner(self.roots, self.pages, self.seals, self.clock, signer, shards=SHARDS)

    async def close_page(self, number: int, opened_day: int) -> Columns:
        columns = Columns.of([Row(str(number), "M1", "p", 5, ENDS_US - 1)])
        counts, fronts = {"p": number + 1}, {"p": 5 * (number + 1)}
        header = PageHeader(
            0,
            number,
            version=1,
            closed=True,
            count=1,
            counts=counts,
            fronts=fronts,
            anchor=Anchor(number, 0, ""),
            opened_day=opened_day,
        )
        assert await self.pages.write(Page(header, columns))
        return columns

    async def seal_page(self, number: int, columns: Columns) -> Seal:
        made = seal(0, number, columns, await self.seals.last(0))
        await self.seals.write(made)
        return made


async def test_each_ended_day_is_signed_in_order_once_its_closed_pages_are_sealed() -> None:
    key = Signer("11" * 32)
    world = World(key)
    first = await world.close_page(0, DAY)
    assert await world.signer.sign_due() == 0, "the day's last pages may still be written"
    world.clock.at = DUE
    assert await world.signer.sign_due() == 0, "its page is not sealed yet"
    sealed = await world.seal_page(0, first)
    assert (await world.signer.sign_due(), await world.signer.sign_due()) == (1, 0)
    second = await world.close_page(1, DAY + 2)
    again = await world.seal_page(1, second)
    world.clock.at = DUE + timedelta(days=2)
    assert await world.signer.sign_due() == 2
    roots = list(reversed(await world.roots.newest(10)))
    assert [root.day for root in roots] == [day_name(DAY + later) for later in range(3)]
    own, idle = zip(*(root.shards for root in roots), strict=True)
    assert [(part.first, part.page, part.chained) for part in own] == [
        (0, 0, sealed.chained.hex()),
        (1, 0, sealed.chained.hex()),  # nothing new
        (1, 1, again.chained.hex()),
    ]
    assert [(part.counts, part.fen) for part in own] == [
        ({"p": 1}, {"p": 5}),
        ({"p": 1}, {"p": 5}),
        ({"p": 2}, {"p": 10}),
    ]
    assert {(part.first, part.page, part.chained) for part in idle} == {(0, -1, FIRST_SEAL.hex())}
    for before, root in zip([None, *roots], roots, strict=False):
        assert root_failures(root, key.public, before) == []


async def test_without_a_key_nothing_is_signed() -> None:
    world = World(None)
    await world.seal_page(0, await world.close_page(0, DAY))
    world.clock.at = DUE
    assert await world.signer.sign_due() == 0
    assert await world.roots.last() is None
