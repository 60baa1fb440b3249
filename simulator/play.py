"""All players together: chapter after chapter of the three years, then the present; and a pulse that tells how far."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

from simulator.api_client import ApiClient, Json, Site
from simulator.buyer import Buyer, read_programme
from simulator.calendar import Calendar
from simulator.carriers import Carriers
from simulator.chapters import NOW_SPECIFICATION, Chapter, Need, chapters_of
from simulator.donations import US, Stream
from simulator.evaluator import Evaluator
from simulator.merchants import Cashier, Merchants, platform_client
from simulator.parties import suppliers_of
from simulator.player import keep_playing
from simulator.routes import COUNTRIES
from simulator.schools import Schools
from simulator.settled import Settling, StorySums
from simulator.story_clock import StoryClock, wall
from simulator.suppliers import Suppliers
from simulator.warehouse import Warehouse
from simulator.years import BEGINS, YearsStream, begin_of, years_of

PULSE_S = 1.0
CHAPTER_S_MIN = 0.8
DONATIONS_A_S = 25_000
"""The clock goes through a chapter as fast as its gifts can be taken on a usual machine. On a slower one it stands at
the chapter's end until they are."""
DONATIONS_A_S_NOW = 300
"""How many gifts come in a second once the story has come to the present."""
NEED_EVERY_S = 90.0
NEED_PARCELS = 20
PRESENT = 1_000_000
"""Added to the seed for the gifts of the present: their ids and merchants are others."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is played: so many gifts of the three years, and then those of the present.

    `until_settled`: it ends with the three years. `stay`: nobody does anything any more behind them.
    `rate`: gifts a second, 0: as fast as they are accepted. `clock_file`: where the services look for the time.
    """

    seed: int
    donations: int
    until_settled: bool
    stay: bool
    rate: int
    clock_file: Path


class Play:
    """One run."""

    def __init__(self, site: Site, script: Script) -> None:
        self._site, self._script = site, script
        self._phase = "preparing"
        self._settling: Settling | None = None
        self._clock = StoryClock(script.clock_file, begin_of(BEGINS))

    async def run(self) -> None:
        """Plays to the end of the script, or until it is cancelled."""
        script, clock = self._script, self._clock
        stream = years_of(script.seed, script.donations)
        async with ApiClient(self._site) as api, platform_client(self._site) as client:
            merchants = Merchants(client, stream, script.rate, clock)
            pulse = asyncio.create_task(self._pulse(merchants))
            try:
                buyer = Buyer(api, script.seed)
                await buyer.prepare()
                async with asyncio.TaskGroup() as work:
                    players = self._players(api, work)
                    needs = await self._years(api, stream, merchants, buyer, work)
                    if not (script.until_settled or script.stay):
                        await self._present(merchants, buyer, needs, work)
                    for player in players:
                        player.cancel()
                if script.stay:
                    await asyncio.Event().wait()
            finally:
                pulse.cancel()

    async def _years(
        self, api: ApiClient, stream: YearsStream, merchants: Merchants, buyer: Buyer, work: asyncio.TaskGroup
    ) -> int:
        """Plays all chapters, and what is left to be done at their end. How many needs there were."""
        refunds, chapters = stream.refunds(), chapters_of(stream, read_programme())
        cashier = Cashier(api, stream, refunds)
        closing: asyncio.Task[None] | None = None
        for chapter in chapters:
            self._phase = f"{chapter.begins:%Y-%m}"
            self._write_pulse(merchants)
            await self._chapter(chapter, merchants, buyer)
            if closing is not None:
                await closing
            closing = work.create_task(cashier.close(chapter))
        if closing is not None:
            await closing

        self._clock.end_waits()
        repeated, broken = stream.stutters(0, stream.donations)
        pushed = StorySums(stream.donations, repeated, sum(one.amount_fen for one in refunds))
        self._settling = Settling(api, pushed, cashier.settlements)
        evaluator = Evaluator(api, self._script.seed)
        await self._settling.delivered()
        await evaluator.survey(chapters)
        totals = await self._settling.wait()
        write_message({"settled": {"donations": totals["donations"], "broken": broken, "repeated": repeated}})
        return sum(len(chapter.needs) for chapter in chapters)

    async def _chapter(self, chapter: Chapter, merchants: Merchants, buyer: Buyer) -> None:
        count = chapter.upto - chapter.first
        rate = self._script.rate or DONATIONS_A_S
        self._clock.play_to(chapter.limit, max(CHAPTER_S_MIN, count / rate))
        async with asyncio.TaskGroup() as both:
            both.create_task(buyer.open(chapter.needs))
            both.create_task(merchants.push(chapter.first, chapter.upto))
        await self._clock.until(chapter.limit)
        await buyer.met(chapter.needs)

    async def _present(self, merchants: Merchants, buyer: Buyer, needs: int, work: asyncio.TaskGroup) -> None:
        """Gifts of today, without end, and a need now and then."""
        self._settling, self._phase = None, "now"
        self._clock.jump_to_now()
        work.create_task(_go_on_needing(buyer, needs))
        stream = Stream(self._script.seed + PRESENT, wall(), US // DONATIONS_A_S_NOW)
        today = Merchants(merchants.client, stream, DONATIONS_A_S_NOW, self._clock, merchants.counts)
        await today.push(0, None)

    def _players(self, api: ApiClient, work: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        seed, programme, clock = self._script.seed, read_programme(), self._clock
        calendar = Calendar(api)
        forwarders = {rate["supplier"] for rate in programme["services"] if rate["category"] == "freight"}
        players = (
            Suppliers(api, seed, suppliers_of(programme)),
            Warehouse(api, seed, programme["warehouse"]),
            Carriers(api, seed, calendar, sorted(forwarders), clock=clock, work=work),
            Schools(api, seed, calendar, clock=clock, work=work),
        )
        return [work.create_task(keep_playing(player)) for player in players]

    async def _pulse(self, merchants: Merchants) -> None:
        while True:
            self._write_pulse(merchants)
            await asyncio.sleep(PULSE_S)

    def _write_pulse(self, merchants: Merchants) -> None:
        phase = self._settling.waits_for if self._settling else self._phase
        day = self._clock.now().astimezone(begin_of(BEGINS).tzinfo).date()
        write_message({"pulse": {**asdict(merchants.counts), "phase": phase, "day": day.isoformat()}})


async def _go_on_needing(buyer: Buyer, needs: int) -> None:
    """A need of one round now and then, of each country in turn."""
    for number, country in enumerate(cycle(COUNTRIES), needs + 1):
        need = Need(number, country, NOW_SPECIFICATION, NEED_PARCELS)
        await buyer.open((need,))
        await buyer.met((need,))
        await asyncio.sleep(NEED_EVERY_S)


def write_message(message: Json) -> None:
    """One line on stdout, for a machine."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
