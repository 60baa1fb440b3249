"""The state of all four services side by side, and how far this one has consumed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.reporting.domain.pipeline import Freshness, LastRecord
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.readings import Readings

Json = dict[str, Any]
Readiness = Callable[[], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class PipelineState:
    """`services`: what each answers at `/readyz`, None where it does not answer. `consumed`: sorted by partition."""

    services: Mapping[str, Json | None]
    freshness: Freshness
    consumed: Sequence[LastRecord]


class Pipeline:
    """Asks all services. `own` is this one's readiness."""

    def __init__(self, readings: Readings, neighbours: Neighbours, own: Readiness) -> None:
        self._readings, self._neighbours, self._own = readings, neighbours, own

    async def read(self) -> PipelineState:
        """What is known now."""
        services = {**await self._neighbours.readiness(), "reporting": await self._own()}
        freshness = await self._readings.freshness()
        consumed = await self._readings.last_records()
        return PipelineState(services, freshness, sorted(consumed, key=lambda last: (last.topic, last.partition)))
