"""A hundred million donations: does the rate hold, does memory stay bounded, is one donation still found at once?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import rates_by_step
from benchmarks.load import DataSet
from benchmarks.parts import storage, trace
from benchmarks.plan import Plan
from benchmarks.pusher import Pushers
from benchmarks.testbed import Testbed, TotalsReader, log

ASK_EVERY_S = 0.25
LOG_EVERY_S = 10.0
STALLED_S_MAX = 300.0
MIB = 2**20


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """Rate of each ten million, peak memory of each process, disk, and lookups at the end."""
    data = DataSet(plan.big, days=plan.days, first=testbed.loaded)
    totals, memory = TotalsReader(testbed), PeakMemory(testbed)
    try:
        with Pushers(tuple(testbed.donations), testbed.push_key, data.bodies()) as pushers:
            samples = _watched(totals, memory, data.donations)
            pushed_s = pushers.join()
    finally:
        totals.close()
    testbed.loaded += data.donations
    rates = rates_by_step(samples, plan.big_step)
    found = {
        "donations": data.donations,
        "days": data.days,
        "donations_processes": len(testbed.donations),
        "per_s": round(data.donations / (samples[-1][0] - samples[0][0])),
        "http_in_per_s": round(data.donations / pushed_s),
        "per_s_by_step": rates,
        "step": plan.big_step,
        "memory_mib_max": memory.peaks_mib(),
        "disk_bytes": {name: _bytes_under(testbed.folder / ".panda" / name) for name in ("kafka", "mongod")},
        **storage.measure(testbed, plan),
        **_traced(testbed, plan, data),
    }
    if rates:
        found["last_step_of_first"] = round(rates[-1] / rates[0], 3)
    return {"big": found}


def _traced(testbed: Testbed, plan: Plan, data: DataSet) -> dict[str, Any]:
    """What ran for an hour is reported, even where a lookup at its end fails."""
    try:
        return trace.measure(testbed, plan, data)
    except (RuntimeError, OSError) as error:
        log(f"trace failed: {error}")
        return {"trace_ms_p99": None, "trace": {"trace_ms_p50": None, "error": str(error)}}


def _watched(totals: TotalsReader, memory: PeakMemory, goal: int) -> list[tuple[float, int]]:
    began = totals.donations()
    samples = [(time.perf_counter(), 0)]
    logged_s = moved_s = samples[0][0]
    while samples[-1][1] < goal:
        time.sleep(ASK_EVERY_S)
        now_s, count = time.perf_counter(), totals.donations() - began
        moved_s = now_s if count > samples[-1][1] else moved_s
        samples.append((now_s, count))
        memory.look()
        if now_s - moved_s > STALLED_S_MAX:
            raise TimeoutError(f"{count:,} of {goal:,} were counted, and none since {STALLED_S_MAX:.0f} s")
        if now_s - logged_s > LOG_EVERY_S:
            logged_s = now_s
            rate = count / (now_s - samples[0][0])
            log(f"  {count:,} of {goal:,}, {rate:,.0f} a second; MiB: {memory.now_mib()}")
    return samples


class PeakMemory:
    """Resident memory of each process of the stack, now and at its highest; a process started anew counts on."""

    def __init__(self, testbed: Testbed) -> None:
        self._testbed = testbed
        self._now: dict[str, int] = {}
        self._peak: dict[str, int] = {}

    def look(self) -> None:
        """Reads all of them."""
        for name, pid in self._testbed.processes():
            status = status_of(pid)
            self._now[name] = status.get("VmRSS", 0)
            self._peak[name] = max(self._peak.get(name, 0), status.get("VmHWM", 0))

    def now_mib(self) -> Mapping[str, int]:
        return {name: size // MIB for name, size in self._now.items()}

    def peaks_mib(self) -> Mapping[str, int]:
        self.look()
        return {name: size // MIB for name, size in self._peak.items()}


def status_of(pid: int) -> dict[str, int]:
    """Sizes in bytes that the kernel tells of a process; empty where there is none."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    sizes = {}
    for line in lines:
        name, _, value = line.partition(":")
        number, _, unit = value.strip().partition(" ")
        if unit == "kB":
            sizes[name] = int(number) * 1024
    return sizes


def _bytes_under(folder: Path) -> int:
    """Blocks on disk, not lengths: logs are laid out beforehand."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
