"""Running totals: one object, tables by what they are of, and a live stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.types import Receive, Scope, Send

from pandapack.contracts.donations import NAME_PATTERN
from pandapack.contracts.public_log.fold.figures import round_row
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.client_addresses import holder
from pandapack.runtime.http import Problem
from pandapack.runtime.paging import After, page
from pandapack.runtime.read_limits import ReadLimits
from pandapack.runtime.store import Store
from services.reporting import store
from services.reporting.api.answers import AsOf, answer, reading_of
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.domain.banked import BankedMerchants
from services.reporting.domain.donations import DayMerchants, ShardDonations
from services.reporting.domain.figures import CountAndFen
from services.reporting.work.merchants import merchants_behind
from services.reporting.work.readings import Figures, Readings
from services.reporting.work.streams import StreamEvent, Streams, TooManyStreams

STREAM_RETRY_MS = 1_000
STREAMS_RETRY_AFTER_S = 30
ROWS_DEFAULT = 1_000
ROUNDS_DEFAULT = 100
"""Of rounds, each of which is a row of its own in the store: some five milliseconds."""
ROWS_MAX = 10_000

Json = dict[str, Any]
Programme = Annotated[str | None, Query(pattern=NAME_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=ROWS_MAX)]
NeverAsOf = Annotated[str | None, Query(max_length=CHARACTERS_MAX, description="Refused: merchants are of now only.")]


@dataclass(frozen=True, slots=True)
class MerchantStores:
    """The views of which a day's merchants are shown."""

    shards: Store[ShardDonations]
    merchants: Store[DayMerchants]
    banked_merchants: Store[BankedMerchants]


def totals_router(readings: Readings, streams: Streams, stores: MerchantStores, limits: ReadLimits) -> APIRouter:
    """`/totals`, `/totals/{by}`, `/conservation`, `/events`."""
    router = APIRouter(tags=["totals"])
    _add_tables(router, readings, limits)
    _add_findings(router, readings, limits)
    _add_merchants(router, readings, stores)

    @router.get("/totals")
    async def get_totals(request: Request, as_of: AsOf = None) -> Response:
        """Every figure of a snapshot of the public log, and what runs ahead of it.

        Gifts that came before `complete_to` are counted: in `donations`, `received_fen`, `reversed_fen` and
        `in_flight_fen`, which have what is `ahead`. All other figures are as of `snapshot.at`.
        """
        if as_of is not None:
            await limits(request)
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.totals)

    @router.get("/events")
    async def get_events(request: Request, last_event_id: Annotated[str, Header()] = "") -> Response:
        """Server-Sent Events: `totals` whenever a figure changes, `fresh` when only the time went on."""
        viewer = holder(request.scope)
        try:
            streams.admit(viewer)
        except TooManyStreams as error:
            problem = Problem(503, "too_many_streams", f"{error}: ask /v1/totals")
            raise problem.retry_after(STREAMS_RETRY_AFTER_S) from error
        return _EventStream(streams, viewer, last_event_id)

    return router


Route = Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]


def _table_of(router: APIRouter, limits: ReadLimits) -> Callable[[str], Route]:
    """A path → the decorator of what answers it."""
    return lambda path: router.get(path, dependencies=[Depends(limits)])


def _add_tables(router: APIRouter, readings: Readings, limits: ReadLimits) -> None:
    table = _table_of(router, limits)

    @table("/totals/day")
    async def get_days(request: Request, programme: Programme = None, as_of: AsOf = None) -> Response:
        """Gifts and fen by day in Asia/Shanghai: received, taken back, and what settlements have paid of it."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, await reading.days(programme))

    @table("/totals/programme")
    async def get_programmes(request: Request, as_of: AsOf = None) -> Response:
        """Every figure by programme; of now with what is `ahead`."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.programmes)

    @table("/totals/country")
    async def get_countries(request: Request, as_of: AsOf = None) -> Response:
        """Money and parcels by country of destination (ISO 3166-1)."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.countries)

    @table("/totals/item")
    async def get_items(request: Request, as_of: AsOf = None) -> Response:
        """Units by item, from ordered to kitted, and what was paid: `paid_fen` for `paid` units."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.items)

    @table("/totals/content")
    async def get_contents(request: Request, programme: Programme = None, as_of: AsOf = None) -> Response:
        """What is in one parcel: each specification's items, with names, base unit and quantity, as last published."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.contents_of(programme))

    @table("/totals/category")
    async def get_categories(request: Request, as_of: AsOf = None) -> Response:
        """What was paid by category, and per mille of all that was paid: administration has a row as every other."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.categories)

    @table("/totals/year")
    async def get_years(request: Request, as_of: AsOf = None) -> Response:
        """Received, reversed and spent by year in Asia/Shanghai, and the two ratios of the Charity Law.

        `activities_to_income_…`: paid for all but administration, of what the year before received less reversals (at
        least 70 %). `administration_to_spent_…`: of what the year paid (at most 10 %). Both exactly, as numerator and
        denominator, and per mille; null where the denominator is nothing.
        """
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.years)

    @table("/totals/round")
    async def get_rounds(
        request: Request, after: After = "", limit: Limit = ROUNDS_DEFAULT, as_of: AsOf = None
    ) -> Response:
        """Rounds by name; `next` is the next page's `after`."""
        reading = await reading_of(readings, as_of)
        found = [(one.round, one) for one in await reading.rounds(after, limit + 1)]
        return answer(request, reading, Figures.of(page(found, limit, round_row)))

    @table("/conservation")
    async def get_conservation(request: Request, as_of: AsOf = None) -> Response:
        """The three laws: every term, the exact difference, and each check that failed.

        `banked_fen` stands beside the term "received": what settlements have paid of it, by programme and in all.
        """
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.conservation)


def _add_findings(router: APIRouter, readings: Readings, limits: ReadLimits) -> None:
    """What a parcel cost in full, and what pupils said of it."""
    table = _table_of(router, limits)

    @table("/totals/specification")
    async def get_specifications(request: Request, as_of: AsOf = None) -> Response:
        """What a parcel cost in full, by specification of closed rounds, beside the value that customs are told.

        `full_cost_a_parcel_fen`: all that these rounds spent, administration and parcels that were lost included, by
        parcel that a school accepted; null while there is none.
        """
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.specifications)

    @table("/totals/indicator")
    async def get_indicators(request: Request, as_of: AsOf = None) -> Response:
        """What pupils said to independent evaluators, by indicator and country (null: in all), with 95 % intervals.

        Intervals are Wilson's, rounded outwards. Where few said yes, or few did not, figures are null (`suppressed`),
        and are in those of all countries together.
        """
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.indicators)

    @table("/totals/complaint")
    async def get_complaints(request: Request, as_of: AsOf = None) -> Response:
        """What pupils complained of to evaluators, by kind (null: of all), and how many of it is resolved."""
        reading = await reading_of(readings, as_of)
        return answer(request, reading, reading.complaints)


def _add_merchants(router: APIRouter, readings: Readings, stores: MerchantStores) -> None:
    @router.get("/totals/merchant", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_merchants(
        day: date | None = None, after: After = "", limit: Limit = ROWS_DEFAULT, as_of: NeverAsOf = None
    ) -> Json:
        """Gifts and fen by merchant on one day (the latest known): trade secrets, for staff only.

        `banked_…`: what settlements have paid of them; null where settlements were told without merchants.
        """
        if as_of is not None:
            detail = "merchants are not in the public log, and shown as of now only: leave out as_of"
            raise Problem(422, "as_of_unknown_here", detail)
        wanted = day.isoformat() if day else await store.newest_day(stores.shards)
        both = (stores.merchants, stores.banked_merchants)
        rows = await merchants_behind(*both, wanted, after, limit + 1) if wanted else {}
        past = [(name, (name, sums)) for name, sums in rows.items() if name > after]
        reading = await readings.now()
        shown = page(past, limit, lambda named: _merchant_row(*named))
        return {"day": wanted, **shown, "snapshot": reading.stamp, **reading.fresh}


def _merchant_row(name: str, sums: tuple[CountAndFen, CountAndFen | None]) -> Json:
    (count, fen), banked = sums
    banked_count, banked_fen = banked or (None, None)
    return {"merchant": name, "count": count, "fen": fen, "banked_count": banked_count, "banked_fen": banked_fen}


class _EventStream(Response):
    """The stream as the HTML standard writes Server-Sent Events."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, viewer: str, last_seen: str) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._streams, self._viewer, self._last_seen = streams, viewer, last_seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(event: StreamEvent) -> None:
            text = f"event: {event.name}\nid: {event.id}\ndata: ".encode() + event.data + b"\n\n"
            await send({"type": "http.response.body", "body": text, "more_body": True})

        async def leaves() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        retry = f"retry: {STREAM_RETRY_MS}\n\n".encode()
        await send({"type": "http.response.body", "body": retry, "more_body": True})
        await self._streams.watch(self._viewer, self._last_seen, write, leaves)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
