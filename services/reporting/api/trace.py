"""The way of one gift: asked from the ledger, then followed by the published rule."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from pandapack.contracts.donations import NAME_PATTERN
from pandapack.runtime.auth import Caller, keys_of
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.http import Problem
from services.reporting import store
from services.reporting.api.neighbours import Neighbours
from services.reporting.api.readings import Readings, shown_freshness
from services.reporting.api.ways import shown_trace
from services.reporting.domain.laws import heard_fen
from services.reporting.domain.rounds import Round
from services.reporting.domain.spans import Stretch, places_of
from services.reporting.domain.trace import Gift, Piece, follow

TRACES_A_BURST_MAX = 60
TRACES_PER_S = 2.0
CLIENTS_KNOWN_MAX = 10_000
READINGS_MAX = 4
READING_PAUSE_S = 0.1

Name = Annotated[str, Path(pattern=NAME_PATTERN)]


@dataclass(slots=True)
class _Bucket:
    """What a client may still ask at once."""

    left: float
    at_s: float


class Limiter:
    """So many traces a client: `TRACES_A_BURST_MAX` at once, and `TRACES_PER_S` on and on. Nobody may try out ids."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str, now_s: float) -> None:
        """Raises Problem 429."""
        bucket = self._buckets.pop(client, None) or _Bucket(TRACES_A_BURST_MAX, now_s)
        self._buckets[client] = bucket
        if len(self._buckets) > CLIENTS_KNOWN_MAX:
            self._buckets.popitem(last=False)
        bucket.left = min(TRACES_A_BURST_MAX, bucket.left + (now_s - bucket.at_s) * TRACES_PER_S)
        bucket.at_s = now_s
        if bucket.left < 1:
            words = f"at most {TRACES_A_BURST_MAX} traces at once and {TRACES_PER_S:g} a second after that"
            raise Problem(429, "too_many_traces", words).retry_after(1)
        bucket.left -= 1


class Tracer:
    """Follows gifts."""

    def __init__(self, readings: Readings, neighbours: Neighbours) -> None:
        self._readings, self._neighbours = readings, neighbours

    async def trace(self, merchant: str, id: str, day: str, *, staff: bool) -> dict[str, Any]:
        """Raises Problem 404 where the ledger has no such donation, 503 where it does not answer."""
        donation = await self._neighbours.donation(merchant, id, day)
        gift = Gift(donation["programme"], donation["line"], donation["fen_from"], donation["fen_to"])
        pieces, rounds = await self._followed(gift)
        fresh = shown_freshness(await self._readings.freshness())
        return {**shown_trace(donation, pieces, rounds, staff=staff), **fresh}

    async def _followed(self, gift: Gift) -> tuple[Sequence[Piece], Mapping[str, Round]]:
        """A round's money and its place on the line are two documents, so between them there may be a moment."""
        for _ in range(READINGS_MAX - 1):
            try:
                return await self._follow(gift)
            except LookupError:
                await asyncio.sleep(READING_PAUSE_S)
        return await self._follow(gift)

    async def _follow(self, gift: Gift) -> tuple[Sequence[Piece], Mapping[str, Round]]:
        stores = self._readings.stores
        heard = heard_fen(await store.all_of(stores.money), gift.programme).get(str(gift.line), 0)
        places = places_of(gift.programme, gift.line, gift.fen_from, gift.fen_to)
        stretches = await store.stretches_at(stores, places)
        names = {
            taken.round
            for stretch in stretches
            for taken in stretch.taken
            if taken.fen_from < gift.fen_to and gift.fen_from < taken.fen_to
        }
        rounds = await store.rounds_named(stores, names)
        funded = {name: round for name, round in rounds.items() if round.funding is not None}
        return follow(gift, heard, [_known(stretch, funded) for stretch in stretches], funded), funded


def _known(stretch: Stretch, rounds: Mapping[str, Round]) -> Stretch:
    """A round whose own document is not written yet is not shown yet."""
    return stretch.model_copy(update={"taken": tuple(taken for taken in stretch.taken if taken.round in rounds)})


async def staff_of(request: Request) -> Caller | None:
    """Who asks, if with a key."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return await keys_of(request).caller(key.strip()) if scheme.lower() == "bearer" and key else None


def trace_router(tracer: Tracer, limiter: Limiter) -> APIRouter:
    """`/trace`."""
    router = APIRouter(tags=["trace"])

    @router.get("/trace/{merchant}/{id}")
    async def get_trace(merchant: Name, id: Name, day: Annotated[date, Query()], request: Request) -> dict[str, Any]:
        """Where one gift is: its place on the fen line, and for each of its fen the round, parcel and district.

        Attribution is by rule, since money is fungible. Whoever asks must know merchant, id and day.
        """
        caller = await staff_of(request)
        if caller is None:
            limiter.take(request.client.host if request.client else "", monotonic_s())
        return await tracer.trace(merchant, id, day.isoformat(), staff=caller is not None)

    return router
