"""Logging in on the pages that only operators see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pandapack.runtime.acts import acts_of
from pandapack.runtime.auth import Keys, Role, keys_of
from pandapack.runtime.sessions import Sessions, sessions_of
from services.reporting.api.rendering import rendered, switch_of, texts_of

FIRST_KEYS_FILE = "keys.json"
READERS = (Role.OPERATOR, Role.AUDITOR)
"""Who may look at the operations page; what may be done on it each service decides by the key."""
Lang = Annotated[str | None, Query()]
Accepted = Annotated[str, Header(alias="accept-language")]


def where_first_keys_are(digests: Path | None) -> str:
    """Where the person at this machine finds the first keys: beside the `digests` that services read.

    Named from the folder in which the service runs; of a file elsewhere, or nowhere here, nothing ("") is told.
    """
    file = digests.absolute().with_name(FIRST_KEYS_FILE) if digests else None
    if file is None or not file.is_file() or not file.is_relative_to(Path.cwd()):
        return ""
    return str(file.relative_to(Path.cwd()))


def login_address(lang: str | None, page: str = "/ops") -> str:
    """Where to log in for a page; the language that was asked for stays."""
    if lang is None:
        return f"/login?next={page}"
    return "/login?" + urlencode({"lang": lang, "next": f"{page}?{urlencode({'lang': lang})}"})


def login_router(first_keys: str, *, is_demonstration: bool = False) -> APIRouter:
    """`/login` and `/logout` for pages that only operators see. `first_keys`: the file that has them; "": not here."""
    router = APIRouter(include_in_schema=False)

    async def page(request: Request, lang: str | None, accepted: str, next: str, wrong: str = "") -> HTMLResponse:
        texts = texts_of(lang, accepted)
        html = await rendered(
            "login.html",
            texts,
            switch_of(request, texts),
            first_keys=first_keys,
            next=_local(next),
            wrong=wrong,
            is_demonstration=is_demonstration,
        )
        return HTMLResponse(html, 401 if wrong else 200, {"Vary": "Accept-Language"})

    @router.get("/login")
    async def get_login(
        request: Request, next: str = "/ops", lang: Lang = None, accept_language: Accepted = ""
    ) -> HTMLResponse:
        return await page(request, lang, accept_language, next)

    @router.post("/login")
    async def post_login(
        request: Request,
        keys: Annotated[Keys, Depends(keys_of)],
        sessions: Annotated[Sessions, Depends(sessions_of)],
        *,
        key: Annotated[str, Form()],
        next: Annotated[str, Form()] = "/ops",
        lang: Lang = None,
        accept_language: Accepted = "",
    ) -> Response:
        caller = await keys.caller(key.strip())
        if caller is None or caller.role not in READERS:
            wrong = "login_wrong" if caller is None else "login_not_yours"
            return await page(request, lang, accept_language, next, wrong)
        await acts_of(request).note(caller, "POST /login", "/reporting/sessions")
        answer = RedirectResponse(_local(next), 303)
        await sessions.open(caller, request, answer, key.strip())
        return answer

    @router.post("/logout")
    async def post_logout(request: Request, sessions: Annotated[Sessions, Depends(sessions_of)]) -> Response:
        answer = RedirectResponse("/", 303)
        await sessions.end(request, answer)
        return answer

    return router


def _local(path: str) -> str:
    """A path on this site only: a login must not send people elsewhere."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and '"' not in path and "<" not in path
    return path if plain else "/"
