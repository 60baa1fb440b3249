"""The relay publishes outboxes: each source's events in order, one acknowledged before the next.

It stops at a source's first failure, and confirms by sequence, never by count. A crash leaves the outbox in the
document; the next scan, here or in another process, finds it and publishes it again: consumers drop what they have.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog

from pandapack.contracts.envelope import decode
from pandapack.contracts.outbox import OutboxEvent
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import AnswerLost, Document
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.loops import every
from pandapack.runtime.store import Store
from pandapack.runtime.telemetry import EVENTS_PUBLISHED, OUTBOX_AGE_S, OUTBOX_EVENTS

SOURCES_AT_ONCE_MAX = 16
SCAN_PAUSE_S = 2.0
SCAN_DOCUMENTS_MAX = 500
RETRY_PAUSE_S = 0.5

log = structlog.get_logger(__name__)
Oldest = Callable[[], Awaitable[datetime | None]]
"""Since when (business time) the oldest event has been waiting that others than this relay publish; None: none does."""


class Sends(Protocol):
    """What publishing needs of a sender."""

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> object: ...


class SignsEvents(Protocol):
    """What publishing needs of the service's own key; see `trust.OwnKey`."""

    def event_headers(self, value: bytes) -> list[tuple[str, bytes]]: ...


class EventPublisher:
    """Publishes a service's events, signed. `topic`: its real name."""

    def __init__(self, sender: Sends, key: SignsEvents, topic: str) -> None:
        self._sender, self._key, self._topic = sender, key, topic

    async def publish(self, event: OutboxEvent) -> None:
        """Returns when Kafka has the event, under its source's key.

        Raises KafkaUnavailable: it may or may not be there; KeyRetired: it is not.
        """
        value = event.envelope
        headers = self._key.event_headers(value)
        await self._sender.send(self._topic, key=decode(value).source.encode(), value=value, headers=headers)
        EVENTS_PUBLISHED.inc()


def decided_at(event: OutboxEvent) -> datetime:
    """The business time at which the event was decided."""
    return datetime.fromisoformat(decode(event.envelope).time)


class Relay:
    """Publishes the outboxes of some stores.

    outbox_age_s: the age of the oldest event that waits in any document, whichever process is to publish it, when it
    was last looked for; None where the documents cannot be read.
    """

    def __init__(self, publisher: EventPublisher, clock: Clock) -> None:
        self._publisher, self._clock = publisher, clock
        self._others: list[Oldest] = []
        self.outbox_age_s: float | None = None
        self._stores: list[Store[Any]] = []
        self._waiting: dict[tuple[str, str], float] = {}
        self._busy: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._scan = every(SCAN_PAUSE_S, self._find_waiting, name="outbox-scan")

    def add(self, store: Store[Any]) -> None:
        """From now on the outboxes of this store's documents are published."""
        self._stores.append(store)

    def ages_with(self, oldest: Oldest) -> None:
        """From now on `outbox_age_s` is told of these events, too."""
        self._others.append(oldest)

    def notify(self, store: Store[Any], id: str) -> None:
        """A document has something in its outbox."""
        self._waiting.setdefault((store.kind.collection, id), monotonic_s())
        self._wake.set()

    async def start(self) -> None:
        self._workers = [asyncio.create_task(self._work()) for _ in range(SOURCES_AT_ONCE_MAX)]
        await self._scan.start()

    async def stop(self) -> None:
        await self._scan.stop()
        for task in self._workers:
            task.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def flush(self) -> None:
        """Publishes all that is known to wait: for tests and for an orderly end."""
        async for store, document in self._unpublished():
            await self._publish(store, document.outbox, document.id)

    async def _find_waiting(self) -> None:
        self.outbox_age_s, since, events = None, list[datetime](), 0
        async for store, document in self._unpublished():
            self.notify(store, document.id)
            events += len(document.outbox)
            first = min(document.outbox, key=lambda event: event.sequence)
            since.append(decided_at(first))
        since += [one for oldest in self._others if (one := await oldest()) is not None]
        now = self._clock.wall()
        waits_s = [(now - self._clock.wall_of(one)).total_seconds() for one in since]
        self.outbox_age_s = max(0.0, *waits_s) if waits_s else 0.0
        OUTBOX_AGE_S.set(self.outbox_age_s)
        OUTBOX_EVENTS.set(events)

    async def _unpublished(self) -> AsyncIterator[tuple[Store[Any], Document]]:
        for store in self._stores:
            for document in await store.documents.unpublished(SCAN_DOCUMENTS_MAX):
                yield store, document

    async def _work(self) -> None:
        while True:
            key = self._next()
            if key is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            since = self._waiting.pop(key)
            self._busy.add(key)
            try:
                await self._publish_of(key)
            except Exception as error:
                # Whatever it is, the worker must live: without workers nothing is ever published again, in silence.
                level = logging.WARNING if isinstance(error, (Unavailable, AnswerLost)) else logging.ERROR
                log.log(level, "event_not_published", document=key, error=repr(error))
                await asyncio.sleep(RETRY_PAUSE_S)
                self._waiting[key] = since
            finally:
                self._busy.discard(key)
                self._wake.set()

    def _next(self) -> tuple[str, str] | None:
        # One worker a document, so that its events stay in order.
        return next((key for key in self._waiting if key not in self._busy), None)

    async def _publish_of(self, key: tuple[str, str]) -> None:
        store = next(store for store in self._stores if store.kind.collection == key[0])
        document = await store.documents.read(key[1])
        if document is not None and document.outbox:
            await self._publish(store, document.outbox, document.id)

    async def _publish(self, store: Store[Any], outbox: Iterable[OutboxEvent], id: str) -> None:
        confirmed = 0
        try:
            for event in sorted(outbox, key=lambda event: event.sequence):
                await self._publisher.publish(event)
                confirmed = event.sequence
        finally:
            if confirmed:
                await store.documents.confirm(id, confirmed)
