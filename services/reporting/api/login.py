"""Logging in on the pages that only operators see."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pandapack.runtime.auth import Keys, Role, keys_of
from pandapack.runtime.sessions import Sessions, sessions_of

LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Panda Pack: log in</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/page.css">
<main class="login"><h1>Operations</h1><p>{detail}</p>
<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label>Operator key <input type="password" name="key" autocomplete="current-password" required autofocus></label>
<button>Log in</button></form></main></html>"""

FIRST_KEYS_FILE = "keys.json"


def where_first_keys_are(digests: Path | None) -> str:
    """Where the person at this machine finds the first keys: beside the `digests` that services read, as HTML.

    Named from the folder in which the service runs; of a file elsewhere, or nowhere here, nothing is told.
    """
    file = digests.absolute().with_name(FIRST_KEYS_FILE) if digests else None
    if file is None or not file.is_file() or not file.is_relative_to(Path.cwd()):
        return "Whoever installed Panda Pack has the first one; <code>panda key add operator</code> makes another."
    return f"<code>{escape(str(file.relative_to(Path.cwd())))}</code> has the first one."


def login_router(first_keys: str) -> APIRouter:
    """`/login` and `/logout` for pages that only operators see. `first_keys`: HTML that says where they are."""
    router = APIRouter(include_in_schema=False)

    def page(detail: str, next: str, status: int = 200) -> HTMLResponse:
        return HTMLResponse(LOGIN_PAGE.format(detail=detail, next=_local(next)), status)

    @router.get("/login")
    async def get_login(next: str = "/ops") -> HTMLResponse:
        return page(f"Your operator key opens this page. {first_keys}", next)

    @router.post("/login")
    async def post_login(
        request: Request,
        keys: Annotated[Keys, Depends(keys_of)],
        sessions: Annotated[Sessions, Depends(sessions_of)],
        key: Annotated[str, Form()],
        next: Annotated[str, Form()] = "/ops",
    ) -> Response:
        caller = await keys.caller(key.strip())
        if caller is None or caller.role is not Role.OPERATOR:
            return page(f"That is not an operator's key. Look for a typing mistake. {first_keys}", next, 401)
        answer = RedirectResponse(_local(next), 303)
        await sessions.open(caller, request, answer)
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
