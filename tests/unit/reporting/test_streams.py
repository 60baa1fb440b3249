"""Live streams: the figures are read once a tick for all viewers, and no viewer takes the place of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import cast

import msgspec
import pytest

from pandapack.runtime.errors import Unavailable
from services.reporting.domain.ahead import Ahead, Lead
from services.reporting.domain.pipeline import Freshness
from services.reporting.work import streams as module
from services.reporting.work.readings import Reading, Readings
from services.reporting.work.snapshots import Snapshots
from services.reporting.work.streams import STREAMS_MAX, StreamEvent, Streams, TooManyStreams
from tests.unit.reporting.history import AT
from tests.unit.reporting.world import stores_in_memory
from tests.waiting import eventually_async


class Figures:
    """Readings that a test sets, and that count how often they are read."""

    def __init__(self) -> None:
        self.donations, self.read, self.fails = 1, 0, False
        stores = stores_in_memory()
        self._snapshots = Snapshots(stores.public_log, stores.snapshots)

    async def now(self) -> Reading:
        self.read += 1
        if self.fails:
            raise Unavailable("MongoDB does not answer")
        lead = Lead({"love": Ahead(donations=self.donations)})
        fresh = Freshness(AT + timedelta(seconds=self.read), 0.1, 0)
        return Reading(self._snapshots.current, lead, fresh)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Figures:
    monkeypatch.setattr(module, "STREAM_PAUSE_S", 0.001)
    return Figures()


def streams_of(figures: Figures) -> Streams:
    return Streams(cast(Readings, figures))


async def next_of(stream: AsyncGenerator[StreamEvent, None]) -> StreamEvent:
    return await asyncio.wait_for(anext(stream), 10)


async def test_a_viewer_gets_all_figures_then_how_fresh_they_are_and_all_again_when_one_changed(
    figures: Figures,
) -> None:
    async with aclosing(streams_of(figures).open("viewer", "")) as stream:
        first = await next_of(stream)
        assert (first.name, msgspec.json.decode(first.data)["donations"]) == ("totals", 1)
        fresh = await next_of(stream)
        assert (fresh.name, fresh.id) == ("fresh", first.id)
        assert set(msgspec.json.decode(fresh.data)) == {"complete_to", "behind_s"}
        figures.donations = 2
        while (changed := await next_of(stream)).name == "fresh":
            pass
        assert msgspec.json.decode(changed.data)["donations"] == 2 and changed.id != first.id


async def test_who_knows_the_figures_is_not_sent_them_again(figures: Figures) -> None:
    streams = streams_of(figures)
    async with aclosing(streams.open("viewer", "")) as stream:
        seen = (await next_of(stream)).id
    async with aclosing(streams.open("viewer", seen)) as again:
        assert (await next_of(again)).name == "fresh"


async def test_however_many_watch_the_figures_are_read_once_a_tick_and_nobody_is_read_for_when_all_have_gone(
    figures: Figures,
) -> None:
    streams = streams_of(figures)
    viewers = [streams.open(f"viewer {number}", "") for number in range(400)]
    for _ in range(5):
        await asyncio.gather(*map(next_of, viewers))
    assert figures.read == streams.ticks <= 3 * 5
    assert streams.open_streams == 400
    for viewer in viewers:
        await viewer.aclose()
    assert streams.open_streams == 0
    await eventually_async(lambda: not streams.is_ticking, "figures are read for nobody")


async def test_a_thousand_streams_of_one_client_leave_room_for_another(figures: Figures) -> None:
    streams, opened, refused = streams_of(figures), list[AsyncGenerator[StreamEvent, None]](), 0
    for _ in range(STREAMS_MAX):
        try:
            opened.append(streams.open("greedy", ""))
        except TooManyStreams:
            refused += 1
        else:
            await next_of(opened[-1])
    assert (len(opened), refused) == (STREAMS_MAX // 2, STREAMS_MAX // 2)
    another = streams.open("another", "")
    assert (await next_of(another)).name == "totals"
    for one in (*opened, another):
        await one.aclose()
    assert streams.open_streams == 0


async def test_streams_end_where_figures_cannot_be_read_and_begin_again_when_they_can(figures: Figures) -> None:
    streams, figures.fails = streams_of(figures), True
    assert [event async for event in streams.open("viewer", "")] == []
    figures.fails = False
    async with aclosing(streams.open("viewer", "")) as stream:
        assert (await next_of(stream)).name == "totals"
        figures.fails = True
        rest = [event async for event in stream]
    assert {event.name for event in rest} <= {"fresh"}


async def test_every_stream_ends_when_the_process_is_about_to_stop(figures: Figures) -> None:
    streams = streams_of(figures)
    viewers = [streams.open("viewer", "") for _ in range(3)]
    await asyncio.gather(*map(next_of, viewers))
    streams.end()
    for viewer in viewers:
        assert {event.name async for event in viewer} <= {"fresh"}
