"""What OpenAPI says of every endpoint: how a "no" looks. Source: RFC 9457, OpenAPI 3.1 (status ranges)."""

from __future__ import annotations

from typing import Any

from pandapack.runtime.http import PROBLEM_TYPE

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` is stable for programs; `detail` says what, where and how to mend it, `message` "
    "the same in English and Chinese; `type` leads to a page about the code.",
    "required": ["type", "title", "status", "detail", "code", "message"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "message": {
            "type": "object",
            "required": ["en", "zh"],
            "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}
RETRY_AFTER = {"description": "Seconds to wait before the same request is sent again.", "schema": {"type": "integer"}}


def problem(description: str, *, retry: bool = False) -> dict[str, Any]:
    """The OpenAPI of one answer that is a problem; with `retry` it tells when to try again."""
    told: dict[str, Any] = {"description": description, "content": {PROBLEM_TYPE: {"schema": PROBLEM_SCHEMA}}}
    return {**told, "headers": {"Retry-After": RETRY_AFTER}} if retry else told


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": problem("The request is refused, and why."),
    "5XX": problem("Nothing is lost: send the same request again.", retry=True),
}
"""For every router; an endpoint may say more of a status of its own."""

COMMAND: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Stays the same when the request is repeated: the repeat gets the same answer.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]+$", "minLength": 1, "maxLength": 255},
        }
    ]
}
"""`openapi_extra` of an endpoint that asks `command_of` for the request's Idempotency-Key."""
