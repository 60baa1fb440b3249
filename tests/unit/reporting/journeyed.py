"""Journeys in memory: the world's journals, and neighbours that say what a test lets them say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from pandapack.contracts.causation import Causation, Cause
from pandapack.contracts.envelope import Envelope, encode
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.clock import FixedClock
from services.reporting.domain.journeys.subjects import Kind
from services.reporting.domain.journeys.told import JourneyEvent, told
from services.reporting.work.journey_givers import JourneyGivers
from services.reporting.work.journey_walk import JourneyWalk
from services.reporting.work.journeys import Journey, Journeys
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.tracer import Tracer
from tests.unit.reporting.history import AT, FakeRecord
from tests.unit.reporting.world import World

UNKNOWN = Refusal("unknown", "unknown", RefusalKind.NOT_FOUND)


class FixedNeighbours:
    """Pushes, reversals and settlements by id; what is parked by round."""

    def __init__(self, **known: Mapping[str, Any]) -> None:
        self._known = known

    async def push(self, id: str) -> Any:
        return self._known.get("pushes", {}).get(id, UNKNOWN)

    async def reversal(self, merchant: str, id: str) -> Any:
        return self._known.get("reversals", {}).get(f"{merchant}/{id}", UNKNOWN)

    async def settlement(self, id: str) -> Any:
        return self._known.get("settlements", {}).get(id, UNKNOWN)

    async def parked(self, round: str) -> Any:
        return self._known.get("parked", {}).get(round, [])


class FixedTracer:
    """One trace, or none."""

    def __init__(self, trace: Any = UNKNOWN) -> None:
        self._trace = trace

    async def trace(self, platform: str, merchant: str, id: str, day: str) -> Any:
        return self._trace


def journeys_of(world: World, *, now: datetime = AT, trace: Any = UNKNOWN, **known: Mapping[str, Any]) -> Journeys:
    """Journeys through a world's journals."""
    walk = JourneyWalk(world.stores.journal, world.stores.archive, world.stores.journey_index)
    neighbours, tracer = cast(Neighbours, FixedNeighbours(**known)), cast(Tracer, FixedTracer(trace))
    return Journeys(walk, JourneyGivers(walk, neighbours, tracer), neighbours, FixedClock(now))


async def journaled(world: World, records: list[FakeRecord]) -> None:
    """The views and the archive take everything in."""
    await world.consume(records, batch=50)
    parts: dict[tuple[str, int], list[FakeRecord]] = {}
    for record in records:
        if record.topic == "donations.events":
            parts.setdefault((record.topic, record.partition), []).append(record)
    for part in parts.values():
        await world.handlers.archive(part)


async def told_of(journeys: Journeys, kind: Kind, id: str, *, after: str = "", limit: int = 100) -> Journey:
    """A journey that must be known."""
    found = await journeys.tell(kind, id, "2021-11-11", after=after, limit=limit)
    assert not isinstance(found, Refusal), found
    return found


def events_of(envelopes: list[Envelope]) -> list[JourneyEvent]:
    """Events as a journey tells them, in this order."""
    return [told(one, number, encode(one)) for number, one in enumerate(envelopes)]


def caused_by(*causes: str) -> Causation:
    """`/donations/shards/0#1` and so on."""
    spans = [(one.rpartition("#")[0], one.rpartition("#")[2].partition("-")) for one in causes]
    return Causation(tuple(Cause(stream, int(first), int(last or first)) for stream, (first, _, last) in spans))
