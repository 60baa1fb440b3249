"""Kafka in: what procurement publishes. A programme is known here once its first publication was heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from pandapack.contracts.envelope import Envelope
from pandapack.contracts.procurement import ProgrammePublished
from pandapack.runtime.documents import Rows
from pandapack.runtime.reactions import HandleBatch, Reaction, position_of
from pandapack.runtime.store import Store
from services.donations.programmes.domain.programmes import Programme, follow

MARK = "programmes"


class ProgrammeHandler:
    """Routes publications to programmes. What else procurement tells is of no concern here."""

    def __init__(self, programmes: Store[Programme]) -> None:
        self._programmes = programmes

    async def route(self, envelope: Envelope) -> list[Reaction]:
        """The programme that was published. A publication's source has no other event."""
        if envelope.type != ProgrammePublished.TYPE:
            return []
        event = envelope.event()
        assert isinstance(event, ProgrammePublished)
        decide = partial(follow, event=event)
        return [Reaction(self._programmes, event.programme, position_of(envelope, final=True), decide)]


class EarlierPublications:
    """At the first start all that was published so far is read before anything is refused.

    `read_all` hands all records of the topic to a handler. Once that is done it is noted, and never done again: from
    then on the consumer group tells what is new.
    """

    def __init__(self, handle: HandleBatch, notes: Rows, read_all: Callable[[HandleBatch], Awaitable[None]]) -> None:
        self._handle, self._notes, self._read_all = handle, notes, read_all

    async def start(self) -> None:
        """Raises KafkaUnavailable, StoreUnavailable."""
        if await self._notes.one(MARK) is None:
            await self._read_all(self._handle)
            await self._notes.insert({"_id": MARK})

    async def stop(self) -> None:
        """There is nothing to end."""
