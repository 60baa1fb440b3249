"""Running totals: one object, tables by what they are of, and a live stream."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from pandapack.contracts.donations import NAME_PATTERN
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.client_addresses import holder
from pandapack.runtime.http import Problem
from pandapack.runtime.paging import After, page
from pandapack.runtime.read_limits import ReadLimits
from pandapack.runtime.store import Store
from services.reporting import store
from services.reporting.api.law_views import shown_books
from services.reporting.domain.banked import BankedMerchants
from services.reporting.domain.donations import DayMerchants, ShardDonations
from services.reporting.domain.figures import CountAndFen
from services.reporting.domain.rounds.state import Round
from services.reporting.domain.totals import (
    banked_beside,
    banked_columns,
    by_country,
    by_day,
    by_item,
    by_programme,
    round_row,
)
from services.reporting.work.merchants import merchants_behind
from services.reporting.work.readings import Readings
from services.reporting.work.streams import StreamEvent, Streams, TooManyStreams

STREAM_RETRY_MS = 1_000
STREAMS_RETRY_AFTER_S = 30
ROWS_DEFAULT = 1_000
ROWS_MAX = 10_000

Json = dict[str, Any]
Programme = Annotated[str | None, Query(pattern=NAME_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=ROWS_MAX)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MerchantStores:
    """The views of which a day's merchants are shown."""

    shards: Store[ShardDonations]
    merchants: Store[DayMerchants]
    banked_merchants: Store[BankedMerchants]


def totals_router(readings: Readings, streams: Streams, stores: MerchantStores, limits: ReadLimits) -> APIRouter:
    """`/totals`, `/totals/{by}`, `/conservation`, `/events`."""
    router, tables = APIRouter(tags=["totals"]), [Depends(limits)]

    async def dated(table: Json) -> Json:
        return {**table, **(await readings.freshness()).as_json()}

    @router.get("/totals")
    async def get_totals() -> Json:
        """Every figure, and how fresh it is: all that was appended before `complete_to` is counted."""
        return await readings.totals()

    @router.get("/totals/day", dependencies=tables)
    async def get_days(programme: Programme = None) -> Json:
        """Donations and fen by day in Asia/Shanghai: received, and what settlements have paid of that."""
        return await dated({"items": by_day(await readings.views(), programme)})

    @router.get("/totals/programme", dependencies=tables)
    async def get_programmes() -> Json:
        """Every figure by programme."""
        return await dated({"items": by_programme(await readings.views())})

    @router.get("/totals/country", dependencies=tables)
    async def get_countries() -> Json:
        """Money and parcels by country of destination (ISO 3166-1)."""
        return await dated({"items": by_country(await readings.views())})

    @router.get("/totals/item", dependencies=tables)
    async def get_items() -> Json:
        """Units by item, from ordered to kitted."""
        return await dated({"items": by_item(await readings.views())})

    @router.get("/totals/round", dependencies=tables)
    async def get_rounds(after: After = "", limit: Limit = ROWS_DEFAULT) -> Json:
        """Rounds by name; `next` is the next page's `after`."""
        return await dated(_page_by_name(await readings.rounds(), after, limit, _round_row))

    @router.get("/totals/merchant", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_merchants(day: date | None = None, after: After = "", limit: Limit = ROWS_DEFAULT) -> Json:
        """Donations and fen by merchant on one day (the latest known): trade secrets, for staff only.

        `banked_…`: what settlements have paid of them; null where settlements were told without merchants.
        """
        wanted = day.isoformat() if day else await store.newest_day(stores.shards)
        both = (stores.merchants, stores.banked_merchants)
        rows = await merchants_behind(*both, wanted, after, limit + 1) if wanted else {}
        return await dated({"day": wanted, **_page_by_name(rows, after, limit, _merchant_row)})

    @router.get("/conservation", dependencies=tables)
    async def get_conservation() -> Json:
        """The three laws: every term, the exact difference, and each check that failed in every reading.

        `banked_fen` stands beside the term "received": what settlements have paid of it, by programme and in all.
        """
        return await dated({**shown_books(await readings.books()), **banked_beside(await readings.views())})

    @router.get("/events")
    async def get_events(request: Request, last_event_id: Annotated[str, Header()] = "") -> StreamingResponse:
        """Server-Sent Events: `totals` whenever a figure changes, `fresh` when only the time went on."""
        try:
            events = streams.open(holder(request.scope), last_event_id)
        except TooManyStreams as error:
            problem = Problem(503, "too_many_streams", f"{error}: ask /v1/totals")
            raise problem.retry_after(STREAMS_RETRY_AFTER_S) from error
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(_as_text(events), media_type="text/event-stream", headers=headers)

    return router


def _merchant_row(name: str, sums: tuple[CountAndFen, CountAndFen | None]) -> Json:
    (count, fen), banked = sums
    return {"merchant": name, "count": count, "fen": fen, **banked_columns(banked)}


def _page_by_name(found: Mapping[str, T], after: str, limit: int, row: Callable[[str, T], Json]) -> Json:
    """A page of rows that are found sorted by name: those past `after`."""
    past = [(name, (name, one)) for name, one in found.items() if name > after]
    return page(past, limit, lambda named: row(*named))


def _round_row(_: str, round: Round) -> Json:
    return round_row(round)


async def _as_text(events: AsyncGenerator[StreamEvent, None]) -> AsyncIterator[bytes]:
    """The stream as the HTML standard writes Server-Sent Events."""
    yield f"retry: {STREAM_RETRY_MS}\n\n".encode()
    async with contextlib.aclosing(events):
        async for event in events:
            yield f"event: {event.name}\nid: {event.id}\ndata: ".encode() + event.data + b"\n\n"
