"""The reporting service in memory: the same handlers and stores, without Kafka and MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pandapack.runtime.chance import SystemChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.reactions import apply
from pandapack.runtime.store import Kind, Store
from services.reporting import store
from services.reporting.domain.rounds.figures import by_round
from services.reporting.handlers import Handlers, event_of
from services.reporting.store import Stores
from services.reporting.store.cosigned import CosignedCheckpoints
from services.reporting.store.journal import Journal
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows
from services.reporting.work.projector import Projector
from tests.unit.reporting import view_laws
from tests.unit.reporting.history import AT, FakeRecord
from tests.unit.reporting.view_laws import Law
from tests.unit.reporting.view_totals import Views, totals


def stores_in_memory() -> Stores:
    """Empty stores."""

    def of(kind: Kind[Any]) -> Store[Any]:
        return Store(kind, MemoryDocuments(kind.collection), clock=FixedClock(AT), chance=SystemChance())

    return Stores(
        journal=Journal(MemoryRows("journal")),
        archive=Journal(MemoryRows("archive")),
        shards=of(store.SHARDS),
        merchants=of(store.MERCHANTS),
        banked=of(store.BANKED),
        banked_merchants=of(store.BANKED_MERCHANTS),
        money=of(store.MONEY),
        items=of(store.ITEMS),
        parcels=of(store.PARCELS),
        destinations=of(store.DESTINATIONS),
        rounds=of(store.ROUNDS),
        funded_intervals=of(store.FUNDED_INTERVALS),
        pipeline=of(store.PIPELINE),
        public_log=PublicLog(*(MemoryRows(f"log_{name}") for name in ("heads", "entries", "tiles", "seals"))),
        cosigned=CosignedCheckpoints(MemoryRows("log_cosigned")),
        snapshots=SnapshotRows(*(MemoryRows(name) for name in ("books", "rounds", "months", "moments"))),
    )


async def views_of(stores: Stores) -> Views:
    """The documents that totals of views are made of."""
    return Views(
        shards=await store.all_of(stores.shards),
        money=await store.all_of(stores.money),
        items=await store.all_of(stores.items),
        parcels=await store.all_of(stores.parcels),
        banked=await store.all_of(stores.banked),
    )


class World:
    """The service, to which records are handed one batch at a time."""

    def __init__(self) -> None:
        self.stores = stores_in_memory()
        self.projector = Projector(self.stores)
        self.handlers = Handlers(self.projector, "", archive_pause_s=0)

    async def consume(self, records: Sequence[FakeRecord], batch: int = 1) -> None:
        """Partition by partition in batches, as the broker hands them over."""
        parts: dict[tuple[str, int], list[FakeRecord]] = {}
        for record in records:
            parts.setdefault((record.topic, record.partition), []).append(record)
        for part in parts.values():
            for first in range(0, len(part), batch):
                await self.handlers.handle(part[first : first + batch])

    async def project_unjournaled(self, record: FakeRecord) -> None:
        """What a view would do with an event that passed the journal by mistake."""
        await apply(self.projector.reactions(event_of(record, record.topic)))

    async def totals(self) -> dict[str, Any]:
        return totals(await views_of(self.stores))

    async def laws(self) -> list[Law]:
        found, rounds = await views_of(self.stores), by_round(await store.all_of(self.stores.rounds))
        return [
            view_laws.money_law(found, rounds),
            view_laws.item_law(found, rounds),
            view_laws.parcel_law(found.parcels, rounds),
        ]
