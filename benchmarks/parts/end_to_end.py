"""HTTP push accepted (acks=all) → counted in reporting's totals, with everything and the load on this machine."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.ground import Ground, Shown, sampled_until, say
from benchmarks.load import DataSet
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers

ASK_EVERY_S = 0.1
SETTLE_WAIT_S = 600.0
PREBUILT_MAX = 4_000_000
"""Up to so many donations (half a gigabyte) bodies are laid out before the clock starts, beyond it while it runs."""


def measure(ground: Ground, plan: Plan) -> dict[str, Any]:
    """Pushes all donations as fast as they are taken and waits until reporting shows them."""
    shown = Shown(ground)
    try:
        _load(ground, shown, DataSet(plan.warm, days=1, first=ground.loaded))
        data = DataSet(plan.donations, days=plan.days, first=ground.loaded)
        pushed_s, counted_s, again = _load(ground, shown, data)
    finally:
        shown.close()
    return {
        "http_in_per_s": round(plan.donations / pushed_s),
        "end_to_end_per_s": round(plan.donations / counted_s),
        "end_to_end": {
            "donations": plan.donations,
            "days": plan.days,
            "donations_processes": len(ground.donations),
            "pushes_again": again,
        },
    }


def load(ground: Ground, donations: int, days: int) -> DataSet:
    """Fills the ground for a part that needs donations; they are counted when this returns."""
    shown = Shown(ground)
    data = DataSet(donations, days=days, first=ground.loaded)
    try:
        _load(ground, shown, data)
    finally:
        shown.close()
    return data


def _load(ground: Ground, shown: Shown, data: DataSet) -> tuple[float, float, int]:
    """Seconds until all were accepted, seconds until all were counted, pushes that had to be repeated."""
    before = shown.donations()
    bodies = list(data.bodies()) if data.donations <= PREBUILT_MAX else data.bodies()
    say(f"pushing {data.donations:,} donations of {data.days} days")
    with Pushers(tuple(ground.donations), ground.push_key, bodies) as pushers:
        pushed_s = pushers.join()
        ground.loaded += data.donations
        goal = before + data.donations
        sampled_until(shown.donations, goal, every_s=ASK_EVERY_S, wait_s=SETTLE_WAIT_S, what="counted")
        counted_s = time.perf_counter() - pushers.began_s
    return pushed_s, counted_s, pushers.again
