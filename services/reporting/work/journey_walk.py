"""Walking the journals: the events of a subject, what caused them, and what they caused; all of it bounded.

What caused an event is read by identity, what it caused by the index. An event that names no cause follows the one
before it of its source. Money ties all rounds together through the fund, so the walk shows an event of another round
than those that it set out from, and does not go on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pandapack.contracts.envelope import decode, sequence_of
from services.reporting.domain.journeys.told import JourneyEvent, told
from services.reporting.store.journal import SET_ASIDE, Journal
from services.reporting.store.journey_index import JourneyIndex

Json = dict[str, Any]

GENERATIONS_MAX = 12
"""From a push to the closing of its round it is ten steps from cause to effect."""
CAUSES_AN_EVENT_MAX = 8
"""Of an event's causes the first eight are walked: a credit of the fund names every shard. All are named."""
EFFECTS_A_SOURCE_MAX = 200
"""Of the events of one source on a page: a credit has one effect, a programme's publication thousands."""
READ_AHEAD = 8
"""Of a source so many events are read at a time: where each follows the one before in silence, one read is enough for
several steps."""
WALKED_MAX = 200
"""Events that are not the subject's own, before and behind: more than anybody reads of a page."""


@dataclass(slots=True)
class Walked:
    """What was found, by identity. `is_cut`: there is more."""

    events: dict[str, JourneyEvent] = field(default_factory=dict)
    is_cut: bool = False


class JourneyWalk:
    """Reads journals and index."""

    def __init__(self, journal: Journal, archive: Journal, index: JourneyIndex) -> None:
        self._journal, self._archive, self._index = journal, archive, index

    async def read(self, keys: Iterable[str]) -> dict[str, JourneyEvent]:
        """Events by identity; those that are not journaled are missing."""
        return {key: _told(row) for key, row in (await self._rows(set(keys))).items()}

    async def _rows(self, wanted: set[str]) -> dict[str, Json]:
        ledgers = {key for key in wanted if key.startswith("/donations/")}
        kept = [(self._journal, wanted - ledgers), (self._archive, ledgers)]
        found = await asyncio.gather(*[journal.events(own) for journal, own in kept if own])
        return {key: row for rows in found for key, row in rows.items()}

    async def about(self, subject: str, *, after: str, limit: int) -> tuple[list[JourneyEvent], str | None]:
        """A subject's events behind a cursor, in order, and the cursor behind them where there are more."""
        found = await self._index.events_about(subject, after=after, limit=limit + 1)
        events = await self.read(one.key for one in found[:limit])
        following = found[limit - 1].cursor if len(found) > limit else None
        return [events[one.key] for one in found[:limit] if one.key in events], following

    async def bounds(self, subject: str, source: str) -> tuple[int, int]:
        """The first and the last sequence of a source's events about a subject; none: the last is before the first."""
        keys = [one.key for one in await self._index.ends_of(subject)]
        numbers = [int(key.rpartition("#")[2]) for key in keys if key.startswith(f"{source}#")]
        return (min(numbers), max(numbers)) if numbers else (1, 0)

    async def run_of(self, source: str, first: int, count: int) -> list[JourneyEvent]:
        """A source's events from a sequence on, at most `count`."""
        keys = [f"{source}#{sequence_of(number)}" for number in range(first, first + count)]
        return ordered((await self.read(keys)).values())

    async def effects_of_records(self, stream: str, offset: int) -> list[JourneyEvent]:
        """The events that a record made, such as the ledger's of a push."""
        keys = await self._index.effects_of(stream, range(offset, offset + 1), limit=EFFECTS_A_SOURCE_MAX)
        return ordered((await self.read(keys)).values())

    async def up(self, seeds: Sequence[JourneyEvent]) -> Walked:
        """What caused the seeds, and what caused that, and so on. The seeds themselves are not in the answer."""
        walked, known, own = Walked(), {one.key for one in seeds}, rounds_of(seeds)
        frontier, ahead = list(seeds), _ReadAhead(self._rows, -1)
        for _ in range(GENERATIONS_MAX):
            wanted = {key for one in frontier for key in cause_keys(one)} - known
            if not wanted:
                return walked
            frontier = self._take(walked, known, await ahead.read(wanted), own)
        walked.is_cut = True
        return walked

    async def down(self, seeds: Sequence[JourneyEvent]) -> Walked:
        """What the seeds caused, and what that caused, and so on. The seeds themselves are not in the answer."""
        walked, known, own = Walked(), {one.key for one in seeds}, rounds_of(seeds)
        frontier, ahead = list(seeds), _ReadAhead(self._rows, 1)
        for _ in range(GENERATIONS_MAX):
            if not frontier:
                return walked
            effects = await self._effects(frontier, ahead)
            fresh = {key: one for key, one in effects.items() if key not in known}
            frontier = self._take(walked, known, fresh, own)
        walked.is_cut = True
        return walked

    @staticmethod
    def _take(
        walked: Walked, known: set[str], found: Mapping[str, JourneyEvent], own: frozenset[str]
    ) -> list[JourneyEvent]:
        """Takes what there is room for; answers those from which the walk goes on."""
        taken = ordered(found.values())[: WALKED_MAX - len(walked.events)]
        walked.is_cut = walked.is_cut or len(taken) < len(found)
        walked.events |= {one.key: one for one in taken}
        known |= {one.key for one in taken}
        return [one for one in taken if not own or not one.round or one.round in own]

    async def _effects(self, causes: Sequence[JourneyEvent], ahead: _ReadAhead) -> dict[str, JourneyEvent]:
        """All that these events caused: by the index, a look a source; and who follows one of them in silence."""
        by_source = groupby(sorted(causes, key=lambda one: (one.source, one.number)), key=lambda one: one.source)
        looks, numbers = [], dict[str, set[int]]()
        for source, own in by_source:
            numbers[source] = {one.number for one in own}
            span = range(min(numbers[source]), max(numbers[source]) + 1)
            looks.append(self._index.effects_of(source, span, limit=EFFECTS_A_SOURCE_MAX))
        keys = {key for found in await asyncio.gather(*looks) for key in found}
        keys |= {f"{one.source}#{sequence_of(one.number + 1)}" for one in causes}
        known = {one.key for one in causes}
        events = await ahead.read(keys)
        return {key: one for key, one in events.items() if _is_effect(one, numbers, known)}


class _ReadAhead:
    """Reads events with those that follow them on their source (`way` 1), or that they follow (-1); each once."""

    def __init__(self, rows: Callable[[set[str]], Awaitable[dict[str, Json]]], way: int) -> None:
        self._rows, self._way = rows, way
        self._asked = set[str]()
        self._kept = dict[str, Json]()

    async def read(self, keys: Iterable[str]) -> dict[str, JourneyEvent]:
        """As `JourneyWalk.read`."""
        wanted = set(keys)
        if missing := wanted - self._asked:
            more = {key for one in missing for key in self._run(one)} - self._asked
            self._kept |= await self._rows(more)
            self._asked |= more
        return {key: _told(self._kept[key]) for key in wanted if key in self._kept}

    def _run(self, key: str) -> list[str]:
        source, _, sequence = key.rpartition("#")
        numbers = [int(sequence) + self._way * step for step in range(READ_AHEAD)]
        return [f"{source}#{sequence_of(number)}" for number in numbers if number > 0]


def _told(row: Json) -> JourneyEvent:
    raw = bytes(row["envelope"])
    return told(decode(raw), row["appended_at_ms"], raw, is_set_aside=row.get(SET_ASIDE, False))


def _is_effect(event: JourneyEvent, numbers: Mapping[str, set[int]], known: set[str]) -> bool:
    """Whether it names one of these events as a cause, within a range too, or follows one in silence."""
    if event.follows_silently:
        return f"{event.source}#{sequence_of(event.number - 1)}" in known
    return any(
        cause.first <= number <= cause.last for cause in event.causes for number in numbers.get(cause.stream, ())
    )


def cause_keys(event: JourneyEvent) -> list[str]:
    """The identities of what made an event: of a range its last one, which stands behind it all."""
    if event.follows_silently:
        return [f"{event.source}#{sequence_of(event.number - 1)}"]
    named = [cause for cause in event.causes if cause.stream.startswith("/")]
    return [f"{cause.stream}#{sequence_of(cause.last)}" for cause in named[:CAUSES_AN_EVENT_MAX]]


def rounds_of(events: Iterable[JourneyEvent]) -> frozenset[str]:
    """The rounds that events name."""
    return frozenset(one.round for one in events if one.round)


def ordered(events: Iterable[JourneyEvent]) -> list[JourneyEvent]:
    """As Kafka had them: effects stand behind their causes."""
    return sorted(events, key=lambda one: (one.appended_at_ms, one.source, one.number))
