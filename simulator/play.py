"""All players together, and a pulse that says how far they are."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from datetime import datetime

from simulator.buyer import Buyer
from simulator.calendar import Calendar
from simulator.carriers import Carriers
from simulator.desk import Desk, Json, Site
from simulator.gifts import Stream
from simulator.merchants import Merchants
from simulator.player import keep_playing
from simulator.schools import Schools
from simulator.settled import Settling
from simulator.suppliers import Suppliers
from simulator.warehouse import Warehouse

PULSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Script:
    """What is played. `donations` None: without end. `rate`: donations a second, 0: as fast as they are taken.

    `day_s`: how many seconds a day of a journey takes; 0: reports come as fast as they are taken.
    """

    seed: int
    donations: int | None
    until_settled: bool
    rate: int
    day_s: float
    first_at: datetime
    spacing_us: int


class Play:
    """One run."""

    def __init__(self, site: Site, script: Script) -> None:
        self._site, self._script = site, script
        self._phase = "preparing"
        self._settling: Settling | None = None

    async def run(self) -> None:
        """Plays to the end of the script, or until it is cancelled."""
        script = self._script
        stream = Stream(script.seed, script.first_at, script.spacing_us)
        async with Desk(self._site) as desk:
            merchants = Merchants(desk, stream, script.donations, script.rate)
            pulse = asyncio.create_task(self._pulse(merchants))
            try:
                await Buyer(desk, script.seed).prepare()
                async with asyncio.TaskGroup() as work:
                    players = self._players(desk, work)
                    self._phase = "giving"
                    self._say_pulse(merchants)
                    await merchants.give()
                    if script.until_settled and script.donations is not None:
                        await self._settle(desk, stream, script.donations)
                        for player in players:
                            player.cancel()
            finally:
                pulse.cancel()

    def _players(self, desk: Desk, work: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        script = self._script
        calendar = Calendar(desk)
        players = (
            Suppliers(desk, script.seed),
            Warehouse(desk, script.seed),
            Carriers(desk, script.seed, calendar, script.day_s, work),
            Schools(desk, script.seed, calendar),
        )
        return [work.create_task(keep_playing(player)) for player in players]

    async def _settle(self, desk: Desk, stream: Stream, donations: int) -> None:
        repeated, broken = stream.stutters(0, donations)
        self._settling = Settling(desk, donations, repeated)
        totals = await self._settling.wait()
        say({"settled": {"donations": totals["donations"], "broken": broken, "repeated": repeated}})

    async def _pulse(self, merchants: Merchants) -> None:
        while True:
            self._say_pulse(merchants)
            await asyncio.sleep(PULSE_S)

    def _say_pulse(self, merchants: Merchants) -> None:
        phase = self._settling.waits_for if self._settling else self._phase
        say({"pulse": {**asdict(merchants.tally), "phase": phase}})


def say(what: Json) -> None:
    """One line on stdout, for a machine."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
