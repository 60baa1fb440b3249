"""Reacting to our own events: in batches, folded per document, in order per source.

A batch that cannot be applied raises, and its partition stops (`runtime.partitions`): nothing is skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pandapack.contracts.envelope import Envelope, decode
from pandapack.runtime.documents import Document
from pandapack.runtime.store import Decide, EventPosition, Store

DOCUMENTS_AT_ONCE_MAX = 16
DOCUMENTS_A_READ_MAX = 128
"""Documents of a batch that are read together, and held in memory until they are written."""


class Record(Protocol):
    """A Kafka record as aiokafka hands it over; a simulated broker makes its own. `timestamp`: ms since 1970 UTC."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """This event, at this position, changes this document by this decision.

    `finish` is decided once, after the last reaction of a batch for the document.
    """

    store: Store[Any]
    id: str
    position: EventPosition
    decide: Decide[Any]
    finish: Decide[Any] | None = None


Route = Callable[[Envelope], Awaitable[Sequence[Reaction]]]
"""An event → the documents that it changes, and how."""
HandleBatch = Callable[[Sequence[Record]], Awaitable[None]]


class UnreadableEvent(Exception):
    """A record on one of our own topics is not an event of ours. The partition must stop: nothing is skipped."""


def position_of(envelope: Envelope, *, gapless: bool = False, final: bool = False) -> EventPosition:
    """An event's position among all that its source publishes."""
    return EventPosition(envelope.source, envelope.number, gapless, final, envelope.traceparent)


def envelope_of(record: Record) -> Envelope:
    """Raises UnreadableEvent, naming the record, if it is no event."""
    try:
        return decode(record.value or b"")
    except ValueError as error:
        raise UnreadableEvent(f"{record.topic}/{record.partition} offset {record.offset}: {error}") from error


@dataclass(slots=True)
class _Fold:
    """What a batch changes in one document."""

    store: Store[Any]
    id: str
    steps: list[tuple[EventPosition, Decide[Any]]] = field(default_factory=list)
    finish: Decide[Any] | None = None


async def apply(reactions: Sequence[Reaction]) -> None:
    """Folds reactions per document, each document in order and in one write, several documents at once.

    Raises the first document's failure (SequenceGap, CannotApply, Unavailable) once every other one has ended.
    """
    folds: dict[tuple[str, str], _Fold] = {}
    for reaction in reactions:
        key = (reaction.store.kind.collection, reaction.id)
        fold = folds.setdefault(key, _Fold(reaction.store, reaction.id))
        fold.steps.append((reaction.position, reaction.decide))
        fold.finish = reaction.finish or fold.finish
    waiting = list(folds.values())
    failures = list[BaseException]()
    for first in range(0, len(waiting), DOCUMENTS_A_READ_MAX):
        failures += await _write(waiting[first : first + DOCUMENTS_A_READ_MAX])
    if failures:
        raise failures[0]


async def _write(folds: Sequence[_Fold]) -> list[BaseException]:
    """Writes some documents, which are read together, a trip a collection. What failed."""
    stores = {fold.store.kind.collection: fold.store for fold in folds}
    known = dict[tuple[str, str], Document]()
    for collection, store in stores.items():
        ids = [fold.id for fold in folds if fold.store.kind.collection == collection]
        if len(ids) > 1:
            found = await store.documents.read_all(ids)
            known |= {(collection, id): found.get(id, Document(id)) for id in ids}
    slots = asyncio.Semaphore(DOCUMENTS_AT_ONCE_MAX)

    async def write(fold: _Fold) -> None:
        async with slots:
            before = known.get((fold.store.kind.collection, fold.id))
            await fold.store.apply(fold.id, fold.steps, fold.finish, known=before)

    results = await asyncio.gather(*(write(fold) for fold in folds), return_exceptions=True)
    return [result for result in results if isinstance(result, BaseException)]


def reacting(route: Route) -> HandleBatch:
    """A batch handler that applies each event to the documents to which it is routed."""

    async def handle_batch(records: Sequence[Record]) -> None:
        reactions: list[Reaction] = []
        for record in records:
            reactions.extend(await route(envelope_of(record)))
        await apply(reactions)

    return handle_batch
