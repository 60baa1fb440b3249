"""The CloudEvents 1.0 envelope (structured JSON) around every event of ours.

An event's identity is its `source` (the document that published it) and its `sequence` (1, 2, 3 …, zero-padded as the
CloudEvents sequence extension wants, so that text order is number order); `id` repeats the sequence.
Source: CloudEvents 1.0.2, JSON format and the `sequence` extension.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from pandapack.contracts.causation import UNCAUSED, Causation, written

SEQUENCE_DIGITS = 12
CONTENT_TYPE = "application/cloudevents+json"
EXTENSIONS = ("traceparent", "causes", "actor", "actorrole", "actorkey", "requestid", "reason")

_TYPES: dict[str, type[Event]] = {}


class Part(BaseModel):
    """A piece of an event or of a state: frozen, and tolerant of fields that a newer writer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Part):
    """Base of every event's data. A subclass names its `TYPE`, such as `procurement.RoundFunded`."""

    TYPE: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if cls.TYPE:
            assert cls.TYPE not in _TYPES, f"two events are called {cls.TYPE}"
            _TYPES[cls.TYPE] = cls


E = TypeVar("E", bound=Event)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as it travels. `data` stays raw JSON until someone asks: many consumers need only the rest.

    `causes` to `reason`: what made it, as `contracts.causation` says.
    """

    id: str
    source: str
    type: str
    time: str
    sequence: str
    data: msgspec.Raw
    specversion: str = msgspec.field(default="1.0")
    datacontenttype: str = msgspec.field(default="application/json")
    traceparent: str | None = None
    causes: str | None = None
    actor: str | None = None
    actorrole: str | None = None
    actorkey: str | None = None
    requestid: str | None = None
    reason: str | None = None

    @property
    def number(self) -> int:
        """The sequence as an integer, 1 for a source's first event."""
        return int(self.sequence)

    @property
    def key(self) -> str:
        """The identity in one word: `source#sequence`."""
        return f"{self.source}#{self.sequence}"

    def event(self) -> Event | None:
        """The typed event, or None where this release does not know the type (a newer publisher's).

        Raises pydantic.ValidationError if the data does not fit the contract.
        """
        known = _TYPES.get(self.type)
        return None if known is None else known.model_validate_json(bytes(self.data))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def sequence_of(number: int) -> str:
    """`7` → `000000000007`."""
    return f"{number:0{SEQUENCE_DIGITS}d}"


def envelop(event: Event, *, source: str, number: int, at: datetime, causation: Causation = UNCAUSED) -> Envelope:
    """Wraps `event` as the `number`-th that `source` has ever published, at the business time `at` (UTC)."""
    sequence = sequence_of(number)
    return Envelope(
        id=sequence,
        source=source,
        type=event.TYPE,
        time=at.isoformat(),
        sequence=sequence,
        data=msgspec.Raw(event.model_dump_json().encode()),
        traceparent=causation.traceparent,
        causes=written(causation.causes) or None,
        actor=causation.actor.name or None,
        actorrole=causation.actor.role or None,
        actorkey=causation.actor.key or None,
        requestid=causation.request_id or None,
        reason=causation.reason or None,
    )


def encode(envelope: Envelope) -> bytes:
    """Structured-mode JSON."""
    fields: dict[str, Any] = {
        "specversion": envelope.specversion,
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "time": envelope.time,
        "sequence": envelope.sequence,
        "datacontenttype": envelope.datacontenttype,
    }
    for name in EXTENSIONS:
        if (value := getattr(envelope, name)) is not None:
            fields[name] = value
    fields["data"] = envelope.data
    return _encoder.encode(fields)


def decode(value: bytes) -> Envelope:
    """Raises msgspec.DecodeError (ValidationError included) if `value` is not an envelope of ours."""
    return _decoder.decode(value)


def read_as(envelope: Envelope, expected: type[E]) -> E:
    """The envelope's event as `expected`. Raises pydantic.ValidationError if the data does not fit the contract."""
    assert envelope.type == expected.TYPE, f"{envelope.key} is {envelope.type}, not {expected.TYPE}"
    return expected.model_validate_json(bytes(envelope.data))


def known_types() -> dict[str, type[Event]]:
    """Every event type that this release knows, by name."""
    return dict(_TYPES)
