"""Every total from nothing: what `panda audit` counts again from pages and journal."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.plan import Plan
from benchmarks.testbed import Testbed
from pandapack.cli.recount import Recount
from pandapack.cli.recount_journal import recount_journal
from pandapack.cli.recount_pages import recount_pages


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """`rebuild_per_s` counts totals, intervals and repeats; `with_seals_per_s` hashes every row for the chain, too."""
    del plan
    with testbed.database("donations") as donations, testbed.database("reporting") as reporting:
        count, rebuild_s = Recount(), time.perf_counter()
        recount_pages(donations, count, seals=False)
        recount_journal(reporting, count)
        rebuild_s = time.perf_counter() - rebuild_s
        sealed, sealed_s = Recount(), time.perf_counter()
        recount_pages(donations, sealed, seals=True)
        sealed_s = time.perf_counter() - sealed_s
    return {
        "rebuild_per_s": round(count.donations / rebuild_s),
        "rebuild": {
            "donations": count.donations,
            "events": count.events,
            "with_seals_per_s": round(sealed.donations / sealed_s),
            "differences": [*count.differences, *sealed.differences],
        },
    }
