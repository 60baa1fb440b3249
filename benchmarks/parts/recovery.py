"""kill -9 of the donations service under load: seconds until counting goes on."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from benchmarks.ground import Ground, say
from benchmarks.load import DataSet
from benchmarks.parts.latency import Watch
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers

KILL_AFTER_S = 1.0
LINES_A_PUSH = 500
SECONDS_MAX = 120.0
GO_ON_S = 1.0


def measure(ground: Ground, plan: Plan) -> dict[str, Any]:
    """Counting goes on when totals show more than all that had been sent before the kill.

    Afterwards all that was accepted must be counted, and nothing twice: raises RuntimeError otherwise.
    """
    data = DataSet(int(plan.recovery_per_s * SECONDS_MAX), days=1, first=ground.loaded)
    pid = ground.stack.supervisor.pid("donations")
    assert pid is not None, "the donations service runs"
    bodies = data.bodies(LINES_A_PUSH)
    watch = Watch(ground)
    with watch, Pushers((ground.donations[0],), ground.push_key, bodies, per_s=plan.recovery_per_s) as pushers:
        time.sleep(KILL_AFTER_S)
        sent, killed_s = pushers.drawn, time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        say(f"killed the donations service (pid {pid})")
        recovered_s = watch.until(watch.before + sent + 1)
        time.sleep(GO_ON_S)
        pushers.stop()
        pushers.join()
        ground.loaded += pushers.drawn
        watch.until(watch.before + pushers.donations())
        time.sleep(GO_ON_S)  # what would be counted twice had time to show
    counted = watch.samples[-1][1] - watch.before
    if not counted == pushers.donations() == pushers.drawn:
        raise RuntimeError(f"{pushers.drawn} donations were sent, {pushers.donations()} accepted, {counted} counted")
    return {
        "recovery_s": round(recovered_s - killed_s, 2),
        "recovery": {"per_s": plan.recovery_per_s, "pushes_again": pushers.again, "lost_or_doubled": 0},
    }
