"""Bodies at the door: bounded in memory and time, and inflated."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from pandapack.runtime.http import Problem, body_too_large, chunks_of, media_type_of
from pandapack.runtime.shares import Shares

BODIES_BYTES_MAX = 128 * 1024 * 1024
"""Bodies held in memory at once, as sent and as inflated, over all platforms. Of these nobody holds more than are left
for all others, alone a half (`runtime/shares.py`): whoever would is asked to wait."""
PUSHES_UNDER_WAY_MAX = 4_000
"""Bodies that are here and whose lines are validated, stored or on their way to Kafka: alone a platform has a half."""
BUSY_RETRY_S = 1
GZIP_WINDOW = 31
INFLATED_AT_ONCE_BYTES_MAX = 256 * 1024
"""Of a stream: so much of what a chunk inflates to is in memory at once."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How much may come at once, as sent and as inflated, and how long that may take.

    `advice` goes on behind "at most … bytes", and says what to do instead.
    """

    bytes_max: int
    read_s_max: float
    advice: str


class BodyBudget:
    """Bounds the memory that bodies use, and how many are under way at once, for each who pushes and for all."""

    def __init__(self) -> None:
        self._bytes, self._pushes = Shares(BODIES_BYTES_MAX), Shares(PUSHES_UNDER_WAY_MAX)

    @property
    def held_bytes(self) -> int:
        """Bytes in memory, of all."""
        return self._bytes.taken

    @property
    def pushes_under_way(self) -> int:
        """Pushes under way, of all."""
        return self._pushes.taken

    def reserve(self, holder: str, size: int) -> None:
        """Raises Problem 429 where the holder has its share already."""
        if not self._bytes.take(holder, size):
            raise _busy(f"of {BODIES_BYTES_MAX >> 20} MiB for all pushes yours hold as many as are left for others")

    def release(self, holder: str, size: int) -> None:
        self._bytes.give_back(holder, size)

    def enter(self, holder: str) -> None:
        """Raises Problem 429 where the holder has its share of pushes under way; `leave` must follow."""
        if not self._pushes.take(holder):
            raise _busy(f"of {PUSHES_UNDER_WAY_MAX} pushes for all you have as many under way as are left for others")

    def leave(self, holder: str) -> None:
        self._pushes.give_back(holder)


def _busy(detail: str) -> Problem:
    return Problem(429, "busy", f"{detail}; push again in {BUSY_RETRY_S} s").retry_after(BUSY_RETRY_S)


@dataclass(frozen=True, slots=True)
class Body:
    """A body `raw`, as it was sent and signed, and `plain`, inflated."""

    raw: bytes
    plain: bytes


@asynccontextmanager
async def body_of(request: Request, budget: BodyBudget, limits: BodyLimits, holder: str) -> AsyncIterator[Body]:
    """The body, held in the budget as the holder's until it is left. Raises Problem 400, 408, 413, 415, 429."""
    encoding = encoding_of(request.headers)
    held = 0

    def hold(size: int) -> None:
        nonlocal held
        budget.reserve(holder, size)
        held += size

    try:
        raw = await _read(request, hold, limits)
        plain = raw
        if encoding == "gzip":
            plain = _inflated(raw, limits)
            hold(len(plain))
        budget.enter(holder)
        try:
            yield Body(raw, plain)
        finally:
            budget.leave(holder)
    finally:
        if held:
            budget.release(holder, held)


async def _read(request: Request, hold: Callable[[int], None], limits: BodyLimits) -> bytes:
    chunks = []
    try:
        async with asyncio.timeout(limits.read_s_max):
            async for chunk in chunks_of(request, bytes_max=limits.bytes_max, advice=limits.advice):
                hold(len(chunk))
                chunks.append(chunk)
    except TimeoutError as error:
        detail = f"the body was not here within {limits.read_s_max:g} s: send less at once, or by a faster line"
        raise Problem(408, "body_too_slow", detail) from error
    except ClientDisconnect as error:
        raise _cut_off() from error
    return b"".join(chunks)


async def raw_chunks(request: Request, limits: BodyLimits) -> AsyncIterator[bytes]:
    """A body as it streams in, as it was sent. Raises Problem 400, 413."""
    try:
        async for chunk in chunks_of(request, bytes_max=limits.bytes_max, advice=limits.advice):
            yield chunk
    except ClientDisconnect as error:
        raise _cut_off() from error


async def inflated_chunks(chunks: AsyncIterator[bytes], limits: BodyLimits) -> AsyncIterator[bytes]:
    """A gzip stream, inflated as it comes, some at a time. Raises Problem 400, 413."""
    stream, size = zlib.decompressobj(GZIP_WINDOW), 0
    async for chunk in chunks:
        rest = chunk
        while rest:
            if stream.eof:
                raise _behind_the_end()
            try:
                plain = stream.decompress(rest, INFLATED_AT_ONCE_BYTES_MAX)
            except zlib.error as error:
                raise _no_gzip(error) from error
            rest = stream.unconsumed_tail or stream.unused_data
            size += len(plain)
            if size > limits.bytes_max:
                raise body_too_large(limits.bytes_max, f"once inflated {limits.advice}")
            if plain:
                yield plain
                await asyncio.sleep(0)  # a chunk may inflate to a thousand times its size: others share this loop
    if not stream.eof:
        raise _ends_too_early()


def encoding_of(headers: Mapping[str, str]) -> str:
    """`identity` or `gzip`. Raises Problem 415."""
    encoding = headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip"):
        detail = f"content encoding {encoding} is not taken: send gzip or none"
        raise Problem(415, "encoding_unknown", detail)
    return encoding


def taken_type_of(headers: Mapping[str, str], types: Sequence[str], shown: Sequence[str]) -> str:
    """The content type without its parameters, lower case. Raises Problem 415, with `shown`, where it is not taken."""
    kind = media_type_of(headers)
    if kind not in types:
        raise Problem(
            415, "content_type_unknown", f"content type {kind or 'none'} is not taken: send {', '.join(shown)}"
        )
    return kind


def _inflated(body: bytes, limits: BodyLimits) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        plain = stream.decompress(body, limits.bytes_max + 1)
    except zlib.error as error:
        raise _no_gzip(error) from error
    if len(plain) > limits.bytes_max:
        raise body_too_large(limits.bytes_max, f"once inflated {limits.advice}")
    if not stream.eof:
        raise _ends_too_early()
    if stream.unused_data:
        raise _behind_the_end()
    return plain


def _cut_off() -> Problem:
    return Problem(400, "body_cut_off", "the connection ended before the body did")


def _no_gzip(error: zlib.error) -> Problem:
    return Problem(400, "not_gzip", f"the body is not gzip: {error}")


def _ends_too_early() -> Problem:
    return Problem(400, "not_gzip", "the gzip stream ends too early")


def _behind_the_end() -> Problem:
    return Problem(400, "not_gzip", "something follows the gzip stream: send one stream")
