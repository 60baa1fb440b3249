"""Where a page that people open cannot be given: why, in their language; programs get the problem as everywhere."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from pandapack.runtime.http import Problem
from services.reporting.api.rendering import rendered, switch_of
from services.reporting.api.texts import PageTexts

WORDS = {"too_many_traces": "too_many", "unavailable": "not_now"}
"""Code → the text, where the public page has one for it."""


async def refused_page(request: Request, texts: PageTexts, problem: Problem, *, is_demonstration: bool) -> HTMLResponse:
    """The page. Raises the problem where no HTML is wanted."""
    if "text/html" not in request.headers.get("accept", ""):
        raise problem
    why = WORDS.get(problem.code, f"refused_{problem.code}")
    html = await rendered(
        "refused.html",
        texts,
        switch_of(request, texts),
        why=why if texts.has(why) else "refused_other",
        is_demonstration=is_demonstration,
    )
    headers = {**problem.headers, "Cache-Control": "no-cache", "Vary": "Accept, Accept-Language"}
    return HTMLResponse(html, problem.status, headers=headers)
