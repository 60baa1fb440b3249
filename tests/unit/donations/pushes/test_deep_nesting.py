"""Brackets within brackets by the thousand: the line that holds them is refused, and its neighbours are taken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.nesting import NESTING_MAX
from tests.unit.donations.pushes.pushing import donation_lines
from tests.unit.donations.pushes.test_pushes_api import PushApi

DEEP = b"[" * 5_000 + b"]" * 5_000
DEEP_OBJECT = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
FIRST, SECOND = donation_lines(2)
JSON, NDJSON = "application/json", "application/x-ndjson"
EVENT, EVENTS = "application/cloudevents+json", "application/cloudevents-batch+json"


def with_more(raw: bytes, more: bytes) -> bytes:
    return raw[:-1] + b', "note": ' + more + b"}"


def event(data: bytes) -> bytes:
    attributes = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "donation.completed"}
    return json.dumps(attributes).encode()[:-1] + b', "data": ' + data + b"}"


BAD = with_more(FIRST, DEEP)
ALONE = [
    ("an object", JSON, BAD),
    ("an object of objects", JSON, with_more(FIRST, DEEP_OBJECT)),
    ("a body of nothing else", JSON, DEEP),
    ("an array", JSON, b"[" + BAD + b"]"),
    ("a line", NDJSON, BAD),
    ("brackets that stay open", NDJSON, with_more(FIRST, b"[" * 5_000)),
    ("one bracket more than may be", NDJSON, with_more(FIRST, b"[" * NESTING_MAX + b"]" * NESTING_MAX)),
    ("an event", EVENT, event(BAD)),
    ("an event's extension", EVENT, with_more(event(FIRST), DEEP)),
    ("a batch of events", EVENTS, b"[" + event(BAD) + b"]"),
]


@pytest.mark.parametrize(("what", "kind", "body"), ALONE, ids=[what for what, *_ in ALONE])
async def test_what_nests_too_deeply_is_refused_by_name(what: str, kind: str, body: bytes) -> None:
    answer = await PushApi().post(body, {"Content-Type": kind})
    assert answer.status_code == 422, what
    (failure,) = answer.json()["failures"]
    assert (failure["index"], failure["code"]) == (0, "nested_too_deeply")
    assert str(NESTING_MAX) in failure["message"]["en"] and str(NESTING_MAX) in failure["message"]["zh"]


BESIDE = [
    ("lines", NDJSON, b"\n".join((FIRST, BAD, SECOND))),
    ("elements", JSON, b"[" + b",".join((FIRST, BAD, SECOND)) + b"]"),
    ("events", EVENTS, b"[" + b",".join(map(event, (FIRST, BAD, SECOND))) + b"]"),
]


@pytest.mark.parametrize(("what", "kind", "body"), BESIDE, ids=[what for what, *_ in BESIDE])
async def test_its_neighbours_are_taken(what: str, kind: str, body: bytes) -> None:
    answer = await PushApi().post(body, {"Content-Type": kind})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2), what
    assert [(one["index"], one["code"]) for one in answer.json()["failures"]] == [(1, "nested_too_deeply")]


async def test_an_array_that_is_none_is_refused_as_a_whole() -> None:
    answer = await PushApi().post(b"[" * 5_000, {"Content-Type": JSON})
    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")


ODD = [
    b"]",
    b"{",
    b"}",
    b'"',
    b",",
    b"\n",
    b"\\",
    b"\xff",
    b"\x00",
    b"null",
    b"1e999",
    b'{"id": NaN}',
    b'{"id": "\\ud800"}',
]
LONG = FIRST.replace(b": 1,", b": 1" + b"0" * 5_000 + b",")
PIECES = st.sampled_from([FIRST, BAD, event(FIRST), DEEP, b"[" * 5_000, LONG, *ODD])
BODIES = st.lists(PIECES | st.binary(max_size=9), max_size=9).map(b"".join)


@settings(deadline=None)
@given(BODIES, st.sampled_from([JSON, NDJSON, EVENT, EVENTS, ""]))
async def test_no_body_is_answered_that_the_fault_is_ours(body: bytes, kind: str) -> None:
    answer = await PushApi().post(body, {"Content-Type": kind})
    assert answer.status_code < 500, answer.text
    assert answer.status_code == 202 or answer.json()["code"]


@settings(deadline=None)
@given(BODIES)
async def test_no_array_is_answered_that_the_fault_is_ours(body: bytes) -> None:
    answer = await PushApi().post(b"[" + body + b"]", {"Content-Type": JSON})
    assert answer.status_code < 500, answer.text
