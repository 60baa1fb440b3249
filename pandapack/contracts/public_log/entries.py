"""Entries: what one event, or several that belong together, says in the log. Canonical JSON: names sorted, no spaces.

    v         1, the form of what follows
    type      the event's type
    at        when the owner of the log appended it: business time, RFC 3339, UTC, to the second
    on        the day in Asia/Shanghai on which it happened
    source    who published it, and `sequence`, its number there (`first_sequence`: the first of several)
    hash      the salted hash of the whole event, or of all of them in order
    part, parts   where it would be too long for one entry: its lists go on in the next; sums are in the first alone

All else is the event's own. Integers and texts only: there is no number that two programs write differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from pandapack.contracts.envelope import Envelope
from pandapack.contracts.procurement import FundCredited
from pandapack.contracts.public_log.forms import FORMS, Json, day_of
from pandapack.contracts.public_log.set_aside import EVENT_SET_ASIDE, dated, set_aside_body
from pandapack.contracts.public_log.veil import Veil
from pandapack.contracts.tlog.tiles import ENTRY_BYTES_MAX

VERSION = 1
HEAD_FIELDS = ("v", "type", "at", "on", "source", "sequence", "hash")
OPTIONAL_HEAD_FIELDS = ("first_sequence", "part", "parts")
PARTS_BYTES = len(b',"part":1000000,"parts":1000000')
"""What must be left beside the rest of an entry for its parts."""

_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Journaled:
    """An event as the log's owner reads it: its envelope, and the bytes that its hash is of."""

    envelope: Envelope
    hashed: bytes
    is_set_aside: bool = False

    @property
    def is_summed(self) -> bool:
        """Whether it and others that follow it are one entry: a fund is credited wherever gifts are."""
        return self.envelope.type == FundCredited.TYPE and not self.is_set_aside


def entries_of(events: Sequence[Journaled], at: datetime, veil: Veil) -> list[bytes]:
    """The entries of one event, or of several credits of one fund that follow each other (`is_summed`)."""
    if events[-1].is_set_aside:
        return _set_aside(events[-1], at, veil)
    last = events[-1].envelope
    head = head_of(events, at, veil)
    known = last.event()
    form = None if known is None else FORMS.get(type(known))
    if known is None or form is None:
        return parts_of(head, {})
    body = form.of(known, veil)
    if len(events) > 1:
        assert all(one.envelope.source == last.source and one.is_summed for one in events), last.key
        body["credited_fen"] = sum(_credited_fen(one.envelope) for one in events)
    return parts_of(head, body)


def _set_aside(one: Journaled, at: datetime, veil: Veil) -> list[bytes]:
    shown = replace(one, envelope=dated(one.envelope, at))
    return parts_of(head_of([shown], at, veil, type=EVENT_SET_ASIDE), set_aside_body(one.envelope))


def _credited_fen(envelope: Envelope) -> int:
    event = envelope.event()
    assert isinstance(event, FundCredited), envelope.key
    return event.credited_fen


def head_of(events: Sequence[Journaled], at: datetime, veil: Veil, *, type: str = "") -> Json:
    """What every entry says. `type`: in place of the events' own. The day is that of the last event."""
    first, last = events[0].envelope, events[-1].envelope
    head: Json = {
        "v": VERSION,
        "type": type or last.type,
        "at": moment(at),
        "on": day_of(last.time),
        "source": veil.source(last.source),
        "sequence": last.number,
        "hash": veil.hash_of(first.key, (one.hashed for one in events)),
    }
    return head | ({"first_sequence": first.number} if len(events) > 1 else {})


def moment(at: datetime) -> str:
    """`2031-05-04T10:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parts_of(head: Mapping[str, Any], body: Mapping[str, Any]) -> list[bytes]:
    """One entry, or several that share their head, each of at most `ENTRY_BYTES_MAX` bytes.

    Lists go on from one to the next, in their order; whatever is no list stands in the first alone.
    """
    clash = head.keys() & body.keys() | body.keys() & set(OPTIONAL_HEAD_FIELDS)
    assert not clash, f"{clash} of {head['type']} are the entry's own"
    whole = _encoder.encode({**head, **body})
    if len(whole) <= ENTRY_BYTES_MAX:
        return [whole]
    first = {name: [] if isinstance(value, list) else value for name, value in body.items()}
    parts = list(_filled(head, first, body))
    return [_encoder.encode({**head, **part, "part": n, "parts": len(parts)}) for n, part in enumerate(parts, 1)]


def _filled(head: Mapping[str, Any], part: Json, body: Mapping[str, Any]) -> Iterator[Json]:
    """The bodies of the parts, each as full as it may be. `part` is the first, with empty lists."""
    empty_bytes = len(_encoder.encode(head)) + PARTS_BYTES
    size = empty_bytes + len(_encoder.encode(part))
    for name in sorted(name for name, value in body.items() if isinstance(value, list)):
        for element in body[name]:
            more = len(_encoder.encode(element)) + 1
            if size + more > ENTRY_BYTES_MAX:
                yield part
                part, size = {}, empty_bytes
            if name not in part:
                part[name] = []
                size += len(name) + len(',"":[]')
            assert size + more <= ENTRY_BYTES_MAX, f"one element of {name} is longer than an entry may be"
            part[name].append(element)
            size += more
    yield part
