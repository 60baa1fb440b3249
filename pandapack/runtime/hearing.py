"""Hearing our own events: in batches, folded per document, in order per source; a failure stops its partition only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pandapack.contracts.envelope import Envelope, decode
from pandapack.runtime.store import Decide, Hearing, Store

DOCUMENTS_AT_ONCE_MAX = 16


class Record(Protocol):
    """A Kafka record as aiokafka hands it over; a simulated broker makes its own."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Target:
    """This document hears this event. `settle` is decided once, after the last target of a batch for the document."""

    store: Store[Any]
    id: str
    hearing: Hearing
    decide: Decide[Any]
    settle: Decide[Any] | None = None


Route = Callable[[Envelope], Awaitable[Sequence[Target]]]
TakeBatch = Callable[[Sequence[Record]], Awaitable[None]]


class NotOurs(Exception):
    """A record on one of our own topics is not an event of ours. The partition must stop: nothing is skipped."""


def hearing_of(envelope: Envelope, *, next_only: bool = False, last: bool = False) -> Hearing:
    """An event's place among all that its source says."""
    return Hearing(envelope.source, envelope.number, next_only=next_only, last=last)


def envelope_of(record: Record) -> Envelope:
    """Raises NotOurs, naming the place, if the record is no event."""
    try:
        return decode(record.value or b"")
    except ValueError as error:
        raise NotOurs(f"{record.topic}/{record.partition} offset {record.offset}: {error}") from error


@dataclass(slots=True)
class _Folding:
    """What one document hears in a batch."""

    store: Store[Any]
    id: str
    steps: list[tuple[Hearing, Decide[Any]]] = field(default_factory=list)
    settle: Decide[Any] | None = None


async def take(targets: Sequence[Target]) -> None:
    """Folds targets per document, each document in order and in one write, several documents at once."""
    foldings: dict[tuple[str, str], _Folding] = {}
    for target in targets:
        key = (target.store.kind.collection, target.id)
        folding = foldings.setdefault(key, _Folding(target.store, target.id))
        folding.steps.append((target.hearing, target.decide))
        folding.settle = target.settle or folding.settle
    places = asyncio.Semaphore(DOCUMENTS_AT_ONCE_MAX)

    async def fold(folding: _Folding) -> None:
        async with places:
            await folding.store.hear(folding.id, folding.steps, folding.settle)

    results = await asyncio.gather(*(fold(f) for f in foldings.values()), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def routed(route: Route) -> TakeBatch:
    """A batch handler that routes each event to the documents which hear it."""

    async def take_batch(records: Sequence[Record]) -> None:
        targets: list[Target] = []
        for record in records:
            targets.extend(await route(envelope_of(record)))
        await take(targets)

    return take_batch
