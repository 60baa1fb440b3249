"""A push's body: bounded in memory, inflated, and cut into raw donations."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec
from fastapi import Request

from pandapack.runtime.http import Problem

BODY_BYTES_MAX = 5 * 1024 * 1024
LINES_A_PUSH_MAX = 10_000
BODIES_BYTES_MAX = 64 * 1024 * 1024
"""Bodies held in memory at once, over all pushes; beyond it pushes are asked to wait."""
BUSY_RETRY_S = 1
NDJSON = ("application/x-ndjson", "application/jsonl", "application/ndjson")
GZIP_WINDOW = 31


@dataclass(slots=True)
class Gate:
    """Bounds the memory that bodies take."""

    held_bytes: int = 0

    def enter(self, size: int) -> None:
        """Raises Problem 429 where too much is held already."""
        if self.held_bytes + size > BODIES_BYTES_MAX:
            words = f"more than {BODIES_BYTES_MAX >> 20} MiB of pushes are being taken; push again in {BUSY_RETRY_S} s"
            raise Problem(429, "busy", words).retry_after(BUSY_RETRY_S)
        self.held_bytes += size

    def leave(self, size: int) -> None:
        self.held_bytes -= size


def split(body: bytes, content_type: str) -> list[bytes]:
    """The raw donations of a body: one object, an array, or NDJSON. Raises Problem."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in NDJSON:
        raws = [raw for raw in body.split(b"\n") if raw.strip()]
    elif kind == "application/json":
        raws = _split_json(body)
    else:
        words = f"content type {kind or 'none'} is not taken: send application/json or application/x-ndjson"
        raise Problem(415, "content_type_unknown", words)
    if not raws:
        raise Problem(400, "empty", "the body holds no donation")
    if len(raws) > LINES_A_PUSH_MAX:
        words = f"{len(raws)} lines: a push has at most {LINES_A_PUSH_MAX}; split it"
        raise Problem(413, "too_many_lines", words, limit=LINES_A_PUSH_MAX)
    return raws


def _split_json(body: bytes) -> list[bytes]:
    if not body.lstrip().startswith(b"["):
        return [_one_line(body)]
    try:
        return [_one_line(bytes(raw)) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.DecodeError as error:
        raise Problem(400, "not_json", f"the body is not a JSON array: {error}") from error


def _one_line(raw: bytes) -> bytes:
    # Outside strings a line break is mere white space, and inside strings JSON has none.
    return raw.replace(b"\n", b" ").replace(b"\r", b" ").strip()


async def body_of(request: Request, gate: Gate) -> tuple[bytes, int]:
    """The body, inflated, and the bytes that it holds in the gate. Raises Problem 413, 400, 415, 429."""
    held, chunks = 0, []
    try:
        async for chunk in request.stream():
            gate.enter(len(chunk))
            held += len(chunk)
            chunks.append(chunk)
            if held > BODY_BYTES_MAX:
                raise Problem(
                    413, "body_too_large", f"a push has at most {BODY_BYTES_MAX} bytes; split it", limit=BODY_BYTES_MAX
                )
        return _inflated(b"".join(chunks), request.headers.get("content-encoding", "")), held
    except BaseException:
        gate.leave(held)
        raise


def _inflated(body: bytes, encoding: str) -> bytes:
    match encoding.lower():
        case "" | "identity":
            return body
        case "gzip":
            stream = zlib.decompressobj(GZIP_WINDOW)
            try:
                plain = stream.decompress(body, BODY_BYTES_MAX + 1)
            except zlib.error as error:
                raise Problem(400, "not_gzip", f"the body is not gzip: {error}") from error
            if len(plain) > BODY_BYTES_MAX:
                words = f"a push has at most {BODY_BYTES_MAX} bytes once inflated; split it"
                raise Problem(413, "body_too_large", words, limit=BODY_BYTES_MAX)
            if not stream.eof:
                raise Problem(400, "not_gzip", "the gzip stream ends too early")
            return plain
        case _:
            raise Problem(415, "encoding_unknown", f"content encoding {encoding} is not taken: send gzip or none")
