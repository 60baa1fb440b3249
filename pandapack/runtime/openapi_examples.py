"""Completes a service's OpenAPI from its `openapi.json`: tags, summaries, schemas of answers, an example of everything.

    {"tags": {name: description}, "schemas": {name: JSON Schema}, "operations": {"GET /v1/…": {…}}}

An operation has `summary`; `example` and, where no model says it, `answer` (JSON Schema) of its success, `media` where
that is no JSON; `request`, or `requests` by content type; `parameters`: name → example; `problems`: status → code;
`named`: it needs an Idempotency-Key; `signed`: it takes one, or a signature with its own id.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI

from pandapack.contracts.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from pandapack.runtime.http import JSON_TYPE, PROBLEM_TYPE, problem_body
from pandapack.runtime.openapi import COMMAND, PROBLEM_SCHEMA
from pandapack.runtime.problem_types import problem_types

Json = dict[str, Any]
OWN = Path(__file__).with_name("openapi.json")
"""Of what every service has: keys and health."""
REQUEST_ID = "req_79fdc0bef558f4fe2f6b8d22"
CODES = {
    "400": "body_unreadable",
    "401": "key_unknown",
    "403": "role_not_allowed",
    "404": "not_found",
    "408": "body_too_slow",
    "409": "idempotency_key_reused",
    "413": "body_too_large",
    "415": "content_type_unknown",
    "422": "invalid_request",
    "429": "busy",
    "503": "unavailable",
    "4XX": "role_not_allowed",
    "5XX": "unavailable",
}
"""Status → the code of its example, where an operation names no other."""
SIGNED = [
    {**COMMAND["parameters"][0], "required": False, "example": "orders-0001"},
    *(
        {"name": name, "in": "header", "required": False, "description": description, "schema": schema, "example": one}
        for name, description, schema, one in (
            (
                ID_HEADER,
                "Standard Webhooks: names the push, the same when it is repeated. Signed with the body.",
                {"type": "string", "minLength": 1, "maxLength": 255},
                "orders-0001",
            ),
            (
                TIMESTAMP_HEADER,
                "Standard Webhooks: when it was signed, whole seconds since 1970; `whoami` tells the service's.",
                {"type": "string", "pattern": r"^[0-9]{1,10}$"},
                "1636560000",
            ),
            (
                SIGNATURE_HEADER,
                "Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.",
                {"type": "string", "pattern": "^v1,"},
                "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
            ),
        )
    ),
]
"""The headers of a push."""


def describe_fully(app: FastAPI, *files: Path) -> None:
    """The app's `/openapi.json` is completed from these files when it is first asked for."""
    plain = app.openapi

    def describe() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = completed(plain(), *files)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def completed(description: Json, *files: Path) -> Json:
    """The description, completed in place from the service's own files and from that of what all services have."""
    details = [_read(file) for file in (*files, OWN)]
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for one in ({"Problem": PROBLEM_SCHEMA}, _parts(description), *(one["schemas"] for one in details)):
        assert schemas.keys().isdisjoint(one), f"described twice: {schemas.keys() & one.keys()}"
        schemas |= one
    used = {tag for _, operation in _operations(description) for tag in operation.get("tags", ())}
    texts = {name: text for one in details for name, text in one["tags"].items() if name in used}
    description["tags"] = [{"name": name, "description": text} for name, text in texts.items()]
    for name, operation in _operations(description):
        known: Json = next((one["operations"][name] for one in details if name in one["operations"]), {})
        _complete(operation, known)
    return description


def _parts(value: object) -> Json:
    """What schemas within the description have as parts of their own, taken out: references lead to the whole's."""
    found: Json = {}
    if isinstance(value, dict):
        found |= value.pop("$defs", {})
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in [*members, *found.values()]:
        found |= _parts(one)
    return found


@cache
def _read(file: Path) -> Json:
    read: Json = msgspec.json.decode(file.read_bytes())
    return read


def _operations(description: Json) -> Sequence[tuple[str, Json]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
    ]


def _complete(operation: Json, known: Json) -> None:
    operation["summary"] = known.get("summary", operation["summary"])
    _complete_parameters(operation, known)
    requests = known.get("requests") or ({JSON_TYPE: known["request"]} if "request" in known else {})
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        if media in requests:
            content["example"] = requests[media]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            _complete_answer(answer, known)
        elif PROBLEM_TYPE in answer.get("content", {}):
            content = answer["content"][PROBLEM_TYPE]
            if content["schema"] == PROBLEM_SCHEMA:
                content["schema"] = {"$ref": "#/components/schemas/Problem"}
            content["example"] = problem_example(status, known.get("problems", {}).get(status, CODES.get(status, "")))


def _complete_parameters(operation: Json, known: Json) -> None:
    parameters: list[Json] = operation.get("parameters", [])
    names = {one["name"] for one in parameters}
    more = SIGNED if known.get("signed") else COMMAND["parameters"] if known.get("named") else []
    parameters += [dict(one) for one in more if one["name"] not in names]
    if parameters:
        operation["parameters"] = parameters
    for one in parameters:
        if one["name"] in known.get("parameters", {}):
            one["example"] = known["parameters"][one["name"]]


def _complete_answer(answer: Json, known: Json) -> None:
    if "media" in known:
        answer["content"] = {known["media"]: {}}
    for content in answer.get("content", {}).values():
        if "answer" in known:
            content["schema"] = known["answer"]
        if "example" in known:
            content["example"] = known["example"]


def problem_example(status: str, code: str) -> Json:
    """A problem as it may be answered."""
    described = problem_types()[code or CODES["5XX"]]
    number = int(status) if status.isdigit() else described.status[0]
    detail = f"{described.meaning.en} {described.mend.en}"
    return problem_body(number, code, detail, request_id=REQUEST_ID)
