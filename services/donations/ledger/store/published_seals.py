"""How far each shard's seals are published: a document a shard, whose events are the seals."""

from __future__ import annotations

from pandapack.contracts.donations import seals_source
from pandapack.runtime.store import Kind
from services.donations.ledger.domain.published_seals import PublishedSeals

PUBLISHED_SEALS: Kind[PublishedSeals] = Kind(
    "published_seals", PublishedSeals, lambda _: PublishedSeals(), lambda id: seals_source(int(id))
)
