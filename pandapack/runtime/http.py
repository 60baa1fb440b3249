"""HTTP as every service speaks it: problem+json, request ids, Idempotency-Key, health, metrics, descriptions.

Sources: RFC 9457 (problem details); the Idempotency-Key header of the IETF httpapi draft.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match

from pandapack.contracts.causation import NOBODY, REASON_CHARACTERS_MAX, Actor, traceparent_of
from pandapack.contracts.nesting import NESTING_MAX, is_nested_too_deeply
from pandapack.contracts.strict_json import escaped
from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.browser_policy import POLICY
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.logs import mark_told
from pandapack.runtime.problem_types import ADDRESS, message_of, problem_types
from pandapack.runtime.refused_commands import REFUSED_COMMANDS
from pandapack.runtime.store import Command, Outcome, TooMuchContention
from pandapack.runtime.telemetry import HTTP_SECONDS, REFUSALS, REPORTS_PARKED

IDEMPOTENCY_KEY = "idempotency-key"
ACTOR = "actor"
"""Where a request's scope says who sent it, once that is known."""
IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
FAILURES_NAMED = 3
"""Of a body's failures so many stand in the detail, which people read …"""
FAILURES_LISTED_MAX = 10
"""… and so many in `errors`; `errors_more` tells how many there are beside them."""
FAILURE_CHARACTERS_MAX = 300
POINTER_PARTS_MAX = 12
RETRY_AFTER_S = "2"
JSON_TYPE = "application/json"
NDJSON_TYPES = ("application/x-ndjson", "application/jsonl", "application/ndjson")
PROBLEM_TYPE = "application/problem+json"
OTHER = "other"
"""What a metric calls what it has no name for: whoever asks must not be able to make new ones."""
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_CODES = {
    400: "body_unreadable",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
    415: "charset_unknown",
    422: "nested_too_deeply",
}
_STATUS = {
    RefusalKind.INVALID: 422,
    RefusalKind.CONFLICT: 409,
    RefusalKind.NOT_FOUND: 404,
    RefusalKind.UNAUTHENTICATED: 401,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.TOO_MANY: 429,
}

REQUEST_ID = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)

log = structlog.get_logger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Problem(Exception):
    """An answer that is a "no": status, a stable code, a detail that says what, where and how to mend it."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.extra = status, code, detail, extra
        self.headers: dict[str, str] = {}

    def retry_after(self, seconds: int) -> Problem:
        """The same, telling when to try again."""
        self.headers["Retry-After"] = str(seconds)
        return self


def problem_of(refusal: Refusal) -> Problem:
    """The one place where refusals become HTTP."""
    problem = Problem(_STATUS[refusal.kind], refusal.code, refusal.detail, **refusal.extra)
    if refusal.kind is RefusalKind.UNAUTHENTICATED:
        problem.headers["WWW-Authenticate"] = "Bearer"
    return problem if refusal.retry_after_s is None else problem.retry_after(refusal.retry_after_s)


def answer_to(outcome: Outcome[Any] | Refusal, *, status: int = 200) -> JSONResponse:
    """A command's answer as JSON; `Idempotent-Replayed` tells an earlier answer. Raises the refusal's Problem."""
    if isinstance(outcome, Refusal):
        raise problem_of(outcome)
    if outcome.answer.get("parked") is True and not outcome.repeated:
        REPORTS_PARKED.inc()
    headers = {"Idempotent-Replayed": "true"} if outcome.repeated else {}
    return JSONResponse(outcome.answer, status_code=status, headers=headers)


def idempotency_key(headers: Mapping[str, str], *synonyms: str) -> str | None:
    """The request's Idempotency-Key, or what a header of another name has in its stead. Raises Problem 400."""
    given = {name: headers[name] for name in (IDEMPOTENCY_KEY, *synonyms) if name in headers}
    for name, key in given.items():
        if not 0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
            detail = f"{name} has 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} characters"
            raise Problem(400, "idempotency_key_invalid", detail)
    if len(set(given.values())) > 1:
        detail = f"{' and '.join(given)} name the request differently: send the same in both, or one of them"
        raise Problem(400, "idempotency_keys_differ", detail)
    return next(iter(given.values()), None)


def required_key(headers: Mapping[str, str]) -> str:
    """The request's Idempotency-Key. Raises Problem 400 where there is none that can be used."""
    key = headers.get(IDEMPOTENCY_KEY, "")
    if not 0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
        raise Problem(
            400,
            "idempotency_key_missing",
            f"send the header Idempotency-Key with 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} characters that stay the same "
            "when you repeat this request",
        )
    return key


def actor_of(scope: Scope) -> Actor:
    """Who sent the request, once that is known; else nobody."""
    actor: Actor = scope.get(ACTOR, NOBODY)
    return actor


def route_of(scope: Scope) -> str:
    """What the request asks for, as the description has it: `POST /v1/keys`."""
    path: list[str] = scope["path"].split("/")
    own: list[str] = getattr(scope.get("route"), "path", "").split("/")[1:]  # without what routers put before it
    return f"{scope['method']} {'/'.join([*path[: len(path) - len(own)], *own])}"


async def command_of(request: Request) -> Command:
    """The request's Idempotency-Key with the digest of method, path and raw body. Raises Problem 400."""
    key, body = required_key(request.headers), await request.body()
    target = f"{request.method} {request.url.path}\n".encode()
    return Command(
        key,
        hashlib.sha256(target + body).hexdigest(),
        actor=actor_of(request.scope),
        request_id=request.scope.get("request_id", ""),
        reason=_reason_in(body),
        traceparent=traceparent_of(request.headers.get("traceparent", "")),
        what=route_of(request.scope),
    )


class _Reasoned(msgspec.Struct):
    """As much of a command's body as says why."""

    reason: str = ""


def _reason_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Reasoned).reason[:REASON_CHARACTERS_MAX]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def media_type_of(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, lower case. Raises HTTPException 415 for another charset than UTF-8."""
    given = headers.get("content-type", "")
    refuse_charset(given)
    return given.partition(";")[0].strip().lower()


def refuse_charset(content_type: str) -> None:
    """Raises HTTPException 415 for a body that says that it is not UTF-8: all are read as that, and would differ."""
    found = _CHARSET.search(content_type)
    if found and found[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise HTTPException(415, f"charset {found[1]} is not taken: send UTF-8, with charset=utf-8 or without any")


async def chunks_of(request: Request, *, bytes_max: int, advice: str) -> AsyncIterator[bytes]:
    """A streamed body, chunk by chunk. Raises Problem 413 beyond `bytes_max`: `advice` says what to do instead."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise body_too_large(bytes_max, advice)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise body_too_large(bytes_max, advice)
        yield chunk


def body_too_large(bytes_max: int, advice: str) -> Problem:
    """A body has more than `bytes_max` bytes."""
    return Problem(413, "body_too_large", f"at most {bytes_max} bytes {advice}", limit=bytes_max)


def refuse_deep_nesting(body: bytes) -> None:
    """Raises HTTPException 422 for a JSON body with which a reader would not come to an end."""
    if is_nested_too_deeply(body):
        raise HTTPException(422, f"in a body brackets may stand within brackets {NESTING_MAX} deep, and no deeper")


def problem_body(status: int, code: str, detail: str, **extra: object) -> dict[str, object]:
    """RFC 9457, with the stable `code`, and a `message` in English and Chinese; `extra` may have a better one."""
    return {
        "type": f"{ADDRESS}{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail,
        "code": code,
        "message": message_of(code, detail),
        **extra,
    }


def problem_response(problem: Problem, request: Request) -> JSONResponse:
    """A problem with the request's id, and what browsers are told: of a crash no middleware adds it."""
    id = request.scope.get("request_id", "")
    REFUSALS.labels(problem.code if problem.code in problem_types() else OTHER).inc()
    REFUSED_COMMANDS.tell(
        method=request.method,
        command=route_of(request.scope),
        status=problem.status,
        code=problem.code,
        actor=actor_of(request.scope),
        request_id=id,
    )
    body = problem_body(problem.status, problem.code, problem.detail, request_id=id, **problem.extra)
    return JSONResponse(body, problem.status, headers={**POLICY, **problem.headers}, media_type=PROBLEM_TYPE)


def install_problems(app: FastAPI) -> None:
    """Every error that leaves the app is a problem."""

    async def on_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return problem_response(error, request)

    async def on_refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return problem_response(problem_of(error.refusal), request)

    async def on_invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem_response(invalid_body("the request does not fit its description", error.errors()), request)

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "http_error")
        problem = Problem(error.status_code, code, str(error.detail))
        problem.headers |= error.headers or {}
        if error.status_code == 404:
            problem.detail = _nothing_at(request)
        if error.status_code == 405:
            allowed = ", ".join(_allowed_methods(request))
            problem.headers["Allow"], problem.detail = allowed, f"{request.url.path} takes {allowed}"
        return problem_response(problem, request)

    async def on_unavailable(request: Request, error: Exception) -> JSONResponse:
        detail = f"{error}; nothing is lost: send the same request again"
        problem = Problem(503, "unavailable", detail)
        problem.headers["Retry-After"] = RETRY_AFTER_S
        return problem_response(problem, request)

    async def on_crash(request: Request, error: Exception) -> JSONResponse:
        id = request.scope.get("request_id", "")
        log.error("request_crashed", request_id=id, method=request.method, path=request.url.path, exc_info=error)
        mark_told(error)
        problem = Problem(500, "internal_error", "an error of ours; the log has it by request id")
        problem.headers[REQUEST_ID] = id  # this answer leaves from outside of `RequestMarks`
        return problem_response(problem, request)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    for transient in (Unavailable, AnswerLost, TooMuchContention):
        app.add_exception_handler(transient, on_unavailable)
    app.add_exception_handler(Exception, on_crash)


def _nothing_at(request: Request) -> str:
    """A path that nobody serves; one with a slash at its end is not sent elsewhere, where a body would be lost."""
    path: str = request.scope["path"]
    bare = {**request.scope, "path": path.rstrip("/")}
    if path.endswith("/") and any(route.matches(bare)[0] is not Match.NONE for route in request.app.routes):
        return f"there is nothing at {path}: it is {path.rstrip('/')}, without the slash"
    return f"there is nothing at {path}: /openapi.json and /docs list what there is"


def _allowed_methods(request: Request) -> list[str]:
    """The methods that the request's path takes; a route knows its own alone, so each method is tried on all."""
    asked = [{**request.scope, "method": method} for method in METHODS]
    return [
        scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    ]


def invalid_body(what: str, errors: Sequence[Mapping[str, Any]]) -> Problem:
    """A body that pydantic refused. `errors` are pydantic's: the first are shown, of bounded length, others counted."""
    failures = [_failure(error) for error in errors[:FAILURES_LISTED_MAX]]
    first = "; ".join(f"{failure['pointer']}: {failure['detail']}" for failure in failures[:FAILURES_NAMED])
    more = len(errors) - len(failures)
    return Problem(422, "invalid_request", f"{what}: {first}", errors=failures, errors_more=more)


def _failure(error: Mapping[str, Any]) -> dict[str, str]:
    pointer = "".join(f"/{escaped(str(part))}" for part in error["loc"][:POINTER_PARTS_MAX])
    detail = str(error["msg"])[:FAILURE_CHARACTERS_MAX].encode(errors="replace").decode()
    return {"pointer": pointer, "code": error["type"], "detail": detail}


def _given_id(scope: Scope) -> str:
    """The request's own id, so that one can be followed through several programs; nothing where it is none to keep."""
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else ""


class RequestMarks:
    """ASGI middleware: a request id on each request and answer, and how long each took.

    The id is the request's own where it brings one that can be kept, else a new one.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], chance: Chance) -> None:
        self._app, self._chance = app, chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or f"req_{self._chance.token()}"
        scope["request_id"] = request_id
        began_s, status = monotonic_s(), 500

        async def marked(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, marked)
        finally:
            route = getattr(scope.get("route"), "path", "unrouted")
            method = scope["method"] if scope["method"] in METHODS else OTHER
            HTTP_SECONDS.labels(method, route, status).observe(monotonic_s() - began_s)


def json_bytes(value: object) -> bytes:
    """Compact JSON of plain values and msgspec structs."""
    return msgspec.json.encode(value)
