"""Accepted → visible in reporting's totals, at half of the top rate."""

from __future__ import annotations

import threading
import time
from typing import Any

from benchmarks.figures import percentile, visible_after_s
from benchmarks.load import DataSet
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers
from benchmarks.testbed import Testbed, TotalsReader, log

LINES_A_PUSH = 1_000
"""Smaller pushes than for the top rate: a platform that wants its donations seen soon sends them soon."""
CONNECTIONS = 24
"""So many that their waiting for answers does not hold the rate."""
ASK_EVERY_S = 0.01
VISIBLE_WAIT_S = 60.0
MS = 1000.0


def measure(testbed: Testbed, plan: Plan, top_per_s: float) -> dict[str, Any]:
    """p50 and p99 over all pushes of `plan.latency_s` seconds."""
    per_s = top_per_s / 2
    data = DataSet(int(per_s * plan.latency_s), days=1, first=testbed.loaded)
    log(f"pushing {per_s:,.0f} donations a second for {plan.latency_s:.0f} s")
    watch = Watch(testbed)
    addresses, bodies = tuple(testbed.donations), data.bodies(LINES_A_PUSH)
    with watch, Pushers(addresses, testbed.push_key, bodies, connections=CONNECTIONS, per_s=per_s) as pushers:
        took_s = pushers.join()
        testbed.loaded += data.donations
        watch.until(watch.before + data.donations)
    shown = [(moment, count - watch.before) for moment, count in watch.samples]
    waits_ms = [wait_s * MS for wait_s in visible_after_s(pushers.accepted, shown)]
    return {
        "visible_ms_p50": round(percentile(waits_ms, 50), 1),
        "visible_ms_p99": round(percentile(waits_ms, 99), 1),
        "latency": {
            "wanted_per_s": round(per_s),
            "pushed_per_s": round(data.donations / took_s),
            "pushes": len(waits_ms),
            "visible_ms_max": round(max(waits_ms), 1),
        },
    }


class Watch:
    """Asks for the totals again and again, in a thread, as a page does that shows them live."""

    def __init__(self, testbed: Testbed) -> None:
        self._totals = TotalsReader(testbed)
        self.before = self._totals.donations()
        self.samples: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._totals.close()

    def until(self, goal: int) -> float:
        """The moment at which so many donations were shown. Raises TimeoutError."""
        until_s = time.perf_counter() + VISIBLE_WAIT_S
        while time.perf_counter() < until_s:
            reached = next((moment for moment, count in self.samples if count >= goal), None)
            if reached is not None:
                return reached
            time.sleep(ASK_EVERY_S)
        raise TimeoutError(f"{goal:,} donations were not shown within {VISIBLE_WAIT_S:.0f} s")

    def _ask(self) -> None:
        while not self._stop.wait(ASK_EVERY_S):
            count = self._totals.donations()
            self.samples.append((time.perf_counter(), count))
