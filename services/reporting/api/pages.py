"""The pages: numbers in the server's HTML at once, readable without JavaScript; `static/page.js` keeps them moving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import TypeAdapter, ValidationError

from pandapack.contracts.donations import Name, PlatformName
from pandapack.decision import Refusal
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem
from pandapack.runtime.sessions import page_caller
from services.reporting.api.bars import Bar, bar_of
from services.reporting.api.data_page import page_values
from services.reporting.api.pipeline import shown_pipeline
from services.reporting.api.texts import PageTexts, formats, language_of
from services.reporting.api.trace import TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.domain.laws import Law
from services.reporting.domain.totals import by_country, round_row
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Books, Readings
from services.reporting.work.tracer import Tracer

TEMPLATES = Path(__file__).parents[1] / "templates"
STALE_S = 30.0
"""Figures that are further behind than this have a banner that tells it."""
ROUNDS_SHOWN_MAX = 50

Json = dict[str, Any]
_names, _platforms = TypeAdapter[str](Name), TypeAdapter[str](PlatformName)
_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _page(name: str, texts: PageTexts, **values: Any) -> HTMLResponse:
    html = _environment.get_template(name).render(
        **formats(texts), lang=texts.language.value, html_lang=texts.html, **values
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language"})


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
    readings: Readings, pipeline: Pipeline, tracer: Tracer, limits: TraceLimits, checkpoints: Checkpoints
) -> APIRouter:
    """`/` and `/ops`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def get_public_page(
        request: Request,
        query: Annotated[TraceQuery, Depends()],
        lang: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str, Header()] = "",
    ) -> HTMLResponse:
        platforms = await _known_platforms(tracer)
        trace, failure = await _follow(tracer, limits, request, query.on(platforms))
        totals = await readings.totals()
        return _page(
            "public.html",
            _texts(lang, accept_language),
            totals=totals,
            stale=_stale(totals),
            countries=by_country(await readings.views()),
            money_bar=_money_bar(totals),
            parcel_bar=_parcel_bar(totals["parcels"]),
            laws=_shown_laws(await readings.books()),
            cosigned=await checkpoints.cosigned(),
            platforms=platforms if len(platforms) > 1 else (),
            query=query,
            trace=trace,
            failure=failure,
            address=str(request.base_url).rstrip("/"),
        )

    @router.get("/data")
    async def get_data_page(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str, Header()] = "",
    ) -> HTMLResponse:
        address = str(request.base_url).rstrip("/")
        return _page("data.html", _texts(lang, accept_language), address=address, **page_values())

    @router.get("/ops")
    async def get_operations_page(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str, Header()] = "",
    ) -> Response:
        if await page_caller(request) is None:
            return RedirectResponse("/login?next=/ops", 303)
        every = [round_row(round) for round in (await readings.rounds()).values()]
        rounds = [row for row in every if row["closed_at"] is None]
        over_reported = [row for row in every if row["pupils_over_reported"]]
        return _page(
            "ops.html",
            _texts(lang, accept_language),
            totals=await readings.totals(),
            pipeline=shown_pipeline(await pipeline.read()),
            laws=_shown_laws(await readings.books()),
            rounds=rounds[:ROUNDS_SHOWN_MAX],
            rounds_all=len(rounds),
            over_reported=over_reported[:ROUNDS_SHOWN_MAX],
            pupils_over_reported=sum(row["pupils_over_reported"] for row in over_reported),
        )

    return router


def _stale(totals: Mapping[str, Any]) -> bool:
    behind_s = totals["behind_s"]
    return totals["donations"] > 0 and (behind_s is None or behind_s > STALE_S)


def _money_bar(totals: Mapping[str, Any]) -> Bar:
    states = ("spent", "committed", "reserved", "unallocated", "in_flight")
    return bar_of({state: totals[f"{state}_fen"] for state in states})


def _parcel_bar(parcels: Mapping[str, int]) -> Bar:
    states = ("accepted", "in_transit", "warehouse", "rejected", "damaged", "lost", "returned")
    return bar_of({state: parcels[state] for state in states})


def _shown_laws(books: Books) -> list[Json]:
    """Each law with both sides as bars of one scale."""
    return [_shown_law(law) for law in books.laws]


def _shown_law(law: Law) -> Json:
    left_names = {name for part in law.parts for name in part.left}
    left = {name: value for name, value in law.terms.items() if name in left_names}
    right = {name: value for name, value in law.terms.items() if name not in left_names}
    scale = max(sum(left.values()), sum(right.values()))
    return {"law": law, "left": bar_of(left, scale), "right": bar_of(right, scale)}
