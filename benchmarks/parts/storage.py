"""Bytes on disk a donation: pages and seals with their indexes, after a checkpoint."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.plan import Plan
from benchmarks.testbed import Collections, Testbed, log

OF_DONATIONS = ("pages", "seals")
SEAL_WAIT_S = 60.0
SEAL_ASK_EVERY_S = 0.5


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """What the donations lie on. Beside it the other collections, which do not grow with donations but with pushes."""
    del plan
    with testbed.database("donations") as donations:
        _await_seals(donations)
        donations.client.admin.command("fsync")  # a checkpoint: until then pages lie in the cache only
        counted = sum(int(row["count"]) for row in donations.pages.find({}, {"count": 1, "_id": 0}))
        sizes = {name: _bytes_of(donations, name) for name in sorted(donations.list_collection_names())}
        pages = donations.pages.estimated_document_count()
    size = sum(sizes.get(name, 0) for name in OF_DONATIONS)
    return {
        "bytes_per_donation": round(size / counted, 2),
        "storage": {"donations": counted, "pages": pages, "bytes": sizes},
    }


def _await_seals(donations: Collections) -> None:
    """Sealing runs behind the hot path by some seconds."""
    until_s = time.perf_counter() + SEAL_WAIT_S
    while (missing := donations.pages.count_documents({"closed": True}) - donations.seals.count_documents({})) > 0:
        if time.perf_counter() > until_s:
            log(f"  {missing} closed pages are not sealed after {SEAL_WAIT_S:.0f} s")
            return
        time.sleep(SEAL_ASK_EVERY_S)


def _bytes_of(donations: Collections, name: str) -> int:
    stats = donations.command("collStats", name)
    return int(stats["storageSize"]) + int(stats["totalIndexSize"])
