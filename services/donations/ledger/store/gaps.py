"""Shards' gaps ⇄ MongoDB: one document a shard, changed like any other."""

from __future__ import annotations

from pandapack.contracts.donations import shard_source
from pandapack.runtime.store import Kind
from services.donations.ledger.domain.gaps import ShardGaps

SHARD_GAPS: Kind[ShardGaps] = Kind(
    "shard_gaps",
    ShardGaps,
    lambda id: ShardGaps(shard=int(id)),
    lambda id: shard_source(int(id)),
    tells_acts=False,  # a shard's events are its pages'; who lets it resume is noted beside them
)
