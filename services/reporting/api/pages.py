"""The pages: numbers in the server's HTML at once, readable without JavaScript; `static/page.js` keeps them moving."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pandapack.contracts.public_log.fold.figures import round_row
from pandapack.runtime.sessions import page_caller
from services.reporting.api.data_page import page_values
from services.reporting.api.pipeline import shown_pipeline
from services.reporting.api.public_page import PublicPage, TraceQuery
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.api.shown_figures import shown_figures
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Readings

ROUNDS_SHOWN_MAX = 50
"""Of the rounds in work; all of them are in `/v1/totals/round`."""

Lang = Annotated[str | None, Query()]
Accepted = Annotated[str, Header(alias="accept-language")]


def pages_router(public: PublicPage, readings: Readings, pipeline: Pipeline, *, is_demonstration: bool) -> APIRouter:
    """`/`, `/data` and `/ops`. Every figure of a page is of one snapshot, which it names."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def get_public_page(
        request: Request,
        query: Annotated[TraceQuery, Depends()],
        lang: Lang = None,
        as_of: Annotated[str, Query(max_length=CHARACTERS_MAX)] = "",
        accept_language: Accepted = "",
    ) -> HTMLResponse:
        return html_answer(await public.html(request, query, texts_of(lang, accept_language), as_of))

    @router.get("/data")
    async def get_data_page(request: Request, lang: Lang = None, accept_language: Accepted = "") -> HTMLResponse:
        texts, address = texts_of(lang, accept_language), str(request.base_url).rstrip("/")
        switch = switch_of(request, texts)
        html = await rendered(
            "data.html", texts, switch, address=address, is_demonstration=is_demonstration, **page_values()
        )
        return html_answer(html)

    @router.get("/ops")
    async def get_operations_page(request: Request, lang: Lang = None, accept_language: Accepted = "") -> Response:
        if await page_caller(request) is None:
            return RedirectResponse("/login?next=/ops", 303)
        texts, state, reading = texts_of(lang, accept_language), await pipeline.read(), await readings.now()
        found = [round_row(one) for one in await reading.rounds("", ROUNDS_SHOWN_MAX + 1, is_open=True)]
        rounds = found[:ROUNDS_SHOWN_MAX]
        html = await rendered(
            "ops.html",
            texts,
            switch_of(request, texts),
            **shown_figures(reading),
            pipeline=shown_pipeline(state),
            rounds=rounds,
            is_more=len(found) > len(rounds),
            over_reported=[row for row in rounds if row["pupils_over_reported"]],
            is_demonstration=is_demonstration,
        )
        return html_answer(html)

    return router
