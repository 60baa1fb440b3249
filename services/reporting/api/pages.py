"""The pages: numbers in the server's HTML at once, readable without JavaScript; `static/page.js` keeps them moving."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import TypeAdapter, ValidationError

from pandapack.contracts.donations import Name
from pandapack.runtime.auth import page_caller
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem
from services.reporting.api.bars import Bar, bar_of
from services.reporting.api.pipeline import Pipeline
from services.reporting.api.readings import Books, Readings
from services.reporting.api.trace import Limiter, Tracer
from services.reporting.api.words import Speech, formats, language_of
from services.reporting.domain.laws import Law
from services.reporting.domain.totals import by_country, round_row

TEMPLATES = Path(__file__).parents[1] / "templates"
STALE_S = 30.0
"""Figures that are further behind than this say so in a banner."""
ROUNDS_SHOWN_MAX = 50

Json = dict[str, Any]
_names = TypeAdapter[str](Name)
_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FAILURES = {404: "not_found", 429: "too_many"}


def _page(name: str, speech: Speech, **values: Any) -> HTMLResponse:
    html = _environment.get_template(name).render(
        **formats(speech), lang=speech.language.value, html_lang=speech.html, **values
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language"})


def _speech(lang: str | None, accepted: str) -> Speech:
    return Speech(language_of(lang, accepted))


class Asked:
    """What a reader wants to follow."""

    def __init__(self, merchant: str, id: str, day: str) -> None:
        self.merchant, self.id, self.day = merchant.strip(), id.strip(), day.strip()

    def __bool__(self) -> bool:
        return bool(self.merchant or self.id or self.day)

    @property
    def valid(self) -> bool:
        """Whether these can be the names of a donation."""
        try:
            _names.validate_python(self.merchant)
            _names.validate_python(self.id)
            date.fromisoformat(self.day)
        except (ValidationError, ValueError):
            return False
        return True


def pages_router(readings: Readings, pipeline: Pipeline, tracer: Tracer, limiter: Limiter) -> APIRouter:
    """`/` and `/ops`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def public_page(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        merchant: str = "",
        id: str = "",
        day: str = "",
        accept_language: Annotated[str, Header()] = "",
    ) -> HTMLResponse:
        asked = Asked(merchant, id, day)
        found, failure = await _followed(request, asked)
        totals = await readings.totals()
        return _page(
            "public.html",
            _speech(lang, accept_language),
            totals=totals,
            stale=_stale(totals),
            countries=by_country(await readings.views()),
            money_bar=_money_bar(totals),
            parcel_bar=_parcel_bar(totals["parcels"]),
            laws=_shown_laws(await readings.books()),
            asked=asked,
            found=found,
            failure=failure,
        )

    async def _followed(request: Request, asked: Asked) -> tuple[Json | None, str | None]:
        if not asked:
            return None, None
        if not asked.valid:
            return None, "not_valid"
        try:
            limiter.take(request.client.host if request.client else "", monotonic_s())
            return await tracer.trace(asked.merchant, asked.id, asked.day, staff=False), None
        except Problem as problem:
            return None, _FAILURES.get(problem.status, "not_now")
        except Unavailable:
            return None, "not_now"

    @router.get("/ops")
    async def operations(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str, Header()] = "",
    ) -> Response:
        caller = await page_caller(request)
        if caller is None:
            return RedirectResponse("/login?next=/ops", 303)
        rounds = [round_row(round) for round in (await readings.rounds()).values() if round.closing is None]
        return _page(
            "ops.html",
            _speech(lang, accept_language),
            caller=caller,
            pipeline=await pipeline.read(),
            totals=await readings.totals(),
            laws=_shown_laws(await readings.books()),
            rounds=rounds[:ROUNDS_SHOWN_MAX],
            rounds_all=len(rounds),
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
