"""The pipeline's pulse: how late each hop is and how much it gets done, found by the clock for whoever asks.

Kafka is asked for the hops and each service for its processes, again and again, so that nobody who asks waits for one
that is held. What this process knows of all is the same in every process of reporting.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.lag import Lag
from pandapack.runtime.telemetry import BEHIND, LAW_DIFFERENCE
from services.reporting.domain.flow import BusinessLag, Flow, business_lag
from services.reporting.domain.hops import HOPS, HopLag, Rates, worst_first
from services.reporting.domain.pipeline import LOOK_S_MAX
from services.reporting.domain.rates import Meter
from services.reporting.store.pulses import STEP_S, Pulses
from services.reporting.work.business_lag import waits_within
from services.reporting.work.hop_lags import hop_lags
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.readings import Readings

READ_PAUSE_S = 2.0
"""As often as processes write their rows."""
OWN = "reporting"
BUSINESS_LAG = "business_lag"
COUNTED = "counted"
"""What a process of donations counts: `accepted`, `accepted_fen`, `refused`, since it began."""

Json = dict[str, Any]


class LooksAtKafka(Protocol):
    """Where all groups are, as Kafka was last asked; see `Progress`."""

    looked_at: datetime | None
    lags: list[Lag]


class Pulse:
    """What every process of reporting can tell of all.

    `own`: the rows of this service's processes. `namespace`: what stands before names of topics and groups.
    """

    def __init__(
        self,
        progress: LooksAtKafka,
        neighbours: Neighbours,
        own: Callable[[], Sequence[Json]],
        readings: Readings,
        pulses: Pulses,
        clock: Clock,
    ) -> None:
        self._progress, self._neighbours, self._own, self._readings = progress, neighbours, own, readings
        self._pulses, self._clock, self.namespace = pulses, clock, ""
        self._rows: dict[str, Sequence[Json]] = {}
        self._answering: set[str] = set()
        self._meter = Meter()
        self._step = 0

    def hops(self) -> Sequence[HopLag]:
        """As of the last look at Kafka; unknown where that is long ago."""
        looked_at = self._progress.looked_at
        if looked_at is None or (self._clock.wall() - looked_at).total_seconds() > LOOK_S_MAX:
            return [HopLag(hop) for hop in HOPS]
        return hop_lags(self._progress.lags, self.namespace)

    def rates(self) -> Rates:
        """What each hop gets done a second."""
        return {hop: self._meter.rate(hop) for hop in HOPS}

    def instances(self) -> list[Json]:
        """The processes of all services; of a service that does not answer as they were known last."""
        rows = {**self._rows, OWN: self._own()}
        return [_shown(service, row) for service in (*self._neighbours.urls, OWN) for row in rows.get(service, ())]

    def business_lag(self) -> BusinessLag:
        """Over all processes of reporting, each of which measures what it consumes."""
        samples = [sample for row in self._own() for sample in row.get(BUSINESS_LAG, ())]
        return business_lag(waits_within(samples, self._clock.wall()))

    def flow(self) -> Flow:
        """What flows in, on, and out, a second."""
        rate, of_all = self._meter.rate, self._meter.rate_of_all
        return Flow(
            donations_per_s=of_all("accepted"),
            fen_per_s=of_all("accepted_fen"),
            recorded_per_s=rate("recorded"),
            funded_fen_per_s=rate("funded"),
            spent_fen_per_s=rate("spent"),
            refused_per_s=of_all("refused"),
        )

    async def read(self) -> None:
        """Asks all services for their processes, reads every counter, and keeps the pulse once a step."""
        await asyncio.gather(*(self._ask(service) for service in self._neighbours.urls))
        counters: dict[Any, float | None] = {lag.hop: lag.done for lag in self.hops()}
        with contextlib.suppress(Unavailable):
            counters |= await self._figures()
        counters |= self._counted()
        self._meter.read(monotonic_s(), counters)
        now = self._clock.wall()
        if int(now.timestamp()) // STEP_S != self._step:
            with contextlib.suppress(Unavailable, AnswerLost):
                await self._pulses.keep(now, self._kept(now))
            self._step = int(now.timestamp()) // STEP_S

    async def history(self, minutes: int) -> list[Json]:
        """The last minutes, a row a step. Raises Unavailable."""
        return await self._pulses.since(self._clock.wall() - timedelta(minutes=minutes))

    async def _ask(self, service: str) -> None:
        rows = await self._neighbours.instances(service)
        self._answering.discard(service)
        if rows is not None:
            self._rows[service] = rows
            self._answering.add(service)

    async def _figures(self) -> Mapping[Any, float]:
        reading = await self._readings.now()
        behind_s = None if reading.freshness is None else reading.freshness.behind_s
        BEHIND.set(math.nan if behind_s is None else behind_s)
        for law in reading.laws:
            LAW_DIFFERENCE.labels(law.name).set(law.difference)
        money = [one.money for one in reading.snapshot.books.programmes.values()]
        return {
            "recorded": reading.totals.values["donations"],
            "funded": sum(one.funded for one in money),
            "spent": sum(one.spent for one in money),
        }

    def _counted(self) -> Mapping[Any, float]:
        rows = self._rows.get("donations", ()) if "donations" in self._answering else ()
        return {(name, row["instance"]): value for row in rows for name, value in row.get(COUNTED, {}).items()}

    def _kept(self, now: datetime) -> Json:
        rates = self.rates()
        return {
            "at": now.isoformat(timespec="milliseconds"),
            "hops": [lag.as_json(rates[lag.hop]) for lag in worst_first(self.hops())],
            "business_lag": self.business_lag().as_json(),
            "flow": self.flow().as_json(),
        }


def _shown(service: str, row: Json) -> Json:
    names = ("instance", "version", "since", "memory_bytes", "outbox_age_s", "seen_at")
    return {"service": service, **{name: row[name] for name in names}}
