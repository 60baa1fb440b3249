"""An example to click: a gift that really exists, and whose parcel has been handed over if there is one.

In a demonstration gifts are nobody's, and any will do. Elsewhere it is the one that the operator names, or none: whose
gift is shown to everybody is for no machine to choose.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pandapack.contracts.donations import unscoped
from pandapack.decision import Refusal
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.store import Store
from services.reporting import store
from services.reporting.domain.rounds.figures import kept_intervals
from services.reporting.domain.rounds.state import Round
from services.reporting.domain.trace import FenState, parcel_trace, share_of
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.readings import Readings
from services.reporting.work.tracer import Trace, Tracer

LOOK_PAUSE_S = 5.0
"""So often is looked for a better one, until there is one whose parcel was handed over."""
KEPT_S = 600.0
"""So long that one is shown before it is looked at again: it might have been given back."""
ROUNDS_TRIED_MAX = 3
PARCELS_TRIED_MAX = 3
"""Of each round: nine gifts are followed at most, each in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Example:
    """Which gift; `is_at_school`: all of it pays for a parcel that its school has handed out."""

    platform: str
    merchant: str
    id: str
    day: str
    amount_fen: int
    is_at_school: bool


class Examples:
    """The one that the public page shows. `named`: the operator's, `platform/merchant/id/day`; "": any."""

    def __init__(
        self, readings: Readings, neighbours: Neighbours, tracer: Tracer, rounds: Store[Round], named: str
    ) -> None:
        self._readings, self._neighbours, self._tracer, self._rounds = readings, neighbours, tracer, rounds
        self._named = named
        self._until_s = 0.0
        self.current: Example | None = None

    async def look(self) -> None:
        """One run of the loop. What does not answer leaves what there was."""
        if self.current is not None and self.current.is_at_school and monotonic_s() < self._until_s:
            return
        try:
            self.current = await (self._of_operator() if self._named else self._any())
        except Unavailable:
            return
        self._until_s = monotonic_s() + KEPT_S

    async def _of_operator(self) -> Example | None:
        platform, merchant, id, day = self._named.split("/")
        trace = await self._tracer.trace(platform, merchant, id, day)
        return None if isinstance(trace, Refusal) else _example(trace)

    async def _any(self) -> Example | None:
        best: Example | None = None
        async for programme, shard, fen in self._places():
            found = await self._neighbours.holder(programme, shard, fen)
            if isinstance(found, Refusal):
                continue
            platform, merchant = unscoped(found["merchant"])
            trace = await self._tracer.trace(platform, merchant, found["id"], found["day"])
            if isinstance(trace, Refusal) or trace.donation["reversed_fen"]:
                continue
            example = _example(trace)
            best = best or example
            if example.is_at_school:
                return example
        return best

    async def _places(self) -> AsyncIterator[tuple[str, int, int]]:
        """Fen to ask for: of parcels that were handed out, of rounds on their way, and then of the first gift."""
        reading = await self._readings.now()
        for is_open in (False, True):
            names = [one.round for one in await reading.rounds("", ROUNDS_TRIED_MAX, is_open=is_open)]
            rounds = await store.rounds_named(self._rounds, names) if names else {}
            for round in rounds.values():
                for shard, fen in _fen_of(round):
                    yield round.programme, shard, fen
        for programme, books in sorted(reading.snapshot.books.programmes.items()):
            first = next((shard for shard, front in books.recorded.items() if front), None)
            if first is not None:
                yield programme, int(first), 0


def _fen_of(round: Round) -> list[tuple[int, int]]:
    """Fen (shard, fen) that pay for some parcels of a round: those that a school handed out come first."""
    intervals = kept_intervals(round)
    if round.funding is None or not intervals:
        return []
    parcels = round.funding.parcels
    kept_fen = sum(one.fen_to - one.fen_from for one in intervals)
    schools = {handout.school for handout in round.handouts}
    handed = [n for delivery in round.deliveries if delivery.school in schools for n in delivery.accepted]
    found = []
    for ordinal in [*sorted(handed), 1][:PARCELS_TRIED_MAX]:
        offset = sum(share_of(ordinal, parcels, kept_fen)) // 2
        for one in intervals:
            if offset < one.fen_to - one.fen_from:
                found.append((one.shard, one.fen_from + offset))
                break
            offset -= one.fen_to - one.fen_from
    return found


def _example(trace: Trace) -> Example:
    donation = trace.donation
    named = {name: str(donation[name]) for name in ("platform", "merchant", "id", "day")}
    return Example(**named, amount_fen=int(donation["amount_fen"]), is_at_school=_is_at_school(trace))


def _is_at_school(trace: Trace) -> bool:
    if not all(piece.state is FenState.FUNDED for piece in trace.pieces):
        return False
    return all(parcel_trace(trace.rounds[one.round or ""], one.ordinal or 0).handouts for one in trace.pieces)
