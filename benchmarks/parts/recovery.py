"""kill -9 of the donations service under load: seconds until counting resumes."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from benchmarks.load import DataSet
from benchmarks.parts.latency import Watch
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers
from benchmarks.testbed import Testbed, log

KILL_AFTER_S = 1.0
LINES_A_PUSH = 500
SECONDS_MAX = 120.0
RESUME_S = 1.0


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """Counting has resumed when totals show more than all that had been sent before the kill.

    Afterwards all that was accepted must be counted, and nothing twice: raises RuntimeError otherwise.
    """
    data = DataSet(int(plan.recovery_per_s * SECONDS_MAX), days=1, first=testbed.loaded)
    pid = testbed.stack.supervisor.pid("donations")
    assert pid is not None, "the donations service runs"
    bodies = data.bodies(LINES_A_PUSH)
    watch = Watch(testbed)
    with watch, Pushers((testbed.donations[0],), testbed.push_key, bodies, per_s=plan.recovery_per_s) as pushers:
        time.sleep(KILL_AFTER_S)
        sent, killed_s = pushers.drawn, time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        log(f"killed the donations service (pid {pid})")
        recovered_s = watch.until(watch.before + sent + 1)
        time.sleep(RESUME_S)
        pushers.stop()
        pushers.join()
        testbed.loaded += pushers.drawn
        watch.until(watch.before + pushers.donations())
        time.sleep(RESUME_S)  # what would be counted twice had time to show
    counted = watch.samples[-1][1] - watch.before
    if not counted == pushers.donations() == pushers.drawn:
        raise RuntimeError(f"{pushers.drawn} donations were sent, {pushers.donations()} accepted, {counted} counted")
    return {
        "recovery_s": round(recovered_s - killed_s, 2),
        "recovery": {"per_s": plan.recovery_per_s, "pushes_again": pushers.again, "lost_or_doubled": 0},
    }
