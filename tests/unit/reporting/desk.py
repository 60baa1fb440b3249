"""The reporting service in memory: the same handlers and stores, without Kafka and MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pandapack.runtime.chance import SystemChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.hearing import envelope_of, take
from pandapack.runtime.mongo import Rows
from pandapack.runtime.store import Kind, Store
from services.reporting import store
from services.reporting.domain import laws
from services.reporting.domain.laws import Law
from services.reporting.domain.totals import totals
from services.reporting.handlers import Event, Hearer, place_of
from services.reporting.store import Stores
from services.reporting.store.journal import Journal
from tests.unit.reporting.history import AT, HeardRecord


def stores_in_memory() -> Stores:
    """Empty stores."""

    def of(kind: Kind[Any]) -> Store[Any]:
        return Store(kind, MemoryDocuments(kind.collection), clock=FixedClock(AT), chance=SystemChance())

    return Stores(
        journal=Journal(cast(Rows, MemoryRows("journal"))),
        archive=Journal(cast(Rows, MemoryRows("archive"))),
        lines=of(store.LINES),
        merchants=of(store.MERCHANTS),
        banked=of(store.BANKED),
        money=of(store.MONEY),
        items=of(store.ITEMS),
        parcels=of(store.PARCELS),
        places=of(store.PLACES),
        rounds=of(store.ROUNDS),
        stretches=of(store.STRETCHES),
        pipeline=of(store.PIPELINE),
    )


class Desk:
    """Hears records one batch at a time."""

    def __init__(self) -> None:
        self.stores = stores_in_memory()
        self.hearer = Hearer(self.stores, "", archive_pause_s=0)

    async def hear(self, records: Sequence[HeardRecord], batch: int = 1) -> None:
        """Partition by partition in batches, as the broker hands them over."""
        parts: dict[tuple[str, int], list[HeardRecord]] = {}
        for record in records:
            parts.setdefault((record.topic, record.partition), []).append(record)
        for part in parts.values():
            for first in range(0, len(part), batch):
                await self.hearer.take(part[first : first + batch])

    async def hear_unjournaled(self, record: HeardRecord) -> None:
        """What a view would do with an event that passed the journal by mistake."""
        event = Event(record.topic, record, envelope_of(record))
        await take(self.hearer.targets(event, place_of(event)))

    async def totals(self) -> dict[str, Any]:
        return totals(await store.views(self.stores))

    async def laws(self) -> list[Law]:
        views, rounds = await store.views(self.stores), await store.all_rounds(self.stores)
        return [laws.money_law(views, rounds), laws.item_law(views, rounds), laws.parcel_law(views.parcels, rounds)]
