"""Live streams: the figures are read once a tick for all viewers, and no viewer takes the place of others."""

from __future__ import annotations

import asyncio
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


class Viewer:
    """Watches until it closes: what it was told, in order, and None when its stream is over."""

    def __init__(self, streams: Streams, address: str = "viewer", last_seen: str = "") -> None:
        self._told: asyncio.Queue[StreamEvent | None] = asyncio.Queue()
        self._is_closed, self.reads = asyncio.Event(), asyncio.Event()
        self.reads.set()
        streams.admit(address)
        self._watching = asyncio.create_task(self._watch(streams, address, last_seen))

    async def _watch(self, streams: Streams, address: str, last_seen: str) -> None:
        await streams.watch(address, last_seen, self._write, self._leaves)
        self._told.put_nowait(None)

    async def _write(self, event: StreamEvent) -> None:
        await self.reads.wait()
        self._told.put_nowait(event)

    async def _leaves(self) -> None:
        await self._is_closed.wait()

    async def next(self) -> StreamEvent:
        event = await asyncio.wait_for(self._told.get(), 10)
        assert event is not None, "the stream is over"
        return event

    async def rest(self) -> set[str]:
        """The names of all that comes until the stream is over."""
        names = set()
        while (event := await asyncio.wait_for(self._told.get(), 10)) is not None:
            names.add(event.name)
        return names

    async def close(self) -> None:
        self._is_closed.set()
        await self._watching


async def test_a_viewer_gets_all_figures_then_how_fresh_they_are_and_all_again_when_one_changed(
    figures: Figures,
) -> None:
    viewer = Viewer(streams_of(figures))
    first = await viewer.next()
    assert (first.name, msgspec.json.decode(first.data)["donations"]) == ("totals", 1)
    fresh = await viewer.next()
    assert (fresh.name, fresh.id) == ("fresh", first.id)
    assert set(msgspec.json.decode(fresh.data)) == {"complete_to", "behind_s"}
    figures.donations = 2
    while (changed := await viewer.next()).name == "fresh":
        pass
    assert msgspec.json.decode(changed.data)["donations"] == 2 and changed.id != first.id
    await viewer.close()


async def test_who_knows_the_figures_is_not_sent_them_again(figures: Figures) -> None:
    streams = streams_of(figures)
    viewer = Viewer(streams)
    seen = (await viewer.next()).id
    await viewer.close()
    again = Viewer(streams, last_seen=seen)
    assert (await again.next()).name == "fresh"
    await again.close()


async def test_however_many_watch_the_figures_are_read_once_a_tick_and_nobody_is_read_for_when_all_have_gone(
    figures: Figures,
) -> None:
    streams = streams_of(figures)
    viewers = [Viewer(streams, f"viewer {number}") for number in range(400)]
    for _ in range(5):
        await asyncio.gather(*(viewer.next() for viewer in viewers))
    assert figures.read == streams.ticks <= 3 * 5
    assert streams.open_streams == 400
    for viewer in viewers:
        await viewer.close()
    assert streams.open_streams == 0
    await eventually_async(lambda: not streams.is_ticking, "figures are read for nobody")


async def test_who_reads_slowly_holds_up_nobody_and_goes_on_with_what_is_told_then(figures: Figures) -> None:
    streams = streams_of(figures)
    slow, quick = Viewer(streams, "slow"), Viewer(streams, "quick")
    slow.reads.clear()
    for figures.donations in range(2, 12):
        while (event := await quick.next()).name == "fresh":
            pass
        while msgspec.json.decode(event.data)["donations"] != figures.donations:
            event = await quick.next()
    slow.reads.set()
    told = [await slow.next() for _ in range(2)]
    assert msgspec.json.decode(told[0].data)["donations"] < 11, "what it had not read yet"
    assert msgspec.json.decode(told[1].data)["donations"] == 11, "nothing was kept for it but the newest"
    await slow.close()
    await quick.close()


async def test_a_thousand_streams_of_one_client_leave_room_for_another(figures: Figures) -> None:
    streams, opened, refused = streams_of(figures), list[Viewer](), 0
    for _ in range(STREAMS_MAX):
        try:
            opened.append(Viewer(streams, "greedy"))
        except TooManyStreams:
            refused += 1
        else:
            await opened[-1].next()
    assert (len(opened), refused) == (STREAMS_MAX // 2, STREAMS_MAX // 2)
    another = Viewer(streams, "another")
    assert (await another.next()).name == "totals"
    for one in (*opened, another):
        await one.close()
    assert streams.open_streams == 0


async def test_streams_end_where_figures_cannot_be_read_and_begin_again_when_they_can(figures: Figures) -> None:
    streams, figures.fails = streams_of(figures), True
    assert await Viewer(streams).rest() == set()
    figures.fails = False
    viewer = Viewer(streams)
    assert (await viewer.next()).name == "totals"
    figures.fails = True
    assert await viewer.rest() <= {"fresh"}
    assert streams.open_streams == 0


async def test_every_stream_ends_when_the_process_is_about_to_stop(figures: Figures) -> None:
    streams = streams_of(figures)
    viewers = [Viewer(streams) for _ in range(3)]
    for viewer in viewers:
        await viewer.next()
    streams.end()
    for viewer in viewers:
        assert await viewer.rest() <= {"fresh"}
    assert await Viewer(streams).rest() == set()


async def test_a_stream_is_over_after_a_time_and_the_browser_asks_again(
    figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STREAM_S_MAX", 0.02)
    streams = streams_of(figures)
    assert await Viewer(streams).rest() <= {"totals", "fresh"}
    assert streams.open_streams == 0
