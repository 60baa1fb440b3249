"""The operations page, what needs a person, and the acts that are forwarded to the services."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import RedirectResponse, Response

from pandapack.runtime.auth import BEARER, Caller, Needs, Role, needs, optional_caller
from pandapack.runtime.chance import Chance
from pandapack.runtime.http import Problem
from pandapack.runtime.sessions import page_caller
from services.reporting.api.login import READERS, login_address
from services.reporting.api.needs_shown import shown_needs
from services.reporting.api.ops_parts import NAMES, edges_of, gathered
from services.reporting.api.ops_told import here_of, told_of
from services.reporting.api.refused import refused_page
from services.reporting.api.rendering import has_template, html_answer, rendered, switch_of, texts_of
from services.reporting.work.needs import NeedsBook

Lang = Annotated[str | None, Query()]
Accepted = Annotated[str, Header(alias="accept-language")]
READER = Needs(Role.AUDITOR)


async def reader_of(request: Request, _: Annotated[object, Depends(BEARER)] = None) -> Caller:
    """Who reads operations: by a key, or logged in on the page. Raises Problem 401, 403."""
    caller = await optional_caller(request) or await page_caller(request)
    if caller is None:
        problem = Problem(401, "key_unknown", "send `Authorization: Bearer <key>` of an operator or auditor, or log in")
        problem.headers["WWW-Authenticate"] = "Bearer"
        raise problem
    READER.admit(caller)
    return caller


def needs_router(book: NeedsBook) -> APIRouter:
    """`/needs`."""
    router = APIRouter(tags=["operations"])

    @router.get("/needs", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_needs() -> dict[str, Any]:
        """What needs a person, the most urgent first: what happened, since when, what it costs while it waits.

        `command` is to be typed, `act` is the button of the operations page, `runbook` a page of the documents. A kind
        has ten items at most, and `more` counts those beside them. Of the services in `unknown` nothing is known.
        """
        return shown_needs(await book.read())

    return router


def ops_router(chance: Chance, *, is_demonstration: bool) -> APIRouter:
    """`/ops`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ops")
    async def get_operations_page(request: Request, lang: Lang = None, accept_language: Accepted = "") -> Response:
        caller = await page_caller(request)
        if caller is None:
            return RedirectResponse(login_address(lang), 303)
        texts = texts_of(lang, accept_language)
        if caller.role not in READERS:
            problem = Problem(403, "role_not_allowed", f"this needs a key of role operator; yours is {caller.role}")
            return await refused_page(request, texts, problem, is_demonstration=is_demonstration)
        shown, lost = await gathered(request)
        html = await rendered(
            "ops.html",
            texts,
            switch_of(request, texts),
            **shown,
            ops_shown=[name for name in NAMES if has_template(f"ops/{name}.html")],
            lost=lost,
            told=await told_of(request),
            here=here_of(request),
            form_key=chance.token(),
            edges={} if "pipeline" in lost else edges_of(shown["pipeline"]),
            may_act=caller.role is Role.OPERATOR,
            caller=caller,
            is_demonstration=is_demonstration,
        )
        return html_answer(html)

    return router
