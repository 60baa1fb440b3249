"""The state of all four services side by side, and how far this one has consumed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pandapack.runtime.neighbours import Neighbour
from services.reporting.domain.pipeline import Freshness, LastRecord
from services.reporting.work.readings import Readings

Json = dict[str, Any]
Readiness = Callable[[], Awaitable[Json]]


class WatchesNeighbours(Protocol):
    """What knows how the other services answered when they were asked last."""

    @property
    def neighbours(self) -> Sequence[Neighbour]: ...


@dataclass(frozen=True, slots=True)
class PipelineState:
    """`services`: how each answered at `/readyz`. `consumed`: sorted by partition."""

    services: Sequence[Neighbour]
    freshness: Freshness
    consumed: Sequence[LastRecord]


class Pipeline:
    """All services side by side. `own` is this one's readiness. Nobody who asks waits for a service that is held."""

    def __init__(self, readings: Readings, neighbours: WatchesNeighbours, own: Readiness) -> None:
        self._readings, self._neighbours, self._own = readings, neighbours, own

    async def read(self) -> PipelineState:
        """What is known now."""
        services = [*self._neighbours.neighbours, Neighbour("reporting", await self._own())]
        freshness = await self._readings.freshness()
        consumed = await self._readings.last_records()
        return PipelineState(services, freshness, sorted(consumed, key=lambda last: (last.topic, last.partition)))
