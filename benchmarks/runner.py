"""Which parts run on which testbed, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import share_of
from benchmarks.load import DataSet
from benchmarks.machine import machine
from benchmarks.parts import (
    alarms,
    big,
    end_to_end,
    journey,
    kafka_streams,
    latency,
    ledger,
    poison,
    raw_limits,
    reading,
    rebuild,
    recovery,
    storage,
    trace,
)
from benchmarks.plan import Plan
from benchmarks.testbed import Testbed, log, running_testbed

ON_LOADED_SERVICES = ("end_to_end", "storage", "rebuild", "trace", "latency", "reading")
"""They need a top rate, or donations to look at, whether the first one was asked for or not."""
ON_ALL_SERVICES = (*ON_LOADED_SERVICES, "poison", "recovery", "journey")
"""They run on one stack, in this order: what the first one loads the others read."""
ON_SERVERS = ("ledger", "kafka_streams", "raw_limits")
"""They run on Kafka and MongoDB alone; the ledger and its peer read one topic."""
ALARMS = "alarms"
"""Stops what the others need: on a stack of its own."""
PARTS = (*ON_ALL_SERVICES, *ON_SERVERS, ALARMS)
BIG = "big"
"""Runs for tens of minutes, and only when it is asked for."""
FIGURES = (
    "end_to_end_per_s",
    "ledger_per_s",
    "kafka_streams_per_s",
    "http_in_per_s",
    "visible_ms_p50",
    "visible_ms_p99",
    "kafka_streams_visible_ms_p50",
    "kafka_streams_visible_ms_p99",
    "end_to_end_share",
    "http_in_share",
    "ledger_share",
    "kafka_streams_share",
    "page_ms_p99",
    "answer_ms_p99",
    "poisoned_shard_gap_ms",
    "other_shards_gap_ms",
    "bytes_per_donation",
    "rebuild_per_s",
    "trace_ms_p99",
    "journey_ms_p99",
    "recovery_s",
    "alarm_s",
    "raw_limits",
)
"""What the object always has; null where a part did not run."""


def run(wanted: Collection[str], plan: Plan, folder: Path | None = None) -> dict[str, Any]:
    """Runs the parts of these names; `folder` is where stacks keep their data.

    A part that fails is named under `errors` with its reason, and the others go on. Raises what a stack raises that
    does not start.
    """
    found: dict[str, Any] = {**dict.fromkeys(FIGURES), "errors": {}}
    parts = Parts(frozenset(wanted), plan, found)
    if BIG in wanted:
        with running_testbed(services=True, processes=plan.processes, folder=folder, with_log=plan.log) as whole:
            parts.tried(BIG, lambda: big.measure(whole, plan))
    if parts.wanted & set(ON_ALL_SERVICES):
        with running_testbed(services=True, processes=plan.processes, folder=folder, with_log=plan.log) as whole:
            parts.on_all_services(whole)
    if parts.wanted & set(ON_SERVERS):
        with running_testbed(services=False, folder=folder) as servers:
            parts.on_servers(servers)
    if ALARMS in parts.wanted:
        with running_testbed(services=True, folder=folder) as stopped:
            parts.tried(ALARMS, lambda: alarms.measure(stopped))
    found |= shares(found)
    return {**found, "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}


def shares(found: Mapping[str, Any]) -> dict[str, float | None]:
    """Each rate as a share of Kafka's own producer tool in the same run; null where one of both was not measured.

    A rate moves with the machine and who shares it; the share moves much less.
    """
    limit = (found.get("raw_limits") or {}).get("kafka_producer_per_s")
    rates = ("end_to_end", "http_in", "ledger", "kafka_streams")
    return {f"{rate}_share": share_of(found.get(f"{rate}_per_s"), limit) for rate in rates}


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that are wanted, and what they found so far."""

    wanted: frozenset[str]
    plan: Plan
    found: dict[str, Any]

    def tried(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What a part answers, kept if it is wanted; nothing where it failed."""
        try:
            answer = measure()
        except Exception as error:
            log(f"{name} failed: {error}")
            self.found["errors"][name] = f"{type(error).__name__}: {error}"
            return {}
        if name in self.wanted:
            self.found.update(answer)
        return answer

    def on_all_services(self, whole: Testbed) -> None:
        plan, top = self.plan, dict[str, Any]()
        data = DataSet(plan.donations, days=plan.days, first=plan.warm)
        if self.wanted & set(ON_LOADED_SERVICES):
            top = self.tried("end_to_end", lambda: end_to_end.measure(whole, plan))
            if not top:
                return
        others: dict[str, Callable[[], dict[str, Any]]] = {
            "storage": lambda: storage.measure(whole, plan),
            "rebuild": lambda: rebuild.measure(whole, plan),
            "trace": lambda: trace.measure(whole, plan, data),
            "latency": lambda: latency.measure(whole, plan, float(top["end_to_end_per_s"])),
            "reading": lambda: reading.measure(whole, plan, float(top["end_to_end_per_s"])),
            "poison": lambda: poison.measure(whole, plan),
            "recovery": lambda: recovery.measure(whole, plan),
            "journey": lambda: journey.measure(whole, plan),
        }
        for name, measure in others.items():
            if name in self.wanted:
                self.tried(name, measure)

    def on_servers(self, servers: Testbed) -> None:
        plan = self.plan
        if self.wanted & {"ledger", "kafka_streams"}:
            ours = self.tried("ledger", lambda: self._ledger(servers))
            if ours and "kafka_streams" in self.wanted:
                books = ledger.Books(plan.ledger, ours["ledger"]["received_fen"])
                self.tried("kafka_streams", lambda: kafka_streams.measure(servers, plan, books))
        if "kafka_streams" in self.wanted and (at := self.found.get("latency")):
            same_per_s = float(at["wanted_per_s"])
            self.tried("kafka_streams", lambda: kafka_streams.measure_latency(servers, plan, same_per_s))
        if "raw_limits" in self.wanted:
            self.tried("raw_limits", lambda: raw_limits.measure(servers, plan))

    def _ledger(self, servers: Testbed) -> dict[str, Any]:
        ledger.fill(servers, DataSet(self.plan.ledger, days=self.plan.days))
        return ledger.measure(servers, self.plan)
