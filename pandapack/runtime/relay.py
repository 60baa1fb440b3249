"""The relay says what documents decided to say: each source's events in order, one acknowledged before the next.

It stops at a source's first failure, and forgets by sequence, never by count. A crash leaves `saying` in the document;
the next scan, here or in another process, finds it and says it again: hearers drop what they heard before.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import structlog

from pandapack.contracts.envelope import decode
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.documents import AnswerLost, Document
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.store import Store
from pandapack.runtime.telemetry import EVENTS_SAID, OUTBOX_AGE_S

SOURCES_AT_ONCE_MAX = 16
SCAN_PAUSE_S = 2.0
SCAN_DOCUMENTS_MAX = 500
RETRY_PAUSE_S = 0.5

log = structlog.get_logger(__name__)


class Sends(Protocol):
    """What the relay needs of a sender."""

    async def send(self, topic: str, *, key: bytes | None, value: bytes) -> None: ...


class Relay:
    """Sends the events of some stores to one topic."""

    def __init__(self, sender: Sends, topic: str) -> None:
        self._sender = sender
        self._topic = topic
        self._stores: list[Store[Any]] = []
        self._waiting: dict[tuple[str, str], float] = {}
        self._busy: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, store: Store[Any]) -> None:
        """From now on what this store's documents say is sent."""
        self._stores.append(store)

    def notify(self, store: Store[Any], id: str) -> None:
        """A document has something to say."""
        self._waiting.setdefault((store.kind.collection, id), monotonic_s())
        self._wake.set()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(SOURCES_AT_ONCE_MAX)]
        self._tasks.append(asyncio.create_task(self._scan()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def outbox_age_s(self) -> float:
        """For how long the oldest event that this process knows of has been waiting to be said, seconds."""
        return monotonic_s() - min(self._waiting.values()) if self._waiting else 0.0

    async def flush(self) -> None:
        """Says all that is known to wait: for tests and for an orderly end."""
        for store in self._stores:
            for document in await store.documents.unsaid(SCAN_DOCUMENTS_MAX):
                await self._say(store, document)

    async def _scan(self) -> None:
        while True:
            for store in self._stores:
                with contextlib.suppress(Unavailable):
                    for document in await store.documents.unsaid(SCAN_DOCUMENTS_MAX):
                        self.notify(store, document.id)
            OUTBOX_AGE_S.set(self.outbox_age_s)
            await asyncio.sleep(SCAN_PAUSE_S)

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
                await self._say_of(key)
            except (Unavailable, AnswerLost) as error:
                log.warning("event_not_said", document=key, error=str(error))
                await asyncio.sleep(RETRY_PAUSE_S)
                self._waiting[key] = since
            finally:
                self._busy.discard(key)
                self._wake.set()

    def _next(self) -> tuple[str, str] | None:
        # One worker a document, so that its events stay in order.
        return next((key for key in self._waiting if key not in self._busy), None)

    async def _say_of(self, key: tuple[str, str]) -> None:
        store = next(store for store in self._stores if store.kind.collection == key[0])
        document = await store.documents.read(key[1])
        if document is not None and document.saying:
            await self._say(store, document)

    async def _say(self, store: Store[Any], document: Document) -> None:
        confirmed = 0
        try:
            for said in sorted(document.saying, key=lambda one: one.sequence):
                source = decode(said.envelope).source
                await self._sender.send(self._topic, key=source.encode(), value=said.envelope)
                confirmed = said.sequence
                EVENTS_SAID.inc()
        finally:
            if confirmed:
                await store.documents.confirm(document.id, confirmed)
