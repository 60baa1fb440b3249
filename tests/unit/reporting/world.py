"""The reporting service in memory: the same handlers and stores, without Kafka and MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pandapack.runtime.chance import SystemChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.store import Kind, Store
from services.reporting import store
from services.reporting.domain.money import applied_fen
from services.reporting.domain.rounds.figures import by_round
from services.reporting.handlers import Handlers
from services.reporting.store import Stores
from services.reporting.store.alerts import AlertRows
from services.reporting.store.audit_log import AuditRows
from services.reporting.store.cosigned import CosignedCheckpoints
from services.reporting.store.journal import Journal
from services.reporting.store.journey_index import JourneyIndex
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows
from services.reporting.work.projector import Projector
from tests.unit.reporting.history import AT, FakeRecord


def stores_in_memory() -> Stores:
    """Empty stores."""

    def of(kind: Kind[Any]) -> Store[Any]:
        return Store(kind, MemoryDocuments(kind.collection), clock=FixedClock(AT), chance=SystemChance())

    index = JourneyIndex(MemoryRows("journeys"))
    return Stores(
        journal=Journal(MemoryRows("journal"), index),
        archive=Journal(MemoryRows("archive"), index),
        journey_index=index,
        shards=of(store.SHARDS),
        merchants=of(store.MERCHANTS),
        banked_merchants=of(store.BANKED_MERCHANTS),
        money=of(store.MONEY),
        rounds=of(store.ROUNDS),
        funded_intervals=of(store.FUNDED_INTERVALS),
        pipeline=of(store.PIPELINE),
        public_log=PublicLog(*(MemoryRows(f"log_{name}") for name in ("heads", "entries", "tiles", "seals"))),
        audit_log=AuditRows(MemoryRows("audit_heads"), MemoryRows("audit_log")),
        audit_roots=of(store.ROOTS),
        cosigned=CosignedCheckpoints(MemoryRows("log_cosigned")),
        alerts=AlertRows(MemoryRows("alerts")),
        alert_orders=of(store.ALERT_ORDERS),
        snapshots=SnapshotRows(*(MemoryRows(name) for name in ("books", "rounds", "months", "moments"))),
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

    async def known(self) -> dict[str, Any]:
        """All that the views tell, whatever documents and offsets it came by."""
        stores = self.stores
        money, buckets = await store.all_of(stores.money), await store.all_of(stores.funded_intervals)
        programmes = {name for part in money for name in part.applied_fen}
        return {
            "shards": {one.shard: one.programmes for one in await store.all_of(stores.shards)},
            "applied_fen": {name: applied_fen(money, name) for name in programmes},
            "rounds": by_round(await store.all_of(stores.rounds)),
            "taken": {(bucket.bucket, one) for bucket in buckets for one in bucket.taken},
            "released": {(bucket.bucket, one) for bucket in buckets for one in bucket.released},
        }
