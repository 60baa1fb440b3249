"""What browsers are told about every answer, and the files that pages load. Nothing comes from anywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parents[1] / "static"
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Policy:
    """ASGI middleware: a strict content policy on every answer, the login page included."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                own = {name.lower() for name, _ in given}  # /docs and /problems say their own, as strict as this
                message["headers"] = [*given, *(one for one in HEADERS if one[0] not in own)]
            await send(message)

        await self._app(scope, receive, with_policy if scope["type"] == "http" else send)


def mount_static(app: FastAPI) -> None:
    """`/static`: style sheets, scripts and the icon, from this package."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
