"""All players together, and a pulse that tells how far they are."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from datetime import datetime

from simulator.api_client import ApiClient, Json, Site
from simulator.buyer import Buyer, read_programme
from simulator.calendar import Calendar
from simulator.carriers import Carriers
from simulator.donations import Stream
from simulator.merchants import Merchants, platform_client
from simulator.parties import suppliers_of
from simulator.player import keep_playing
from simulator.schools import Schools
from simulator.settled import Settling
from simulator.suppliers import Suppliers
from simulator.warehouse import Warehouse

PULSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Script:
    """What is played. `donations` None: without end. `rate`: donations a second, 0: as fast as they are accepted.

    `day_s`: how many seconds a day of a journey takes; 0: reports come as fast as they are accepted.
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
        async with ApiClient(self._site) as api, platform_client(self._site) as client:
            merchants = Merchants(client, stream, script.donations, script.rate)
            pulse = asyncio.create_task(self._pulse(merchants))
            try:
                await Buyer(api, script.seed).prepare()
                async with asyncio.TaskGroup() as work:
                    players = self._players(api, work)
                    self._phase = "giving"
                    self._write_pulse(merchants)
                    await merchants.push_all()
                    if script.until_settled and script.donations is not None:
                        await self._settle(api, stream, script.donations)
                        for player in players:
                            player.cancel()
            finally:
                pulse.cancel()

    def _players(self, api: ApiClient, work: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        script, programme = self._script, read_programme()
        calendar = Calendar(api)
        forwarders = {rate["supplier"] for rate in programme["services"] if rate["category"] == "freight"}
        players = (
            Suppliers(api, script.seed, suppliers_of(programme)),
            Warehouse(api, script.seed, programme["warehouse"]),
            Carriers(api, script.seed, calendar, sorted(forwarders), day_s=script.day_s, work=work),
            Schools(api, script.seed, calendar),
        )
        return [work.create_task(keep_playing(player)) for player in players]

    async def _settle(self, api: ApiClient, stream: Stream, donations: int) -> None:
        repeated, broken = stream.stutters(0, donations)
        self._settling = Settling(api, donations, repeated)
        totals = await self._settling.wait()
        write_message({"settled": {"donations": totals["donations"], "broken": broken, "repeated": repeated}})

    async def _pulse(self, merchants: Merchants) -> None:
        while True:
            self._write_pulse(merchants)
            await asyncio.sleep(PULSE_S)

    def _write_pulse(self, merchants: Merchants) -> None:
        phase = self._settling.waits_for if self._settling else self._phase
        write_message({"pulse": {**asdict(merchants.counts), "phase": phase}})


def write_message(message: Json) -> None:
    """One line on stdout, for a machine."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
