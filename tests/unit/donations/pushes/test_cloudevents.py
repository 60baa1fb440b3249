"""Donations as CloudEvents: the envelope is checked and taken off."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.donations.pushes.domain.cloudevents import unwrapped
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.failures import Failure

DONATION: dict[str, Any] = {
    "id": "1",
    "merchant": "M1",
    "programme": "p",
    "amount_fen": 5,
    "at": "2021-11-11T00:00:00+08:00",
}


def event(**changes: Any) -> bytes:
    whole = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "order.completed", "data": DONATION} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not ...}, indent=1).encode()


def test_data_is_taken_out_on_one_line_and_its_index_in_the_push_is_known() -> None:
    lines = unwrapped([event(specversion="0.3"), event(), event(data={**DONATION, "id": "2"})])
    assert [json.loads(raw) for raw in lines.text.lines()] == [DONATION, {**DONATION, "id": "2"}]
    assert not any(b"\n" in raw for raw in lines.text.lines())
    assert ([failure.index for failure in lines.failures], lines.indexes, len(lines)) == ([0], [1, 2], 3)
    failure = lines.in_push(Failure(1, "/at", "too_old", "en", "zh"))
    assert (failure.index, failure.pointer) == (2, "/data/at")


NO_EVENTS: list[tuple[str, bytes, str, str]] = [
    ("no JSON", b"{", "", "event_invalid"),
    ("no object", b"[]", "", "event_invalid"),
    ("another version", event(specversion="0.3"), "/specversion", "event_invalid"),
    ("no version", event(specversion=...), "/specversion", "event_invalid"),
    ("no id", event(id=...), "/id", "event_invalid"),
    ("an id that is a number", event(id=7), "/id", "event_invalid"),
    ("an empty source", event(source=""), "/source", "event_invalid"),
    ("no type", event(type=...), "/type", "event_invalid"),
    ("no data", event(data=...), "/data", "missing"),
    ("two ids", event().replace(b'"id"', b'"id": "e0", "id"', 1), "/id", "duplicate_key"),
    ("two data", event().replace(b'"data"', b'"data": {}, "data"', 1), "/data", "duplicate_key"),
    ("an extension twice", event().replace(b"{", b'{"trace": "a", "trace": "b", ', 1), "/trace", "duplicate_key"),
    ("data with two ids", event().replace(b'"merchant"', b'"id": "2", "merchant"', 1), "/data/id", "duplicate_key"),
    ("binary data", event(data=..., data_base64="e30="), "/data_base64", "event_invalid"),
]


@pytest.mark.parametrize(("what", "raw", "pointer", "code"), NO_EVENTS, ids=[what for what, *_ in NO_EVENTS])
def test_what_is_no_event_with_a_donation_is_named(what: str, raw: bytes, pointer: str, code: str) -> None:
    (failure,) = unwrapped([raw]).failures
    assert (failure.pointer, failure.code) == (pointer, code), what
    assert failure.en and failure.zh


def test_extension_attributes_are_lawful_and_what_stands_in_data_is_strict() -> None:
    lines = unwrapped([event(partitionkey="x", traceparent="y"), event(data={**DONATION, "note": 1})])
    assert lines.failures == []
    now = datetime.fromisoformat(DONATION["at"]).astimezone(UTC)
    (failure,) = map(lines.in_push, PushSorter(1).sort(lines.text, "tb", now=now, accept_days=1).failures)
    assert (failure.index, failure.pointer, failure.code) == (1, "/data/note", "unknown_field")
