"""What a push's body holds: raw donations, or raw reversals."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pandapack.contracts.nesting import elements
from pandapack.runtime.http import JSON_TYPE, NDJSON_TYPES, Problem, media_type_of
from services.donations.door.api.bodies import BodyLimits
from services.donations.door.api.door import Wanted
from services.donations.pushes.domain.cloudevents import ATTRIBUTES, attribute_failure, unwrapped
from services.donations.pushes.domain.push_lines import PushLines
from services.donations.validation.domain.failures import TRUNCATED, why_no_json
from services.donations.validation.domain.text_lines import TextLines

BODY_BYTES_MAX = 5 * 1024 * 1024
BODY_READ_S_MAX = 30
"""A body that is not here by then is not waited for."""
LINES_A_PUSH_MAX = 10_000
PUSH_LIMITS = BodyLimits(BODY_BYTES_MAX, BODY_READ_S_MAX, "may be in a push; split it")
EVENT = "application/cloudevents+json"
EVENTS = "application/cloudevents-batch+json"
SUPPORTED_TYPES = (JSON_TYPE, *NDJSON_TYPES, EVENT, EVENTS)
BINARY_PREFIX = "ce-"
PUSHES = Wanted(SUPPORTED_TYPES, (JSON_TYPE, NDJSON_TYPES[0], EVENT, EVENTS))


def lines_of(plain: bytes, headers: Mapping[str, str]) -> PushLines:
    """The lines of a body of a type that is wanted: one object, an array, NDJSON, or CloudEvents.

    Raises Problem 400, 413.
    """
    kind = media_type_of(headers)
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
