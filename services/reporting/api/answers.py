"""Answers of figures: made once, named by a hash, and kept for good where they never change."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec
from fastapi import Query, Request, Response

from pandapack.decision import Refusal
from pandapack.runtime.http import JSON_TYPE, problem_of
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.work.readings import Figures, Reading, Readings

FINAL_S = 86_400
"""A day: figures of a size never change, but a release may add some to them."""
FINAL = {"Cache-Control": f"public, max-age={FINAL_S}, immutable"}
OF_NOW = {"Cache-Control": "no-cache"}
AS_OF_TEXT = (
    "A size of the public log, a moment (RFC 3339), or a day in Asia/Shanghai, which counts to its end. Without: now."
)

AsOf = Annotated[str | None, Query(max_length=CHARACTERS_MAX, description=AS_OF_TEXT)]


async def reading_of(readings: Readings, as_of: str | None) -> Reading:
    """The reading that is asked for. Raises the refusal's Problem."""
    if as_of is None:
        return await readings.now()
    found = await readings.as_of(as_of)
    if isinstance(found, Refusal):
        raise problem_of(found)
    return found


def answer(request: Request, reading: Reading, figures: Figures) -> Response:
    """The figures, and how fresh they are."""
    body = reading.written(figures)[:-1] + b"," + msgspec.json.encode(reading.fresh)[1:]
    if reading.lead is not None:
        return Response(body, media_type=JSON_TYPE, headers=OF_NOW)
    return tagged(request, body, is_final=reading.is_final)


def tagged(request: Request, body: bytes, *, is_final: bool) -> Response:
    """An answer with its hash as ETag, or that it is not changed. `is_final`: it never will be."""
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = {**(FINAL if is_final else OF_NOW), "ETag": tag}
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON_TYPE, headers=headers)


def _names(sent: str, tag: str) -> bool:
    """Whether If-None-Match names it; a weak name is as good (RFC 9110, 13.1.2)."""
    return sent.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in sent.split(","))
