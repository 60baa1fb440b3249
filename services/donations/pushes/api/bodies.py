"""A push's body: bounded in memory and time, inflated, and cut into raw donations."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from pandapack.contracts.nesting import elements
from pandapack.runtime.http import JSON_TYPE, NDJSON_TYPES, Problem, body_too_large, chunks_of, media_type_of
from services.donations.pushes.domain.cloudevents import ATTRIBUTES, attribute_failure, unwrapped
from services.donations.pushes.domain.push_lines import PushLines
from services.donations.validation.domain.failures import TRUNCATED, why_no_json
from services.donations.validation.domain.text_lines import TextLines

BODY_BYTES_MAX = 5 * 1024 * 1024
LINES_A_PUSH_MAX = 10_000
PUSH_SIZE = "may be in a push; split it"
BODY_READ_S_MAX = 30
"""A body that is not here by then is not waited for."""
BODIES_BYTES_MAX = 64 * 1024 * 1024
"""Bodies held in memory at once, as sent and as inflated, over all pushes; beyond it pushes are asked to wait."""
PUSHES_UNDER_WAY_MAX = 2_000
"""Pushes whose body is here and that are validated, stored or on their way to Kafka; more are asked to wait."""
BUSY_RETRY_S = 1
EVENT = "application/cloudevents+json"
EVENTS = "application/cloudevents-batch+json"
SUPPORTED_TYPES = (JSON_TYPE, *NDJSON_TYPES, EVENT, EVENTS)
BINARY_PREFIX = "ce-"
GZIP_WINDOW = 31


@dataclass(slots=True)
class BodyBudget:
    """Bounds the memory that pushes use, and how many are under way at once."""

    held_bytes: int = 0
    pushes: int = 0

    def reserve(self, size: int) -> None:
        """Raises Problem 429 where too much is held already."""
        if self.held_bytes + size > BODIES_BYTES_MAX:
            raise _busy(f"more than {BODIES_BYTES_MAX >> 20} MiB of pushes are under way")
        self.held_bytes += size

    def release(self, size: int) -> None:
        self.held_bytes -= size

    def enter(self) -> None:
        """Raises Problem 429 where too many pushes are under way already; `leave` must follow."""
        if self.pushes >= PUSHES_UNDER_WAY_MAX:
            raise _busy(f"{PUSHES_UNDER_WAY_MAX} pushes are under way")
        self.pushes += 1

    def leave(self) -> None:
        self.pushes -= 1


def _busy(detail: str) -> Problem:
    return Problem(429, "busy", f"{detail}; push again in {BUSY_RETRY_S} s").retry_after(BUSY_RETRY_S)


@dataclass(frozen=True, slots=True)
class Body:
    """A push's body `raw`, as it was sent and signed, and `plain`, inflated."""

    raw: bytes
    plain: bytes


@asynccontextmanager
async def body_of(request: Request, budget: BodyBudget) -> AsyncIterator[Body]:
    """The body, held in the budget until it is left. Raises Problem 400, 408, 413, 415, 429."""
    encoding = _encoding_of(request.headers)
    held = 0

    def hold(size: int) -> None:
        nonlocal held
        budget.reserve(size)
        held += size

    try:
        raw = await _read(request, hold)
        plain = raw
        if encoding == "gzip":
            plain = _inflated(raw)
            hold(len(plain))
        budget.enter()
        try:
            yield Body(raw, plain)
        finally:
            budget.leave()
    finally:
        budget.release(held)


async def _read(request: Request, hold: Callable[[int], None]) -> bytes:
    chunks = []
    try:
        async with asyncio.timeout(BODY_READ_S_MAX):
            async for chunk in chunks_of(request, bytes_max=BODY_BYTES_MAX, advice=PUSH_SIZE):
                hold(len(chunk))
                chunks.append(chunk)
    except TimeoutError as error:
        detail = f"the body was not here within {BODY_READ_S_MAX} s: send less at once, or by a faster line"
        raise Problem(408, "body_too_slow", detail) from error
    except ClientDisconnect as error:
        raise Problem(400, "body_cut_off", "the connection ended before the body did") from error
    return b"".join(chunks)


def _encoding_of(headers: Mapping[str, str]) -> str:
    encoding = headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip"):
        detail = f"content encoding {encoding} is not taken: send gzip or none"
        raise Problem(415, "encoding_unknown", detail)
    return encoding


def _inflated(body: bytes) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        plain = stream.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error as error:
        raise Problem(400, "not_gzip", f"the body is not gzip: {error}") from error
    if len(plain) > BODY_BYTES_MAX:
        raise body_too_large(BODY_BYTES_MAX, f"once inflated {PUSH_SIZE}")
    if not stream.eof:
        raise Problem(400, "not_gzip", "the gzip stream ends too early")
    if stream.unused_data:
        raise Problem(400, "not_gzip", "something follows the gzip stream: send one stream")
    return plain


def lines_of(plain: bytes, headers: Mapping[str, str]) -> PushLines:
    """The donations of a body: one object, an array, NDJSON, or CloudEvents. Raises Problem 400, 413, 415."""
    kind = supported_type_of(headers)
    if kind in NDJSON_TYPES:
        lines = PushLines(TextLines(plain))
    elif kind == EVENT:
        lines = unwrapped([plain])
    elif kind == EVENTS:
        lines = unwrapped(_array(plain))
    else:
        _check_binary(headers)
        lines = PushLines(TextLines(*(_array(plain) if plain.lstrip().startswith(b"[") else [_one_line(plain)])))
    if not len(lines):
        raise Problem(400, "empty", "the body holds no donation")
    if len(lines) > LINES_A_PUSH_MAX:
        detail = f"{len(lines)} lines: a push has at most {LINES_A_PUSH_MAX}; split it"
        raise Problem(413, "too_many_lines", detail, limit=LINES_A_PUSH_MAX)
    return lines


def supported_type_of(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, lower case. Raises Problem 415 for one that is not taken."""
    kind = media_type_of(headers)
    if kind not in SUPPORTED_TYPES:
        detail = (
            f"content type {kind or 'none'} is not taken: send {', '.join((JSON_TYPE, NDJSON_TYPES[0], EVENT, EVENTS))}"
        )
        raise Problem(415, "content_type_unknown", detail)
    return kind


def _check_binary(headers: Mapping[str, str]) -> None:
    """A CloudEvent in binary mode: its attributes are headers, its data is the body."""
    given = {name: headers.get(BINARY_PREFIX + name) for name in ("specversion", *ATTRIBUTES)}
    if all(value is None for value in given.values()):
        return
    wrong = attribute_failure(0, given)
    if wrong is not None:
        raise Problem(400, "event_invalid", f"header {BINARY_PREFIX}{wrong.pointer[1:]}: {wrong.en}")


def _array(body: bytes) -> list[bytes]:
    try:
        return [_one_line(bytes(raw)) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_array(str(error)) from error
    except RecursionError:  # an element nests too deeply: it is refused alone, and its neighbours are read
        found = elements(body)
    if found is None:
        raise _no_array(TRUNCATED)
    return [_one_line(raw) for raw in found]


def _no_array(error: str) -> Problem:
    return Problem(400, "not_json", f"the body is not a JSON array: {why_no_json(error)[0]}")


def _one_line(raw: bytes) -> bytes:
    # Outside strings a line break is mere white space, and inside strings JSON has none.
    return raw.replace(b"\n", b" ").replace(b"\r", b" ").strip()
