"""Every request is bounded before it is parsed, and parsed after it is allowed: one piece of code for all routes.

In this order: whether another site's page sent it; its key; its size, of which a byte too many is not read; how many
bodies its sender and all others have under way; how long it takes to come; how deep it nests, and how many values it
holds. Only then does a framework see it. What is refused before its body was read is never read: the connection drains
a little of it, and closes (`connection_limits.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from pandapack.contracts.causation import Actor
from pandapack.contracts.nesting import NESTING_MAX, has_more_values, is_nested_too_deeply
from pandapack.runtime.auth import Needs, caller_of
from pandapack.runtime.browser_policy import is_foreign
from pandapack.runtime.client_addresses import holder
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.http import ACTOR, Problem, body_too_large, problem_response, refuse_charset
from pandapack.runtime.shares import Shares

BODY_BYTES_MAX = 256 * 1024
"""Of a request, unless its route says otherwise: the largest of what people and machines say about one thing at a time
is a proof of delivery that names ten thousand parcels, some 100 KB."""
BODY_VALUES_MAX = 5_000
"""Of a request, unless its route says otherwise: objects, arrays and what is in them. Each costs its reader far more
than its bytes do, and the most where each is wrong."""
BODY_READ_S_MAX = 30.0
"""A body that is not here by then is not waited for: at the default size that is 9 KB a second."""
BODIES_BYTES_MAX = 32 * 1024 * 1024
"""Bodies in memory at once, over all who send any: beyond a sender's share of it the next ones are asked to wait."""
BUSY_RETRY_S = 1

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class BodyBound:
    """How much a route's body may hold: bytes, and values in all (`BODY_VALUES_MAX` says what counts)."""

    bytes_max: int = BODY_BYTES_MAX
    values_max: int = BODY_VALUES_MAX


DEFAULT_BOUND = BodyBound()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What routes say of their bodies, by method and path as the description has them: `POST /v1/needs`.

    `streams`: paths whose endpoints bound their bodies themselves, after their key and as they come.
    """

    streams: frozenset[str] = frozenset()
    larger: Mapping[str, BodyBound] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A route as far as it is guarded here. `needs` is None where it wants no key."""

    pattern: Any
    methods: frozenset[str]
    needs: Sequence[Needs] | None
    bound: BodyBound

    async def admit(self, request: Request) -> None:
        """Raises Problem 401, 403."""
        if self.needs is not None:
            caller = await caller_of(request)
            for one in self.needs:
                one.admit(caller)
            request.scope[ACTOR] = Actor(caller.name, caller.role, caller.prefix)


class RequestBounds:
    """ASGI middleware; see the module. `of` is the application that it stands before."""

    def __init__(self, app: App, of: FastAPI, bounds: Bounds) -> None:
        self._app, self._of, self._bounds = app, of, bounds
        self._routes: Sequence[_Guarded] | None = None
        self._bodies = Shares(BODIES_BYTES_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        held = _Held(self._bodies, holder(scope))
        try:
            if is_foreign(scope):
                raise _foreign(request)
            is_stream = scope["path"] in self._bounds.streams
            body = None if is_stream or not _has_body(request) else await self._body(request, receive, held)
            await self._app(scope, receive if body is None else _replayed(body, receive), send)
        except Problem as problem:
            await problem_response(problem, request)(scope, receive, send)
        finally:
            held.give_back()

    async def _body(self, request: Request, receive: Receive, held: _Held) -> bytes | None:
        """The body, within its route's bounds; None where no route wants it. Raises Problem."""
        route = self._route_of(request)
        if route is None:
            return None  # answered by what answers for no route: it reads nothing
        await route.admit(request)
        _refuse_charset(request)
        bound = route.bound
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > bound.bytes_max:
            raise body_too_large(bound.bytes_max, "may be in a body here")
        body = await _read(receive, bound.bytes_max, held)
        if is_nested_too_deeply(body):
            detail = f"in a body brackets may stand within brackets {NESTING_MAX} deep, and no deeper"
            raise Problem(422, "nested_too_deeply", detail)
        if has_more_values(body, bound.values_max):
            detail = f"a body holds at most {bound.values_max} values here, with what is in them: send it in parts"
            raise Problem(422, "too_many_values", detail, limit=bound.values_max)
        return body

    def _route_of(self, request: Request) -> _Guarded | None:
        if self._routes is None:
            self._routes = list(_guarded(self._of, self._bounds))
        method, path = request.method, request.scope["path"]
        return next((one for one in self._routes if method in one.methods and one.pattern.match(path)), None)


class _Held:
    """What a request's body takes of its sender's share."""

    def __init__(self, shares: Shares, sender: str) -> None:
        self._shares, self._sender, self._size = shares, sender, 0

    def take(self, size: int) -> None:
        """Raises Problem 429."""
        if not self._shares.take(self._sender, size):
            detail = f"too many bodies are under way from your address; send this one again in {BUSY_RETRY_S} s"
            raise Problem(429, "busy", detail).retry_after(BUSY_RETRY_S)
        self._size += size

    def give_back(self) -> None:
        if self._size:
            self._shares.give_back(self._sender, self._size)


def check_bounds(app: FastAPI, bounds: Bounds) -> None:
    """Asserts that whatever routes say of their bodies is said of a route that there is."""
    there = {f"{method} {one.path_format}" for one in iter_route_contexts(app.routes) for method in one.methods or ()}
    missing = set(bounds.larger) - there
    assert not missing, f"no route is {', '.join(sorted(missing))}"


def _guarded(app: FastAPI, bounds: Bounds) -> Iterator[_Guarded]:
    for one in iter_route_contexts(app.routes):
        dependant = getattr(one, "dependant", None)
        if dependant is None:
            continue
        calls = list(_calls(dependant))
        needs = [call for call in calls if isinstance(call, Needs)]
        for method in one.methods or ():
            bound = bounds.larger.get(f"{method} {one.path_format}", DEFAULT_BOUND)
            wants_key = bool(needs) or caller_of in calls
            yield _Guarded(one.path_regex, frozenset({method}), needs if wants_key else None, bound)


def _calls(dependant: Any) -> Iterator[Any]:
    """All that a route depends on."""
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def _has_body(request: Request) -> bool:
    """By HTTP/1.1 a request has one where its head says so, whatever its method."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def _read(receive: Receive, bytes_max: int, held: _Held) -> bytes:
    until_s, size = monotonic_s() + BODY_READ_S_MAX, 0
    chunks: list[bytes] = []
    while True:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until_s - monotonic_s()))
        except TimeoutError as error:
            detail = f"the body was not here within {BODY_READ_S_MAX:g} s: send less at once, or by a faster line"
            raise Problem(408, "body_too_slow", detail) from error
        if message["type"] == "http.disconnect":
            raise Problem(400, "body_cut_off", "the connection ended before the body did")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > bytes_max:
            raise body_too_large(bytes_max, "may be in a body here")
        held.take(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body for whoever reads it now; what comes behind it is only the news that the client has gone."""
    is_told = False

    async def read() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


def _refuse_charset(request: Request) -> None:
    try:
        refuse_charset(request.headers.get("content-type", ""))
    except HTTPException as error:
        raise Problem(error.status_code, "charset_unknown", str(error.detail)) from error


def _foreign(request: Request) -> Problem:
    origin = request.headers.get("origin") or "another site"
    detail = f"this came from a page of {origin[:100]}: only our own pages may do this; open ours, and do it there"
    return Problem(403, "origin_foreign", detail)
