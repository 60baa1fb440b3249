"""Donations as CloudEvents, and what merchants gave on a day."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US
from services.donations.domain.cloudevents import opened
from services.donations.domain.intake import Failure
from services.donations.domain.volumes import Volume

GIFT = {"id": "1", "merchant": "M1", "programme": "p", "amount_fen": 5, "at": "2021-11-11T00:00:00+08:00"}


def event(**changes: Any) -> bytes:
    whole = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "gift.completed", "data": GIFT} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not ...}, indent=1).encode()


def test_data_is_taken_out_on_one_line_and_remembers_its_place() -> None:
    lines = opened([event(specversion="0.3"), event(), event(data={**GIFT, "id": "2"})])
    assert [json.loads(raw) for raw in lines.text.lines()] == [GIFT, {**GIFT, "id": "2"}]
    assert not any(b"\n" in raw for raw in lines.text.lines())
    assert ([failure.index for failure in lines.failures], lines.places, len(lines)) == ([0], [1, 2], 3)
    placed = lines.placed(Failure(1, "/at", "too_old", "en", "zh"))
    assert (placed.index, placed.pointer) == (2, "/data/at")


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
    ("binary data", event(data=..., data_base64="e30="), "/data_base64", "event_invalid"),
]


@pytest.mark.parametrize(("what", "raw", "pointer", "code"), NO_EVENTS, ids=[what for what, *_ in NO_EVENTS])
def test_what_is_no_event_with_a_donation_is_named(what: str, raw: bytes, pointer: str, code: str) -> None:
    (failure,) = opened([raw]).failures
    assert (failure.pointer, failure.code) == (pointer, code), what
    assert failure.en and failure.zh


def test_a_volume_counts_one_merchant_and_day_by_programme_over_pages() -> None:
    start_us = 18_942 * DAY_US - DAY_OFFSET_US
    rows = [
        Row("1", "M1", "p", 5, start_us),
        Row("2", "M1", "q", 7, start_us + DAY_US - 1),
        Row("3", "M1", "p", 1, start_us - 1),
        Row("4", "M2", "p", 9, start_us),
        Row("5", "M1", "p", 2, start_us + DAY_US),
    ]
    volume = Volume("M1", 18_942)
    volume.add(Columns.of(rows))
    volume.add(Columns.of([Row("6", "M1", "p", 3, start_us + 1)]))
    volume.add(Columns.of([Row("7", "M3", "p", 3, start_us + 1)]))
    assert volume.programmes == {"p": (2, 8), "q": (1, 7)}
