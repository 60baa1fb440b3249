"""Alarms: how long until each surface tells of a service that is gone, one that is held, Kafka held, an outbox waiting.

Stops and looks are those of `panda drill`, one after the other on a stack of their own; after each one the books
must be right, or the run fails.
"""

from __future__ import annotations

from typing import Any

from benchmarks.testbed import Testbed, log
from pandapack.cli.drill import run
from pandapack.cli.drills.ground import Ground
from pandapack.cli.drills.kinds import DRILLS

STOPS = ("kill", "stall", "kafka", "outbox")


def measure(testbed: Testbed) -> dict[str, Any]:
    """Seconds from each stop until the terminal, the operations page, the metrics and an alert told of it.

    Raises RuntimeError where the books are wrong after one.
    """
    ground, told = Ground(testbed.stack), dict[str, dict[str, float]]()
    for stop in STOPS:
        report = run(ground, DRILLS[stop])
        if report["differences"]:
            raise RuntimeError(f"after {stop}: {report['differences']}")
        told[stop] = report["surfaces_s"]
        log(f"alarms: {stop} {told[stop]}")
    return {"alarm_s": max(after_s for surfaces in told.values() for after_s in surfaces.values()), "alarms": told}
