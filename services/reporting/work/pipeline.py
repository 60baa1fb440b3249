"""The state of all four services side by side, how far this one has consumed, and how far the public log has come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pandapack.runtime.lag import Lag
from pandapack.runtime.neighbours import Neighbour
from services.reporting.domain.flow import UNKNOWN, UNMEASURED, BusinessLag, Flow
from services.reporting.domain.hops import HopLag, Rates
from services.reporting.domain.pipeline import Freshness, LastRecord
from services.reporting.work.log_progress import LogProgress, LogWatch
from services.reporting.work.pulse import Pulse
from services.reporting.work.readings import Readings

Json = dict[str, Any]
Readiness = Callable[[], Awaitable[Json]]
ArchiveLags = Callable[[], Sequence[Lag]]


class WatchesNeighbours(Protocol):
    """What knows how the other services answered when they were asked last."""

    @property
    def neighbours(self) -> Sequence[Neighbour]: ...


@dataclass(frozen=True, slots=True)
class PipelineState:
    """`services`: how each answered at `/readyz`. `consumed`: sorted by partition. `snapshot`: as answers name it.

    `hops`, with what they get done a second as `rates`; `instances`: the processes of all services.
    """

    services: Sequence[Neighbour]
    freshness: Freshness
    consumed: Sequence[LastRecord]
    log: LogProgress
    snapshot: Json
    hops: Sequence[HopLag] = ()
    rates: Rates = field(default_factory=dict)
    business_lag: BusinessLag = UNMEASURED
    instances: Sequence[Json] = ()
    flow: Flow = UNKNOWN


class Pipeline:
    """All services side by side. `own` is this one's readiness. Nobody who asks waits for a service that is held."""

    def __init__(
        self,
        readings: Readings,
        neighbours: WatchesNeighbours,
        own: Readiness,
        log: LogWatch,
        archive: ArchiveLags,
        pulse: Pulse,
    ) -> None:
        self._pulse = pulse
        self._readings, self._neighbours, self._own = readings, neighbours, own
        self._log, self._archive = log, archive

    async def read(self) -> PipelineState:
        """What is known now."""
        services = [*self._neighbours.neighbours, Neighbour("reporting", await self._own())]
        freshness = await self._readings.freshness()
        consumed = await self._readings.last_records()
        log = await self._log.read(self._archive())
        reading = await self._readings.now()
        by_partition = sorted(consumed, key=lambda last: (last.topic, last.partition))
        return PipelineState(services, freshness, by_partition, log, reading.stamp, **self._pulsing())

    def _pulsing(self) -> Json:
        pulse = self._pulse
        return {
            "hops": pulse.hops(),
            "rates": pulse.rates(),
            "business_lag": pulse.business_lag(),
            "instances": pulse.instances(),
            "flow": pulse.flow(),
        }

    async def history(self, minutes: int) -> list[Json]:
        """The pulse of the last minutes, a row a step. Raises Unavailable."""
        return await self._pulse.history(minutes)
