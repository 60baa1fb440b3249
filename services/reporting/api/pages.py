"""The pages: numbers in the server's HTML at once, readable without JavaScript; `static/page.js` keeps them moving."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import HTMLResponse

from services.reporting.api.data_page import page_values
from services.reporting.api.following import TraceQuery
from services.reporting.api.public_page import PublicPage
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.domain.as_of import CHARACTERS_MAX

Lang = Annotated[str | None, Query()]
Accepted = Annotated[str, Header(alias="accept-language")]


def pages_router(public: PublicPage, *, is_demonstration: bool) -> APIRouter:
    """`/` and `/data`. Every figure of a page is of one snapshot, which it names."""
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

    return router
