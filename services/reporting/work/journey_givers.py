"""Where a gift's, a push's, a reversal's or a settlement's way begins: the ledger knows them, no journal does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pandapack.contracts.donations import EPOCH, scoped, shard_source
from pandapack.decision import Refusal, RefusalKind
from services.reporting.domain.journeys import terms
from services.reporting.domain.journeys.steps import Step
from services.reporting.domain.journeys.subjects import Kind, page_subject, placed_of
from services.reporting.domain.journeys.told import JourneyEvent
from services.reporting.domain.trace import FenState, Piece
from services.reporting.work.journey_walk import JourneyWalk, ordered
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.tracer import Tracer

WAYS_MAX = 5
"""Parcels of one gift that are followed at once: a gift of five fen leads to one or two."""
PUSHED_STREAM = "donations.pushed/{shard}"
EVENTS_A_READ = 50
"""Of a shard, where the event that recorded a gift is looked for: the next step halves what is left."""


EVENTS_OF_PAGE_MAX = 1_000
"""Of a page of the ledger, among which those are that told of reversals on it."""


@dataclass(frozen=True, slots=True)
class Way:
    """Parcels of a round."""

    round: str
    ordinals: range


@dataclass(frozen=True, slots=True)
class Begun:
    """What the ledger says. `what` names the words for it, `values` go into them; `raw` is its own answer.

    `events`: what journals have of its beginning; `ways`: the parcels to which its fen lead.
    """

    what: str
    values: Mapping[str, Any]
    at: str | None
    raw: Mapping[str, Any]
    events: Sequence[JourneyEvent] = ()
    ways: Sequence[Way] = ()
    step: Step | None = None


class JourneyGivers:
    """Asks the ledger and the tracer."""

    def __init__(self, walk: JourneyWalk, neighbours: Neighbours, tracer: Tracer) -> None:
        self._walk, self._neighbours, self._tracer = walk, neighbours, tracer

    async def begin(self, kind: Kind, id: str, day: str) -> Begun | Refusal:
        """Refused where the ledger does not know it. Raises NeighbourUnavailable."""
        if kind is Kind.PUSH:
            return await self._push(id)
        if kind is Kind.SETTLEMENT:
            return await self._settlement(id)
        placed = placed_of(id)
        if placed is None:
            detail = f"{id} is not PLATFORM/MERCHANT/ID: say all three, a slash between them"
            return Refusal("journey_unreadable", detail, RefusalKind.INVALID)
        if kind is Kind.REVERSAL:
            return await self._reversal(*placed)
        if not day:
            detail = "a donation needs the day on which its order completed: add ?day=YYYY-MM-DD, in Asia/Shanghai"
            return Refusal("journey_day_missing", detail, RefusalKind.INVALID)
        return await self._donation(*placed, day)

    async def _donation(self, platform: str, merchant: str, id: str, day: str) -> Begun | Refusal:
        trace = await self._tracer.trace(platform, merchant, id, day)
        if isinstance(trace, Refusal):
            return trace
        found = trace.donation
        at = EPOCH + timedelta(microseconds=found["at_us"])
        events = await self._recorded(found)
        ways = list(dict.fromkeys((one.round, one.ordinal) for one in trace.pieces if one.round and one.ordinal))
        return Begun(
            "donation",
            {"fen": found["amount_fen"], "programme": found["programme"]},
            at.isoformat(),
            found,
            events,
            [Way(str(round), range(int(ordinal or 0), int(ordinal or 0) + 1)) for round, ordinal in ways[:WAYS_MAX]],
            _step_of_money(trace.pieces, at),
        )

    async def _recorded(self, donation: Mapping[str, Any]) -> list[JourneyEvent]:
        """The event by which the ledger told of a gift: of its page, the one whose interval has its first fen."""
        shard, page = shard_and_page(donation["page"])
        source, programme, fen = shard_source(shard), donation["programme"], donation["fen_from"]
        low, high = await self._walk.bounds(page_subject(shard, page), source)
        while low <= high:
            middle = (low + high) // 2
            spans = await self._spans(source, programme, middle, high)
            if not spans or fen < spans[0][1]:
                high = middle - 1
            elif fen >= spans[-1][2]:
                low = spans[-1][0].number + 1
            else:
                return [one for one, begin, end in spans if begin <= fen < end]
        return []

    async def _spans(self, source: str, programme: str, first: int, last: int) -> list[tuple[JourneyEvent, int, int]]:
        """The next events of a shard that tell of a programme, each with the fen that it tells of."""
        while first <= last:
            events = await self._walk.run_of(source, first, min(EVENTS_A_READ, last - first + 1))
            spans = [(one, *span) for one in events if (span := _span_of(one, programme)) is not None]
            if spans:
                return spans
            first += EVENTS_A_READ
        return []

    async def _push(self, id: str) -> Begun | Refusal:
        found = await self._neighbours.push(id)
        if isinstance(found, Refusal):
            return found
        events = dict[str, JourneyEvent]()
        for shard, offset in (found.get("ends") or {}).items():
            made = await self._walk.effects_of_records(PUSHED_STREAM.format(shard=shard), offset)
            events |= {one.key: one for one in made}
        is_waiting = found["state"] in ("unfinished", "accepted")
        step = Step("push_judged", datetime.fromisoformat(found["at"]) + terms.JUDGED_TERM) if is_waiting else None
        names = ("accepted", "rejected", "counted", "duplicates", "conflicts", "parked")
        values = {name: found[name] for name in names}
        return Begun("push", values, found["at"], found, ordered(events.values()), (), step)

    async def _reversal(self, platform: str, merchant: str, id: str) -> Begun | Refusal:
        found = await self._neighbours.reversal(scoped(platform, merchant), id)
        if isinstance(found, Refusal):
            return found
        at, events = datetime.fromisoformat(found["at"]), list[JourneyEvent]()
        if found["page"] and found["state"] == "taken":
            page = page_subject(*shard_and_page(found["page"]))
            about, _ = await self._walk.about(page, after="", limit=EVENTS_OF_PAGE_MAX)
            events = [one for one in about if one.type == "donations.DonationsReversed"]
        step = Step("reversal_decided", at + terms.DECIDED_TERM) if found["state"] == "parked" else None
        values = {"fen": found["amount_fen"], "donation": found["donation"], "state": found["state"]}
        return Begun("reversal", values, found["at"], found, events, (), step)

    async def _settlement(self, id: str) -> Begun | Refusal:
        found = await self._neighbours.settlement(id)
        if isinstance(found, Refusal):
            return found
        at, statements, step = datetime.fromisoformat(found["at"]), found["statements"], None
        if not statements:
            step = Step("settlement_stated", at + terms.STATED_TERM)
        elif not statements[-1]["balanced"]:
            stated = datetime.fromisoformat(statements[-1]["at"])
            step = Step("settlement_balanced", stated + terms.BALANCED_TERM)
        values = {"count": found["settled"]["count"], "fen": found["settled"]["fen"], "platform": found["platform"]}
        return Begun("settlement", values, found["at"], found, (), (), step)


def shard_and_page(id: str) -> tuple[int, int]:
    """`0003/0000000017` → 3, 17."""
    shard, _, page = id.partition("/")
    return int(shard), int(page)


def _span_of(event: JourneyEvent, programme: str) -> tuple[int, int] | None:
    """The fen of a programme that an event of a shard tells of."""
    for one in event.data.get("intervals", ()):
        if one["programme"] == programme:
            return int(one["fen_from"]), int(one["fen_to"])
    return None


def _step_of_money(pieces: Sequence[Piece], at: datetime) -> Step | None:
    """What a gift's fen wait for before a round has them; None: rounds have them, or they were taken back."""
    states = {piece.state for piece in pieces}
    if FenState.IN_FLIGHT in states:
        return Step("money_applied", at + terms.MACHINE_TERM)
    return Step("money_allocated", at + terms.ALLOCATED_TERM) if FenState.UNALLOCATED in states else None
