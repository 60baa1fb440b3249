"""HTTP push accepted (acks=all) → counted in reporting's totals, with everything and the load on this machine."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.load import DataSet
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers
from benchmarks.testbed import Testbed, TotalsReader, log, sampled_until

ASK_EVERY_S = 0.1
SETTLE_WAIT_S = 600.0
PREBUILT_MAX = 4_000_000
"""Up to so many donations (half a gigabyte) bodies are laid out before the clock starts, beyond it while it runs."""


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """Pushes all donations as fast as they are accepted and waits until reporting shows them."""
    totals = TotalsReader(testbed)
    try:
        _load(testbed, totals, DataSet(plan.warm, days=1, first=testbed.loaded))
        data = DataSet(plan.donations, days=plan.days, first=testbed.loaded)
        pushed_s, counted_s, again = _load(testbed, totals, data)
    finally:
        totals.close()
    return {
        "http_in_per_s": round(plan.donations / pushed_s),
        "end_to_end_per_s": round(plan.donations / counted_s),
        "end_to_end": {
            "donations": plan.donations,
            "days": plan.days,
            "donations_processes": len(testbed.donations),
            "pushes_again": again,
        },
    }


def load(testbed: Testbed, donations: int, days: int) -> DataSet:
    """Fills the testbed for a part that needs donations; they are counted when this returns."""
    totals = TotalsReader(testbed)
    data = DataSet(donations, days=days, first=testbed.loaded)
    try:
        _load(testbed, totals, data)
    finally:
        totals.close()
    return data


def _load(testbed: Testbed, totals: TotalsReader, data: DataSet) -> tuple[float, float, int]:
    """Seconds until all were accepted, seconds until all were counted, pushes that had to be repeated."""
    before = totals.donations()
    bodies = list(data.bodies()) if data.donations <= PREBUILT_MAX else data.bodies()
    log(f"pushing {data.donations:,} donations of {data.days} days")
    with Pushers(tuple(testbed.donations), testbed.push_key, bodies) as pushers:
        pushed_s = pushers.join()
        testbed.loaded += data.donations
        goal = before + data.donations
        sampled_until(totals.donations, goal, every_s=ASK_EVERY_S, wait_s=SETTLE_WAIT_S, what="counted")
        counted_s = time.perf_counter() - pushers.began_s
    return pushed_s, counted_s, pushers.again
