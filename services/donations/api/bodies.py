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

from pandapack.runtime.http import Problem
from services.donations.domain.cloudevents import ATTRIBUTES, Lines, attribute_failure, opened
from services.donations.domain.text import Text

BODY_BYTES_MAX = 5 * 1024 * 1024
LINES_A_PUSH_MAX = 10_000
BODY_READ_S_MAX = 30
"""A body that is not here by then is not waited for."""
BODIES_BYTES_MAX = 64 * 1024 * 1024
"""Bodies held in memory at once, as sent and as inflated, over all pushes; beyond it pushes are asked to wait."""
PUSHES_TAKEN_MAX = 2_000
"""Pushes whose body is here and that are validated, stored or on their way to Kafka; more are asked to wait."""
BUSY_RETRY_S = 1
JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/jsonl", "application/ndjson")
EVENT = "application/cloudevents+json"
EVENTS = "application/cloudevents-batch+json"
TAKEN = (JSON, *NDJSON, EVENT, EVENTS)
BINARY_PREFIX = "ce-"
GZIP_WINDOW = 31


@dataclass(slots=True)
class Gate:
    """Bounds the memory that pushes take, and how many are taken at once."""

    held_bytes: int = 0
    taken: int = 0

    def enter(self, size: int) -> None:
        """Raises Problem 429 where too much is held already."""
        if self.held_bytes + size > BODIES_BYTES_MAX:
            raise _busy(f"more than {BODIES_BYTES_MAX >> 20} MiB of pushes are being taken")
        self.held_bytes += size

    def leave(self, size: int) -> None:
        self.held_bytes -= size

    def take(self) -> None:
        """Raises Problem 429 where too many pushes are being taken already; `give` must follow."""
        if self.taken >= PUSHES_TAKEN_MAX:
            raise _busy(f"{PUSHES_TAKEN_MAX} pushes are being taken")
        self.taken += 1

    def give(self) -> None:
        self.taken -= 1


def _busy(words: str) -> Problem:
    return Problem(429, "busy", f"{words}; push again in {BUSY_RETRY_S} s").retry_after(BUSY_RETRY_S)


@dataclass(frozen=True, slots=True)
class Body:
    """A push's body `raw`, as it was sent and signed, and `plain`, inflated."""

    raw: bytes
    plain: bytes


@asynccontextmanager
async def body_of(request: Request, gate: Gate) -> AsyncIterator[Body]:
    """The body, held in the gate until it is left. Raises Problem 400, 408, 413, 415, 429."""
    encoding = _encoding_of(request.headers)
    held = 0

    def hold(size: int) -> None:
        nonlocal held
        gate.enter(size)
        held += size

    try:
        raw = await _read(request, hold)
        plain = raw
        if encoding == "gzip":
            plain = _inflated(raw)
            hold(len(plain))
        gate.take()
        try:
            yield Body(raw, plain)
        finally:
            gate.give()
    finally:
        gate.leave(held)


async def _read(request: Request, hold: Callable[[int], None]) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > BODY_BYTES_MAX:
        raise _too_large()
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_READ_S_MAX):
            async for chunk in request.stream():
                size += len(chunk)
                if size > BODY_BYTES_MAX:
                    raise _too_large()
                hold(len(chunk))
                chunks.append(chunk)
    except TimeoutError as error:
        words = f"the body was not here within {BODY_READ_S_MAX} s: send less at once, or by a faster line"
        raise Problem(408, "body_too_slow", words) from error
    except ClientDisconnect as error:
        raise Problem(400, "body_cut_off", "the connection ended before the body did") from error
    return b"".join(chunks)


def _too_large(as_what: str = "") -> Problem:
    words = f"a push has at most {BODY_BYTES_MAX} bytes{as_what}; split it"
    return Problem(413, "body_too_large", words, limit=BODY_BYTES_MAX)


def _encoding_of(headers: Mapping[str, str]) -> str:
    encoding = headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip"):
        words = f"content encoding {encoding} is not taken: send gzip or none"
        raise Problem(415, "encoding_unknown", words)
    return encoding


def _inflated(body: bytes) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        plain = stream.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error as error:
        raise Problem(400, "not_gzip", f"the body is not gzip: {error}") from error
    if len(plain) > BODY_BYTES_MAX:
        raise _too_large(" once inflated")
    if not stream.eof:
        raise Problem(400, "not_gzip", "the gzip stream ends too early")
    if stream.unused_data:
        raise Problem(400, "not_gzip", "something follows the gzip stream: send one stream")
    return plain


def lines_of(plain: bytes, headers: Mapping[str, str]) -> Lines:
    """The donations of a body: one object, an array, NDJSON, or CloudEvents. Raises Problem 400, 413, 415."""
    kind = kind_of(headers)
    if kind in NDJSON:
        lines = Lines(Text(plain))
    elif kind == EVENT:
        lines = opened([plain])
    elif kind == EVENTS:
        lines = opened(_array(plain))
    else:
        _check_binary(headers)
        lines = Lines(Text(*(_array(plain) if plain.lstrip().startswith(b"[") else [_one_line(plain)])))
    if not len(lines):
        raise Problem(400, "empty", "the body holds no donation")
    if len(lines) > LINES_A_PUSH_MAX:
        words = f"{len(lines)} lines: a push has at most {LINES_A_PUSH_MAX}; split it"
        raise Problem(413, "too_many_lines", words, limit=LINES_A_PUSH_MAX)
    return lines


def kind_of(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, lower case. Raises Problem 415 for one that is not taken."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TAKEN:
        words = f"content type {kind or 'none'} is not taken: send {', '.join((JSON, NDJSON[0], EVENT, EVENTS))}"
        raise Problem(415, "content_type_unknown", words)
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
        raise Problem(400, "not_json", f"the body is not a JSON array: {error}") from error


def _one_line(raw: bytes) -> bytes:
    # Outside strings a line break is mere white space, and inside strings JSON has none.
    return raw.replace(b"\n", b" ").replace(b"\r", b" ").strip()
