"""One donation's trace: `GET /v1/trace` over random donations that are known to be counted."""

from __future__ import annotations

import random
import time
from typing import Any

from benchmarks.figures import percentile
from benchmarks.load import SEED, DataSet
from benchmarks.plan import Plan
from benchmarks.pusher import Connection
from benchmarks.testbed import Testbed
from pandapack.local.layout import PLATFORM

MS = 1000.0


def measure(testbed: Testbed, plan: Plan, data: DataSet) -> dict[str, Any]:
    """p50 and p99 of one reader who asks for one after the other. Raises RuntimeError where one is not found."""
    drawn = random.Random(SEED)
    connection = Connection(testbed.stack.addresses["reporting"], testbed.staff_key)
    took_ms: list[float] = []
    try:
        for _ in range(plan.traces):
            donation = data.donation(drawn.randrange(data.donations))
            path = f"/v1/trace/{PLATFORM}/{donation.merchant}/{donation.id}?day={donation.day}"
            began_s = time.perf_counter()
            answer = connection.get(path)
            took_ms.append((time.perf_counter() - began_s) * MS)
            if answer.status != 200 or answer.json()["donation"]["amount_fen"] != donation.amount_fen:
                raise RuntimeError(f"{path} answered {answer.status}: {answer.body[:500]!r}")
    finally:
        connection.close()
    return {
        "trace_ms_p99": round(percentile(took_ms, 99), 1),
        "trace": {"traces": len(took_ms), "of": data.donations, "trace_ms_p50": round(percentile(took_ms, 50), 1)},
    }
