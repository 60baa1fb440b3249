"""What needs a person, gathered from all services: what stands still every few seconds, overdue business less often.

Whatever cannot be asked is told as unknown: that nothing is known of it does not mean that nothing waits there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from pandapack.contracts.procurement import round_name
from pandapack.contracts.public_log.fold.figures import round_row
from pandapack.runtime.clock import Clock
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.neighbours import Neighbour
from services.reporting.domain.needs import overdue, stops
from services.reporting.domain.needs.dead_letters import groups_of_letters, letters_by_cause
from services.reporting.domain.needs.matters import Matter, Needs, needs_of
from services.reporting.store.journal import Journal
from services.reporting.work.neighbours import Neighbours, NeighbourUnavailable
from services.reporting.work.pipeline import Readiness, WatchesNeighbours
from services.reporting.work.readings import Reading, Readings, Recent

STOPS_FRESH_S = 2.0
"""A stop is to be seen within seconds, by whoever asks and by the alerts; all who ask share one look."""
BUSINESS_FRESH_S = 20.0
"""What is overdue is so by days, and its lists are long."""
ASK_WAIT_S = 2.0
"""A service that takes longer is told as unknown, and asked again with the next look."""
ROWS_ASKED = 100
CONSIGNMENTS_ASKED = 50
"""Each names its parcels: half a megabyte at most."""
ROUNDS_LOOKED_AT = 200
PROGRAMMES_LOOKED_AT = 20

Json = dict[str, Any]
Standing = Callable[[], Awaitable[Sequence[Json]]]
_log = structlog.get_logger(__name__)


class Asks(Protocol):
    """The other services, as the service key sees them; see `Neighbours`."""

    async def rows(self, service: str, path: str, wait_s: float, **asked: str) -> list[Json]: ...

    async def one(self, service: str, path: str, wait_s: float) -> Json | None: ...


@dataclass(slots=True)
class _Found:
    """What a look found, and whom it could not ask."""

    matters: list[Matter] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)


class NeedsBook:
    """What needs a person now. `standing`: this service's own partitions that stand still; `own`: its readiness."""

    def __init__(
        self,
        neighbours: Neighbours | Asks,
        watch: WatchesNeighbours,
        *,
        own: Readiness,
        standing: Standing,
        readings: Readings,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._neighbours, self._watch, self._own, self._standing = neighbours, watch, own, standing
        self._readings, self._journal, self._clock = readings, journal, clock
        self._stops: Recent[_Found] = Recent(self._look_at_stops, STOPS_FRESH_S)
        self._business: Recent[_Found] = Recent(self._look_at_business, BUSINESS_FRESH_S)

    async def read(self) -> Needs:
        """All of it, the most urgent first."""
        stopped, business = await asyncio.gather(self._known(self._stops), self._known(self._business))
        return needs_of([*stopped.matters, *business.matters], stopped.unknown | business.unknown)

    @staticmethod
    async def _known(looks: Recent[_Found]) -> _Found:
        """Without the database this service itself is unknown, and what the others tell is told."""
        try:
            return await looks.get()
        except Unavailable:
            return _Found(unknown={"reporting"})

    async def _look_at_stops(self) -> _Found:
        known = [*self._watch.neighbours, Neighbour("reporting", await self._own())]
        found = _Found()
        for one in known:
            found.matters += _of_readiness(one)
        answering = [one.service for one in known if one.readiness is not None and one.service != "reporting"]
        looks = [self._look(found, name, self._partitions(name)) for name in answering]
        looks.append(self._look(found, "reporting", self._own_matters()))
        if "donations" in answering:
            looks += [self._look(found, "donations", one) for one in (self._shards(), self._letters())]
        await asyncio.gather(*looks)
        found.unknown |= {one.service for one in known if one.readiness is None}
        return found

    async def _look_at_business(self) -> _Found:
        reading = await self._readings.now()
        found, silent = _Found(), {one.service for one in self._watch.neighbours if one.readiness is None}
        rows = [round_row(one) for one in await reading.rounds("", ROUNDS_LOOKED_AT, is_open=True)]
        rounds = {row["round"]: row for row in rows}
        found.matters += overdue.impossible_headcounts(rows)
        looks: Sequence[tuple[str, Callable[[], Awaitable[list[Matter]]]]] = (
            ("donations", lambda: self._reversals("parked")),
            ("donations", lambda: self._reversals("conflict")),
            ("procurement", self._orders),
            ("procurement", lambda: self._funds(reading, rows)),
            ("logistics", lambda: self._shipments(rounds)),
            ("logistics", lambda: self._consignments(rounds)),
        )
        await asyncio.gather(*(self._look(found, name, look()) for name, look in looks if name not in silent))
        return found

    async def _look(self, found: _Found, service: str, matters: Awaitable[list[Matter]]) -> None:
        """Adds what a service tells; of one that does not answer, or not as it should, nothing is known."""
        try:
            found.matters += await matters
        except (Unavailable, KeyError, TypeError, ValueError, AttributeError) as error:
            if not isinstance(error, NeighbourUnavailable):
                _log.warning("needs_unknown", service=service, error=repr(error))
            found.unknown.add(service)

    async def _partitions(self, service: str) -> list[Matter]:
        return stops.stopped_partitions(service, await self._rows(service, "/v1/partitions"))

    async def _own_matters(self) -> list[Matter]:
        reading = await self._readings.now()
        return [*stops.stopped_partitions("reporting", await self._standing()), *stops.broken_laws(reading.laws)]

    async def _shards(self) -> list[Matter]:
        return stops.shard_gaps(await self._rows("donations", "/v1/shards"))

    async def _letters(self) -> list[Matter]:
        limit = str(ROWS_ASKED)
        try:
            return groups_of_letters(await self._rows("donations", "/v1/dead-letters/groups", limit=limit))
        except NeighbourUnavailable:  # of a release that has no groups yet
            return letters_by_cause(await self._rows("donations", "/v1/dead-letters", limit=limit))

    async def _reversals(self, state: str) -> list[Matter]:
        rows = await self._rows("donations", "/v1/reversals", state=state)
        return overdue.reversal_matters(state, rows, self._clock.now())

    async def _orders(self) -> list[Matter]:
        limit = str(ROWS_ASKED)
        held = await self._rows("procurement", "/v1/orders", held="treasurer", limit=limit)
        placed = await self._rows("procurement", "/v1/orders", status="placed", limit=limit)
        events = await self._journal.first_of(f"/procurement/orders/{one['order']}" for one in placed)
        times = {source.rpartition("/")[2]: stops.moment(event.time) for source, event in events.items()}
        since = {order: at for order, at in times.items() if at is not None}
        return [*overdue.held_invoices(held, {}), *overdue.untaken_orders(placed, since, self._clock.now())]

    async def _funds(self, reading: Reading, rows: Sequence[Json]) -> list[Matter]:
        found = list[Matter]()
        for programme in sorted(reading.snapshot.books.programmes)[:PROGRAMMES_LOOKED_AT]:
            fund = await self._neighbours.one("procurement", f"/v1/funds/{programme}", ASK_WAIT_S)
            if fund is not None:
                last = await self._last_funded(reading, rows, programme, int(fund["rounds"]))
                found += overdue.idle_money(fund, last, self._clock.now())
        return found

    async def _last_funded(
        self, reading: Reading, rows: Sequence[Json], programme: str, rounds: int
    ) -> datetime | None:
        """When the programme's last round was funded: rounds are named by its code and in order."""
        names = [row["round"] for row in rows if row["programme"] == programme]
        if not names:
            first = await reading.rounds("", ROUNDS_LOOKED_AT)
            names = [one.round for one in first if one.programme == programme]
        if not names:
            return None
        last = await reading.snapshot.round(round_name(rounds, names[0].rpartition("-")[0]))
        return None if last is None else stops.moment(last.funded_at)

    async def _shipments(self, rounds: Mapping[str, Json]) -> list[Matter]:
        limit = str(ROWS_ASKED)
        held = await self._rows("logistics", "/v1/shipments", status="held", limit=limit)
        parked = await self._rows("logistics", "/v1/shipments", parked="true", limit=limit)
        return [*overdue.long_in_customs(held, rounds, self._clock.now()), *overdue.parked_movements(parked)]

    async def _consignments(self, rounds: Mapping[str, Json]) -> list[Matter]:
        rows = await self._rows("logistics", "/v1/consignments", status="open", limit=str(CONSIGNMENTS_ASKED))
        return [*overdue.overdue_proofs(rows, rounds, self._clock.now()), *overdue.parked_reports(rows)]

    async def _rows(self, service: str, path: str, **asked: str) -> list[Json]:
        return await self._neighbours.rows(service, path, ASK_WAIT_S, **asked)


def _of_readiness(one: Neighbour) -> list[Matter]:
    """What a service's own readiness tells, or its silence."""
    if one.readiness is None:
        return [stops.silent_service(one.service, one.silent_since)]
    log = one.readiness.get("public_log")
    stalled = stops.stalled_partitions(one.service, one.readiness.get("stalled") or ())
    return [*stalled, *stops.unwell(one.service, one.readiness), *(stops.log_matters(log) if log else ())]
