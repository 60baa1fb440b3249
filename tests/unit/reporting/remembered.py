"""Snapshots of a log that lies in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.tree import append
from pandapack.runtime.documents import MemoryRows
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows
from services.reporting.work.snapshots import Snapshots


async def snapshots_of(entries: Sequence[bytes]) -> Snapshots:
    """Of these entries, all of them folded."""
    kept = PublicLog(*(MemoryRows(name) for name in ("heads", "entries", "tiles", "seals")))
    head = await kept.head()
    await kept.keep(0, entries, {})
    assert await kept.move(replace(head, edge=append(head.edge, [leaf_hash(entry) for entry in entries]).edge))
    found = Snapshots(kept, SnapshotRows(*(MemoryRows(name) for name in ("books", "rounds", "months", "moments"))))
    while await found.follow():
        pass
    return found
