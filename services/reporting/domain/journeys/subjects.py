"""What an event is about: the subjects under which it is found, and what kind of subject a text names by its form.

A subject is written `kind/id`. An event that cannot be read is about nothing: it is found by its identity alone.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from pandapack.contracts import causation
from pandapack.contracts.causation import Cause
from pandapack.contracts.envelope import Envelope

SCHOOLS_MAX = 2_000
"""Of one event: a round has some dozens of schools, a country's need some thousands; the rest are found once they are
delivered to."""


class Kind(StrEnum):
    """What a journey can begin with."""

    DONATION = "donation"
    PUSH = "push"
    REVERSAL = "reversal"
    SETTLEMENT = "settlement"
    NEED = "need"
    ROUND = "round"
    ORDER = "order"
    PARCEL = "parcel"
    LOT = "lot"
    CONSIGNMENT = "consignment"
    SHIPMENT = "shipment"
    SCHOOL = "school"
    SURVEY = "survey"
    EVENT = "event"


class IndexedKind(StrEnum):
    """The subjects that the index knows. A page is one of the ledger, `shard/number`."""

    ROUND = "round"
    ORDER = "order"
    SHIPMENT = "shipment"
    NEED = "need"
    LOT = "lot"
    SCHOOL = "school"
    SETTLEMENT = "settlement"
    SURVEY = "survey"
    PAGE = "page"


class _School(msgspec.Struct):
    school: str = ""


class _Line(msgspec.Struct):
    lot: str = ""


class _Named(msgspec.Struct):
    """The names in any event's data; all else is passed over."""

    round: str = ""
    order: str = ""
    shipment: str = ""
    need: str = ""
    lot: str = ""
    school: str = ""
    settlement: str = ""
    survey: str = ""
    shard: int | None = None
    page: int | None = None
    schools: list[_School] = []
    lines: list[_Line] = []


_names = msgspec.json.Decoder(_Named)
_NAMED = ("round", "order", "shipment", "need", "lot", "school", "settlement", "survey")
_DIRECT = tuple(IndexedKind(name) for name in _NAMED)


def subject(kind: IndexedKind, id: str) -> str:
    """`round`, `R-000007` → `round/R-000007`."""
    return f"{kind.value}/{id}"


def page_subject(shard: int, page: int) -> str:
    """A page of the ledger, as a subject."""
    return subject(IndexedKind.PAGE, f"{shard}/{page}")


def subjects_of(envelope: Envelope) -> tuple[str, ...]:
    """All that an event is about, each once, in a fixed order."""
    try:
        named = _names.decode(envelope.data)
    except msgspec.DecodeError:
        return ()
    found = [subject(kind, name) for kind in _DIRECT if (name := getattr(named, kind.value))]
    found += [subject(IndexedKind.LOT, line.lot) for line in named.lines if line.lot]
    found += [subject(IndexedKind.SCHOOL, one.school) for one in named.schools[:SCHOOLS_MAX] if one.school]
    if named.shard is not None and named.page is not None:
        found.append(page_subject(named.shard, named.page))
    return tuple(dict.fromkeys(found))


def causes_of(envelope: Envelope) -> tuple[Cause, ...]:
    """What made an event. What cannot be read names nothing."""
    try:
        return causation.read(envelope.causes or "")
    except ValueError:
        return ()


_EVENT = re.compile(r"/?((?:donations|procurement|logistics)/[A-Za-z0-9._:/-]{1,200})#(\d{1,12})")
_PARCEL = re.compile(r"([A-Za-z0-9._:-]{1,60}-\d{6})-(\d{4,9})")
_PLACED = re.compile(r"([A-Za-z0-9._-]{1,16})/([A-Za-z0-9._:-]{1,64})/([A-Za-z0-9._:-]{1,64})")


def event_key(text: str) -> str | None:
    """`procurement/rounds/R-000007#1`, a slash before it or not → the identity; None where it is none."""
    found = _EVENT.fullmatch(text)
    return None if found is None else f"/{found[1]}#{int(found[2]):012d}"


def parcel_of(text: str) -> tuple[str, int] | None:
    """`R-000007-0012` → its round and its ordinal; None where it is no parcel's serial number."""
    found = _PARCEL.fullmatch(text)
    return None if found is None else (found[1], int(found[2]))


def placed_of(text: str) -> tuple[str, str, str] | None:
    """`platform/merchant/id`, as donations and reversals are named; None for another text."""
    found = _PLACED.fullmatch(text)
    return None if found is None else (found[1], found[2], found[3])


def kind_by_form(text: str, *, has_day: bool) -> Kind | None:
    """What a text can only be, by its form; None: the index and the ledger have to say."""
    if event_key(text) is not None:
        return Kind.EVENT
    if placed_of(text) is not None:
        return Kind.DONATION if has_day else Kind.REVERSAL
    return Kind.PARCEL if parcel_of(text) is not None else None
