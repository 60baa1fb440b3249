"""Journeys: any id leads to one time line across all services, and to the step that is due next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.clock import Clock
from services.reporting.domain.journeys.steps import (
    LOGISTIC_STEPS,
    Step,
    earliest,
    of_parcels,
    steps_of_need,
    steps_of_round,
)
from services.reporting.domain.journeys.subjects import (
    IndexedKind,
    Kind,
    event_key,
    kind_by_form,
    parcel_of,
    subject,
)
from services.reporting.domain.journeys.told import JourneyEvent, concerns, school_of_ordinal
from services.reporting.work.journey_givers import Begun, JourneyGivers, Way
from services.reporting.work.journey_walk import JourneyWalk, ordered
from services.reporting.work.neighbours import Neighbours, NeighbourUnavailable

ROUND_EVENTS_MAX = 2_000
"""Of a round, read to tell its next step: ten times what a round of the programme has."""
SCHOOL_ROUNDS_MAX = 12
"""A school's next step is looked for in its latest rounds: three years of one a season."""

FIRST_LOOKED_AT = tuple(kind for kind in IndexedKind if kind is not IndexedKind.PAGE)
_INDEXED = {Kind.ROUND: IndexedKind.ROUND, Kind.CONSIGNMENT: IndexedKind.ROUND} | {
    Kind(kind.value): kind for kind in FIRST_LOOKED_AT
}


@dataclass(frozen=True, slots=True)
class Journey:
    """What is shown. `own` are the identities of the subject's own events; the others caused them or came of them.

    `begun`: what has no event of its own, the push, the gift, the reversal, the settlement, as the ledger has it.
    `parked`: reports that logistics keeps until their turn comes; None: unknown. `is_cut`: causes or effects are more.
    """

    kind: Kind
    id: str
    events: Sequence[JourneyEvent]
    own: frozenset[str]
    step: Step | None
    now: datetime
    next_page: str | None = None
    is_cut: bool = False
    begun: Begun | None = None
    parked: Sequence[Mapping[str, Any]] | None = ()


@dataclass(slots=True)
class _Page:
    """A page's own events, the ones around them, and the rounds by which the next step is told."""

    own: list[JourneyEvent]
    around: dict[str, JourneyEvent] = field(default_factory=dict)
    next_page: str | None = None
    is_cut: bool = False
    rounds: Mapping[str, Sequence[JourneyEvent]] = field(default_factory=dict)


class Journeys:
    """Finds and tells journeys. `walk` reads the journals, `givers` ask the ledger about what it alone knows."""

    def __init__(self, walk: JourneyWalk, givers: JourneyGivers, neighbours: Neighbours, clock: Clock) -> None:
        self._walk, self._givers, self._neighbours, self._clock = walk, givers, neighbours, clock

    async def kind_of(self, id: str, *, has_day: bool) -> Kind | Refusal:
        """What an id names: by its form, by the index, or by the ledger. Raises NeighbourUnavailable."""
        formed = kind_by_form(id, has_day=has_day)
        if formed is not None and (formed is not Kind.PARCEL or await self._is_known(Kind.ROUND, parcel_of(id))):
            return formed
        for indexed in FIRST_LOOKED_AT:
            found, _ = await self._walk.about(subject(indexed, id), after="", limit=1)
            if found:
                return Kind(indexed.value)
        for asked in (Kind.PUSH, Kind.SETTLEMENT):
            if not isinstance(await self._givers.begin(asked, id, ""), Refusal):
                return asked
        return unknown(id)

    async def _is_known(self, kind: Kind, parcel: tuple[str, int] | None) -> bool:
        found, _ = await self._walk.about(subject(_INDEXED[kind], parcel[0] if parcel else ""), after="", limit=1)
        return bool(found)

    async def tell(self, kind: Kind, id: str, day: str, *, after: str, limit: int) -> Journey | Refusal:
        """One page of a journey. `day`: of a donation. Raises NeighbourUnavailable, StoreUnavailable."""
        if kind in (Kind.DONATION, Kind.PUSH, Kind.REVERSAL):
            return await self._of_ledger(kind, id, day, limit)
        begun = await self._givers.begin(kind, id, "") if kind is Kind.SETTLEMENT else None
        page = await self._own(kind, id, after, limit)
        if not page.own and not after and not isinstance(begun, Begun):
            return unknown(id)
        _, steps, parked = await asyncio.gather(
            self._look_around(kind, id, page), self._steps(kind, id, page), self._parked(kind, id, page.own)
        )
        if isinstance(begun, Begun) and begun.step is not None:
            steps = [begun.step]
        return Journey(
            kind,
            id,
            ordered([*page.own, *page.around.values()]),
            frozenset(one.key for one in page.own),
            earliest(steps),
            self._clock.now(),
            page.next_page,
            page.is_cut,
            begun if isinstance(begun, Begun) else None,
            parked,
        )

    async def _of_ledger(self, kind: Kind, id: str, day: str, limit: int) -> Journey | Refusal:
        """What the ledger alone knows: it says where the way into the journals begins."""
        begun = await self._givers.begin(kind, id, day)
        if isinstance(begun, Refusal):
            return begun
        own, steps = list(begun.events), [begun.step] if begun.step else []
        before = await self._walk.up(own)
        around, is_cut = dict(before.events), before.is_cut
        for way in begun.ways:  # a gift's own parcels
            events = await self._round(way.round)
            around |= {one.key: one for one in events if _is_on_way(one, events, way)}
            steps += of_parcels(steps_of_round(events), way.ordinals)
        if not begun.ways:
            behind = await self._walk.down(own)
            around, is_cut = around | behind.events, is_cut or behind.is_cut
        shown = ordered([*own, *around.values()])
        keys = frozenset(one.key for one in own)
        is_cut = is_cut or len(shown) > limit
        return Journey(kind, id, shown[:limit], keys, earliest(steps), self._clock.now(), None, is_cut, begun)

    async def _own(self, kind: Kind, id: str, after: str, limit: int) -> _Page:
        """The events of the subject itself, without those around them."""
        if kind is Kind.EVENT:
            key = event_key(id) or id
            return _Page(list((await self._walk.read([key])).values()))
        if kind is Kind.PARCEL:
            return await self._own_of_parcel(id, after, limit)
        own, following = await self._walk.about(subject(_INDEXED[kind], id), after=after, limit=limit)
        page = _Page(own, next_page=following)
        if kind in (Kind.ROUND, Kind.CONSIGNMENT) and not after and following is None:
            page.rounds = {id: [one for one in own if not one.is_set_aside]}
        return page

    async def _own_of_parcel(self, id: str, after: str, limit: int) -> _Page:
        """The events of its round that are about this parcel, or about all parcels. `after`: the identity before."""
        placed = parcel_of(id)
        if placed is None:
            return _Page([])
        events = await self._round(placed[0])
        way = Way(placed[0], range(placed[1], placed[1] + 1))
        own = [one for one in events if _is_on_way(one, events, way)]
        first = next((number for number, one in enumerate(own, 1) if one.key == after), 0)
        shown, rest = own[first : first + limit], own[first + limit :]
        return _Page(shown, next_page=shown[-1].key if rest else None, rounds={way.round: events})

    async def _look_around(self, kind: Kind, id: str, page: _Page) -> None:
        """What caused the page's own events, and what they caused; of a parcel, what caused its round."""
        if kind is Kind.PARCEL:
            before = await self._walk.up(page.own)
            page.around = {key: one for key, one in before.events.items() if one.round not in page.rounds}
            page.is_cut = before.is_cut
            return
        before, behind = await asyncio.gather(self._walk.up(page.own), self._walk.down(page.own))
        own_subject = None if kind is Kind.EVENT else id
        page.around = {
            key: one
            for key, one in (before.events | behind.events).items()
            if own_subject is None or not page.next_page or one.data.get(kind.value) != own_subject
        }
        page.is_cut = before.is_cut or behind.is_cut

    async def _round(self, round: str) -> list[JourneyEvent]:
        """All of a round's events; as many as tell its next step."""
        events, _ = await self._walk.about(subject(IndexedKind.ROUND, round), after="", limit=ROUND_EVENTS_MAX)
        return [one for one in events if not one.is_set_aside]

    async def _steps(self, kind: Kind, id: str, page: _Page) -> list[Step]:
        if kind is Kind.EVENT:
            kind, id = _main_subject(page.own)
        if kind is Kind.NEED:
            events, _ = await self._walk.about(subject(IndexedKind.NEED, id), after="", limit=ROUND_EVENTS_MAX)
            return steps_of_need(events)
        placed = parcel_of(id) if kind is Kind.PARCEL else None
        if placed is not None:
            return of_parcels(steps_of_round(page.rounds.get(placed[0], ())), range(placed[1], placed[1] + 1))
        if kind in (Kind.ROUND, Kind.CONSIGNMENT):
            rounds = [id]
        else:
            rounds = list(dict.fromkeys(one.round for one in page.own if one.round))[-SCHOOL_ROUNDS_MAX:]
        missing = [name for name in rounds if name not in page.rounds]
        read = dict(zip(missing, await asyncio.gather(*map(self._round, missing)), strict=True))
        told = [page.rounds.get(name) or read[name] for name in rounds]
        if kind is Kind.LOT:
            return [step for one in told for step in _of_lot(id, one)]
        fits = _FITS.get(kind)
        return [step for one in told for step in steps_of_round(one) if fits is not None and fits(step, id)]

    async def _parked(self, kind: Kind, id: str, own: Sequence[JourneyEvent]) -> Sequence[Mapping[str, Any]] | None:
        """What logistics keeps of the round until its turn comes; None where it does not answer."""
        if kind not in (Kind.ROUND, Kind.CONSIGNMENT, Kind.SHIPMENT, Kind.PARCEL):
            return ()
        if not any(one.service == "logistics" for one in own):
            return ()
        try:
            return await self._neighbours.parked(own[0].round or id)
        except NeighbourUnavailable:
            return None


_FITS: Mapping[Kind, Callable[[Step, str], bool]] = {
    Kind.ROUND: lambda step, id: True,
    Kind.CONSIGNMENT: lambda step, id: step.name in LOGISTIC_STEPS,
    Kind.SHIPMENT: lambda step, id: step.shipment == id,
    Kind.ORDER: lambda step, id: step.order == id,
    Kind.SCHOOL: lambda step, id: step.school == id,
}


def _of_lot(lot: str, events: Sequence[JourneyEvent]) -> list[Step]:
    """What the parcels of a packed lot wait for; of a lot of goods, what its order waits for."""
    steps = steps_of_round(events)
    for one in events:
        if one.data.get("lot") == lot:
            first = int(one.data["first_ordinal"])
            return of_parcels(steps, range(first, first + int(one.data["count"])))
    orders = {one.data.get("order") for one in events if any(line.get("lot") == lot for line in _lines(one))}
    return [step for step in steps if step.order and step.order in orders]


def _lines(event: JourneyEvent) -> Sequence[Mapping[str, Any]]:
    lines = event.data.get("lines", ())
    return lines if isinstance(lines, list) else ()


def _is_on_way(event: JourneyEvent, events: Sequence[JourneyEvent], way: Way) -> bool:
    """Whether an event of a round is about these parcels; a handout is about those of its school."""
    if not concerns(event, way.ordinals):
        return False
    if event.type != "logistics.ParcelsHandedOut":
        return True
    schools = {school_of_ordinal(events, ordinal) for ordinal in way.ordinals}
    return schools == {None} or event.data.get("school") in schools


def _main_subject(events: Sequence[JourneyEvent]) -> tuple[Kind, str]:
    """What an event is about before all: an order, a shipment, a round, a need."""
    for kind in (Kind.ORDER, Kind.SHIPMENT, Kind.ROUND, Kind.NEED):
        for one in events:
            name = one.data.get(kind.value)
            if isinstance(name, str) and name:
                return kind, name
    return Kind.EVENT, ""


def unknown(id: str) -> Refusal:
    """Nobody knows the id."""
    detail = (
        f"no journal and no ledger knows {id}: look for a typing mistake; a donation is named "
        "donation/PLATFORM/MERCHANT/ID?day=YYYY-MM-DD, a reversal reversal/PLATFORM/MERCHANT/ID, an event "
        "event/SERVICE/KIND/ID%23SEQUENCE; what was pushed a second ago may not be journaled yet"
    )
    return Refusal("journey_unknown", detail, RefusalKind.NOT_FOUND)
