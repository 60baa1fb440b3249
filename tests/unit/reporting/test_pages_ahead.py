"""Pages are made ahead of those who ask, while anybody does, and never shown for longer than they may be."""

from __future__ import annotations

import asyncio

import pytest

from pandapack.runtime.errors import Unavailable
from services.reporting.api import pages_ahead as module
from services.reporting.api.pages_ahead import PAGES_MAX, PagesAhead
from tests.waiting import eventually_async


class Maker:
    """Makes pages that say how many were made before."""

    def __init__(self) -> None:
        self.made, self.fails, self.now_s = 0, False, 0.0

    async def make(self, key: str) -> bytes:
        if self.fails:
            raise Unavailable("MongoDB does not answer")
        self.made += 1
        return f"{key} {self.made}".encode()


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    found = Maker()
    monkeypatch.setattr(module, "monotonic_s", lambda: found.now_s)
    monkeypatch.setattr(module, "PAGE_PAUSE_S", 0.001)
    return found


async def test_a_page_is_made_once_for_all_who_ask_at_a_time(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_PAUSE_S", 60.0)
    pages = PagesAhead(maker.make)
    assert [await pages.get("en") for _ in range(100)] == [b"en 1"] * 100
    assert await pages.get("zh") == b"zh 2"


async def test_many_who_ask_at_once_share_one_page(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_PAUSE_S", 60.0)
    make = maker.make

    async def slowly(key: str) -> bytes:
        await asyncio.sleep(0)
        return await make(key)

    pages = PagesAhead(slowly)
    assert set(await asyncio.gather(*(pages.get("en") for _ in range(100)))) == {b"en 1"}


async def test_nobody_waits_for_a_page_while_others_have_asked_before(maker: Maker) -> None:
    pages = PagesAhead(maker.make)
    await pages.get("en")
    await eventually_async(lambda: maker.made > 3, "it is made ahead")
    made = maker.made
    assert await pages.get("en") == f"en {made}".encode(), "nothing was made for this reader"


async def test_a_page_that_is_too_old_is_made_anew(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_PAUSE_S", 60.0)
    pages = PagesAhead(maker.make)
    await pages.get("en")
    maker.now_s = module.PAGE_S_MAX + 0.01
    assert await pages.get("en") == b"en 2"


async def test_a_page_that_nobody_asks_for_is_not_made_any_more(maker: Maker) -> None:
    pages = PagesAhead(maker.make)
    await pages.get("en")
    maker.now_s = module.ASKED_S + 0.01
    await asyncio.sleep(0.02)
    made = maker.made
    await asyncio.sleep(0.02)
    assert maker.made == made
    assert await pages.get("en") == f"en {made + 1}".encode()


async def test_who_asks_is_told_that_the_figures_cannot_be_read_and_later_gets_them(maker: Maker) -> None:
    pages = PagesAhead(maker.make)
    await pages.get("en")
    maker.fails, maker.now_s = True, module.PAGE_S_MAX + 0.01
    with pytest.raises(Unavailable):
        await pages.get("en")
    maker.fails = False
    assert (await pages.get("en")).startswith(b"en ")


async def test_however_many_addresses_we_are_called_by_so_many_pages_are_kept_and_no_more(maker: Maker) -> None:
    pages = PagesAhead(maker.make)
    for number in range(3 * PAGES_MAX):
        assert (await pages.get(f"address {number}")).startswith(f"address {number} ".encode())
    assert len(pages._kept) == PAGES_MAX
