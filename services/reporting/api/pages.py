"""The pages: numbers in the server's HTML at once, readable without JavaScript; `static/page.js` keeps them moving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import TypeAdapter, ValidationError

from pandapack.contracts.donations import Name, PlatformName
from pandapack.contracts.public_log.fold.figures import round_row
from pandapack.contracts.public_log.fold.laws import Law
from pandapack.decision import Refusal
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem
from pandapack.runtime.read_limits import ReadLimits
from pandapack.runtime.sessions import page_caller
from services.reporting.api.bars import Bar, bar_of
from services.reporting.api.costs import shown_costs
from services.reporting.api.data_page import page_values
from services.reporting.api.pipeline import shown_pipeline
from services.reporting.api.texts import PageTexts, formats, language_of
from services.reporting.api.trace import TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Reading, Readings
from services.reporting.work.tracer import Tracer

TEMPLATES = Path(__file__).parents[1] / "templates"
STALE_S = 30.0
"""Figures that are further behind than this have a banner that tells it."""
ROUNDS_SHOWN_MAX = 50
"""Of the rounds in work; all of them are in `/v1/totals/round`."""

Json = dict[str, Any]
_names, _platforms = TypeAdapter[str](Name), TypeAdapter[str](PlatformName)
_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _page(name: str, texts: PageTexts, request: Request, **values: Any) -> HTMLResponse:
    html = _environment.get_template(name).render(
        **formats(texts), lang=texts.language.value, html_lang=texts.html, switch=_switch(request, texts), **values
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language"})


def _switch(request: Request, texts: PageTexts) -> str:
    """The same page in the other language, also where no script runs: a moment or a search that was asked for stays."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return "?" + urlencode([*kept, ("lang", texts.other.value)])


def _texts(lang: str | None, accepted: str) -> PageTexts:
    return PageTexts(language_of(lang, accepted))


class TraceQuery:
    """What a reader wants to follow."""

    def __init__(self, platform: str = "", merchant: str = "", id: str = "", day: str = "") -> None:
        self.platform, self.merchant, self.id, self.day = (one.strip() for one in (platform, merchant, id, day))

    def on(self, platforms: Sequence[str]) -> TraceQuery:
        """The same, on the platform that goes without saying where there is one alone."""
        only = platforms[0] if len(platforms) == 1 else ""
        return TraceQuery(self.platform or only, self.merchant, self.id, self.day)

    def __bool__(self) -> bool:
        return bool(self.merchant or self.id or self.day)

    @property
    def is_valid(self) -> bool:
        """Whether these can be the names of a donation."""
        try:
            _platforms.validate_python(self.platform)
            _names.validate_python(self.merchant)
            _names.validate_python(self.id)
            date.fromisoformat(self.day)
        except (ValidationError, ValueError):
            return False
        return True


async def _known_platforms(tracer: Tracer) -> Sequence[str]:
    """Nothing where the ledger does not answer: the page shows its figures all the same."""
    try:
        return await tracer.platforms()
    except Unavailable:
        return ()


async def _follow(
    tracer: Tracer, limits: TraceLimits, request: Request, query: TraceQuery
) -> tuple[Json | None, str | None]:
    """The trace that was asked for, or the key of the text that tells why there is none."""
    if not query:
        return None, None
    if not query.platform:
        return None, "which_platform" if await _known_platforms(tracer) else "not_now"
    if not query.is_valid:
        return None, "not_valid"
    try:
        limits.admit(request)
        trace = await tracer.trace(query.platform, query.merchant, query.id, query.day)
    except Problem:
        return None, "too_many"
    except Unavailable:
        return None, "not_now"
    if isinstance(trace, Refusal):
        return None, "not_found"
    return shown_trace(trace, staff=False), None


def pages_router(
    readings: Readings,
    pipeline: Pipeline,
    tracer: Tracer,
    limits: TraceLimits,
    tables: ReadLimits,
    checkpoints: Checkpoints,
    *,
    is_demonstration: bool,
) -> APIRouter:
    """`/`, `/data` and `/ops`. Every figure of a page is of one snapshot, which it names."""
    router = APIRouter(include_in_schema=False)
    page = partial(_page, is_demonstration=is_demonstration)

    @router.get("/")
    async def get_public_page(
        request: Request,
        query: Annotated[TraceQuery, Depends()],
        lang: Annotated[str | None, Query()] = None,
        as_of: Annotated[str, Query(max_length=CHARACTERS_MAX)] = "",
        accept_language: Annotated[str, Header()] = "",
    ) -> HTMLResponse:
        platforms = await _known_platforms(tracer)
        trace, failure = await _follow(tracer, limits, request, query.on(platforms))
        reading, is_refused = await _reading(readings, tables, request, as_of)
        return page(
            "public.html",
            _texts(lang, accept_language),
            request,
            **_figures(reading),
            countries=reading.countries.values["items"],
            costs=shown_costs(reading),
            cosigned=await checkpoints.cosigned(),
            platforms=platforms if len(platforms) > 1 else (),
            query=query,
            trace=trace,
            failure=failure,
            address=str(request.base_url).rstrip("/"),
            is_past=reading.lead is None,
            is_refused=is_refused,
        )

    @router.get("/data")
    async def get_data_page(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str, Header()] = "",
    ) -> HTMLResponse:
        address = str(request.base_url).rstrip("/")
        return page("data.html", _texts(lang, accept_language), request, address=address, **page_values())

    @router.get("/ops")
    async def get_operations_page(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str, Header()] = "",
    ) -> Response:
        if await page_caller(request) is None:
            return RedirectResponse("/login?next=/ops", 303)
        state = await pipeline.read()
        reading = await readings.now()
        found = [round_row(one) for one in await reading.rounds("", ROUNDS_SHOWN_MAX + 1, is_open=True)]
        rounds = found[:ROUNDS_SHOWN_MAX]
        return page(
            "ops.html",
            _texts(lang, accept_language),
            request,
            **_figures(reading),
            pipeline=shown_pipeline(state),
            rounds=rounds,
            is_more=len(found) > len(rounds),
            over_reported=[row for row in rounds if row["pupils_over_reported"]],
        )

    return router


async def _reading(readings: Readings, tables: ReadLimits, request: Request, as_of: str) -> tuple[Reading, bool]:
    """What the page is of, and whether something else was asked for that cannot be had: then it is of now."""
    if not as_of:
        return await readings.now(), False
    try:
        await tables(request)
    except Problem:
        return await readings.now(), True
    found = await readings.as_of(as_of)
    return (await readings.now(), True) if isinstance(found, Refusal) else (found, False)


def _figures(reading: Reading) -> Json:
    """What both pages show of their snapshot."""
    totals = {**reading.totals.values, "snapshot": reading.stamp, **reading.fresh}
    return {
        "totals": totals,
        "headline": headline_of(totals),
        "booked": reading.booked,
        "stale": reading.lead is not None and _stale(totals),
        "money_bar": _money_bar(totals),
        "parcel_bar": _parcel_bar(totals["parcels"]),
        "laws": [_shown_law(law) for law in reading.laws],
    }


def headline_of(totals: Mapping[str, Any]) -> str:
    """The form of the sentence at the top: of one gift or more, on the way, or with one parcel or more at schools."""
    if not totals["donations"]:
        return "empty"
    given = "donation" if totals["donations"] == 1 else "donations"
    accepted = totals["parcels"]["accepted"]
    return f"{given}_{'way' if not accepted else 'parcel' if accepted == 1 else 'parcels'}"


def _stale(totals: Mapping[str, Any]) -> bool:
    behind_s = totals["behind_s"]
    return totals["donations"] > 0 and (behind_s is None or behind_s > STALE_S)


def _money_bar(totals: Mapping[str, Any]) -> Bar:
    states = ("spent", "committed", "reserved", "unallocated", "in_flight")
    return bar_of({state: totals[f"{state}_fen"] for state in states})


def _parcel_bar(parcels: Mapping[str, int]) -> Bar:
    states = ("accepted", "in_transit", "warehouse", "rejected", "damaged", "lost", "returned")
    return bar_of({state: parcels[state] for state in states})


def _shown_law(law: Law) -> Json:
    """The law with both sides as bars of one scale."""
    left_names = {name for part in law.parts for name in part.left}
    left = {name: value for name, value in law.terms.items() if name in left_names}
    right = {name: value for name, value in law.terms.items() if name not in left_names}
    scale = max(sum(left.values()), sum(right.values()))
    return {"law": law, "left": bar_of(left, scale), "right": bar_of(right, scale)}
