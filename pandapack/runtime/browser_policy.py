"""What browsers are told about every answer, and which requests of theirs are believed to come from our own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing comes from anywhere else, no script stands in a page, and no other site shows one of ours in a frame."""
REFERRER_POLICY = "same-origin"
"""Other sites are told nothing. Under no-referrer a browser hides the origin of a page's forms even from the page's own
site (`Origin: null`); by plain HTTP, where it says no Sec-Fetch-Site either, none of our forms would be believed."""
POLICY: Mapping[str, str] = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": REFERRER_POLICY,
}
HEADERS = [(name.encode(), value.encode()) for name, value in POLICY.items()]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OWN_SITES = frozenset({"same-origin", "none"})
"""What browsers say in Sec-Fetch-Site of a request of our own pages, or of the address bar."""


def is_foreign(scope: Scope) -> bool:
    """Whether a request that changes something comes from a page of another site, by what its browser says of it.

    Browsers send cookies along with it, whoever wrote the form. What brings a key of its own is no browser's form, and
    what says nothing is none of a browser.
    """
    headers = Headers(scope=scope)
    if scope["method"] in SAFE_METHODS or "authorization" in headers:
        return False
    site, origin = headers.get("sec-fetch-site", ""), headers.get("origin")
    if site:
        return site.lower() not in OWN_SITES
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


class BrowserPolicy:
    """ASGI middleware: `POLICY` on every answer, where a page does not say its own, as strict as this."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                own = {name.lower() for name, _ in given}
                message["headers"] = [*given, *(one for one in HEADERS if one[0] not in own)]
            await send(message)

        await self._app(scope, receive, with_policy if scope["type"] == "http" else send)
