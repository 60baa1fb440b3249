"""The transactional outbox: events that a document decided, kept in it until Kafka has acknowledged them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pandapack.contracts.causation import Causation
from pandapack.contracts.envelope import Event, encode, envelop


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event that is decided and not yet confirmed by Kafka. `envelope` is its structured-mode JSON."""

    sequence: int
    envelope: bytes


def outbox_of(
    events: Iterable[tuple[Event, Causation]], *, source: str, published: int, at: datetime
) -> tuple[OutboxEvent, ...]:
    """Events of `source`, and what made each, behind the `published` ones that it has had before, at the time `at`."""
    return tuple(
        OutboxEvent(number, encode(envelop(event, source=source, number=number, at=at, causation=causation)))
        for number, (event, causation) in enumerate(events, published + 1)
    )
