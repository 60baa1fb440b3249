"""Answers that are the same for everybody: with an ETag, whole or a range (RFC 9110), readable from any page."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi import Request, Response

FOR_GOOD = "public, max-age=31536000, immutable"
"""Of what is as of a size: it never changes."""
OF_NOW = "no-cache"
EXPOSED = "ETag, Content-Range, Accept-Ranges, Content-Length, Panda-Snapshot"
"""What a script of another site may read of an answer."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def answer_of(
    request: Request, content: bytes, tag: str, *, media_type: str, cache: str, headers: Mapping[str, str] | None = None
) -> Response:
    """200, 206 for one range, 304 where the reader has it, 416 for a range that there is not. `tag`: of these bytes."""
    known = {
        "ETag": f'"{tag}"',
        "Cache-Control": cache,
        "Accept-Ranges": "bytes",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSED,
        **(headers or {}),
    }
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=known)
    if_range = request.headers.get("if-range")
    asked = request.headers.get("range", "") if if_range in (None, known["ETag"]) else ""
    found = _range_of(asked, len(content))
    if found is None:
        return Response(content, media_type=media_type, headers=known)
    first, end = found
    if first >= end:
        return Response(status_code=416, headers=known | {"Content-Range": f"bytes */{len(content)}"})
    known["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
    return Response(content[first:end], 206, media_type=media_type, headers=known)


def _names(asked: str, tag: str) -> bool:
    """Whether If-None-Match names the tag; a weak one names it, too."""
    tags = {one.strip().removeprefix("W/") for one in asked.split(",")}
    return "*" in tags or f'"{tag}"' in tags


def _range_of(asked: str, length: int) -> tuple[int, int] | None:
    """`[first, end)`, empty where the range is not satisfiable. None: the whole, as for what is no single range."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, length - int(found[2])), length
    first = int(found[1])
    last = int(found[2]) if found[2] else max(first, length - 1)
    if last < first:
        return None
    return first, min(last + 1, length)
