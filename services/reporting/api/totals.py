"""Running totals: one object, tables by what they are of, and a live stream."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from pandapack.contracts.donations import NAME_PATTERN
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.http import Problem, json_bytes
from services.reporting import store
from services.reporting.api.readings import Readings, shown_books, shown_freshness
from services.reporting.domain.gifts import by_merchant
from services.reporting.domain.totals import by_country, by_day, by_item, by_programme, round_row

STREAMS_MAX = 1_000
STREAM_S_MAX = 300.0
"""A stream ends after this, and the browser asks again: perhaps another process."""
STREAM_PAUSE_S = 0.5
STREAM_RETRY_MS = 1_000
ROWS_DEFAULT = 1_000
ROWS_MAX = 10_000

Programme = Annotated[str | None, Query(pattern=NAME_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=ROWS_MAX)]
After = Annotated[str, Query(max_length=200)]


def totals_router(readings: Readings, streams: Streams) -> APIRouter:
    """`/totals`, `/totals/{by}`, `/conservation`, `/events`."""
    router = APIRouter(tags=["totals"])

    async def table(items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"items": items, **more, **shown_freshness(await readings.freshness())}

    @router.get("/totals")
    async def get_totals() -> dict[str, Any]:
        """Every figure, and how fresh it is: all that was appended before `complete_to` is counted."""
        return await readings.totals()

    @router.get("/totals/day")
    async def get_days(programme: Programme = None) -> dict[str, Any]:
        """Gifts and fen by day in Asia/Shanghai."""
        return await table(by_day(await readings.views(), programme))

    @router.get("/totals/programme")
    async def get_programmes() -> dict[str, Any]:
        """Every figure by programme."""
        return await table(by_programme(await readings.views()))

    @router.get("/totals/country")
    async def get_countries() -> dict[str, Any]:
        """Money and parcels by country of destination (ISO 3166-1)."""
        return await table(by_country(await readings.views()))

    @router.get("/totals/item")
    async def get_items() -> dict[str, Any]:
        """Units by item, from ordered to kitted."""
        return await table(by_item(await readings.views()))

    @router.get("/totals/round")
    async def get_rounds(after: After = "", limit: Limit = ROWS_DEFAULT) -> dict[str, Any]:
        """Rounds by name; `next` is the `after` of the page behind."""
        rounds = await readings.rounds()
        names = [name for name in rounds if name > after]
        items = [round_row(rounds[name]) for name in names[:limit]]
        return await table(items, next=names[limit - 1] if len(names) > limit else None)

    @router.get("/totals/merchant", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_merchants(day: date | None = None, after: After = "", limit: Limit = ROWS_DEFAULT) -> dict[str, Any]:
        """Gifts and fen by merchant on one day (the latest known): trade secrets, for staff only."""
        wanted = day.isoformat() if day else await store.newest_day(readings.stores)
        merchants = by_merchant(await store.merchants_on(readings.stores, wanted)) if wanted else {}
        names = [name for name in merchants if name > after]
        items = [{"merchant": name, "count": merchants[name][0], "fen": merchants[name][1]} for name in names[:limit]]
        return await table(items, day=wanted, next=names[limit - 1] if len(names) > limit else None)

    @router.get("/conservation")
    async def get_conservation() -> dict[str, Any]:
        """The three laws: every term, the exact difference, and each check that failed in every reading."""
        return {**shown_books(await readings.books()), **shown_freshness(await readings.freshness())}

    @router.get("/events")
    async def get_events(last_event_id: Annotated[str, Header()] = "") -> StreamingResponse:
        """Server-Sent Events: `totals` whenever a figure changes, `fresh` when only the time went on."""
        stream = streams.open(last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


class Streams:
    """The open streams of this process."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._open = 0
        self._ending = asyncio.Event()

    def end(self) -> None:
        """The process is told to stop: every stream ends, so that draining need not wait for pages left open."""
        self._ending.set()

    def open(self, last_seen: str) -> AsyncIterator[bytes]:
        """A new stream. Raises Problem 503 where there are `STREAMS_MAX`."""
        if self._open >= STREAMS_MAX:
            raise Problem(503, "too_many_streams", f"{STREAMS_MAX} streams are open: ask /v1/totals").retry_after(30)
        return self._stream(last_seen)

    async def _stream(self, last_seen: str) -> AsyncIterator[bytes]:
        """`last_seen` is the id of the last event that the reader has: what it knows is not sent again."""
        self._open += 1
        try:
            yield f"retry: {STREAM_RETRY_MS}\n\n".encode()
            until_s = monotonic_s() + STREAM_S_MAX
            while monotonic_s() < until_s and not self._ending.is_set():
                shown = await self._readings.totals()
                fresh = {name: shown.pop(name) for name in ("complete_to", "behind_s")}
                id = _id_of(shown)
                if id == last_seen:
                    yield _event("fresh", id, fresh)
                else:
                    yield _event("totals", id, {**shown, **fresh})
                last_seen = id
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), STREAM_PAUSE_S)
        finally:
            self._open -= 1


def _id_of(figures: dict[str, Any]) -> str:
    """The same figures have the same id in every process, so a stream goes on anywhere."""
    return hashlib.blake2b(json_bytes(figures), digest_size=8).hexdigest()


def _event(name: str, id: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\nid: {id}\ndata: ".encode() + json_bytes(data) + b"\n\n"
