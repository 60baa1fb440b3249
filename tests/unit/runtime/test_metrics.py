"""The metrics keep to convention, have labels of few values, and each has its line in docs/operations/metrics.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import prometheus_client
import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from pandapack.runtime import telemetry
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.http import METHODS, OTHER, Problem, RequestMarks, problem_response
from pandapack.runtime.partitions import PartitionStop, PartitionStops
from tests.trusted import stop_notes

METRICS = [one for one in vars(telemetry).values() if isinstance(one, MetricWrapperBase)]
DOCUMENT = Path(__file__).parents[3] / "docs" / "operations" / "metrics.md"
UNITS = ("_seconds", "_records", "_events", "_size")
LABELS = {
    "alert": "rules of this program",
    "cause": "what a dead letter or an unbelieved record is for: codes of this program",
    "code": "codes in problems.json, and of the validator",
    "group": "consumer groups of this program",
    "kind": "of what waits for a person: named in this program",
    "law": "three",
    "loop": "named in this program",
    "method": "seven, and `other`",
    "outcome": "named in this program",
    "partition": "a topic's",
    "route": "routes of this program, and `unrouted`",
    "status": "of HTTP",
    "topic": "topics of this program",
    "witness": "in the settings",
}
"""Why each label has few values: none is what somebody outside may name."""


def name_of(metric: MetricWrapperBase) -> str:
    """As it is shown: a counter's ends in `_total`."""
    return metric._name + ("_total" if isinstance(metric, Counter) else "")


EVERY = [pytest.param(metric, id=name_of(metric)) for metric in METRICS]


@pytest.mark.parametrize("metric", EVERY)
def test_a_name_is_lower_case_in_base_units_and_only_a_counter_ends_in_total(metric: MetricWrapperBase) -> None:
    name = name_of(metric)
    assert re.fullmatch(r"panda(_[a-z]+)+", name)
    assert name.endswith("_total") is isinstance(metric, Counter)
    assert not re.search(r"_(ms|millis\w*|minutes|hours|s|kb|mb|kib|mib|percent|info|count|sum|bucket)(_|$)", name)
    if isinstance(metric, Histogram):
        assert name.endswith(UNITS)
    assert metric._documentation and not metric._documentation.endswith(".")


@pytest.mark.parametrize("metric", EVERY)
def test_the_values_of_every_label_are_few_and_are_not_what_who_asks_names(metric: MetricWrapperBase) -> None:
    assert set(metric._labelnames) <= LABELS.keys()


@pytest.mark.parametrize("metric", EVERY)
def test_every_metric_has_its_line_in_the_handbook(metric: MetricWrapperBase) -> None:
    kind = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}[type(metric)]
    labels = ", ".join(f"`{name}`" for name in metric._labelnames) or "none"
    assert f"| `{name_of(metric)}` | {kind} | {labels} |" in DOCUMENT.read_text()


def test_the_handbook_has_no_line_of_a_metric_that_is_not_there() -> None:
    listed = re.findall(r"^\| `(panda_[a-z_]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(map(name_of, METRICS))


def test_what_a_stranger_names_makes_no_new_time_series() -> None:
    assert {OTHER, *METHODS} >= {"GET", "other"}

    class Request:
        method = "GET"
        scope: ClassVar[dict[str, str]] = {"request_id": "1", "method": "GET", "path": "/v1/totals"}

    before = telemetry.REFUSALS.labels(OTHER)._value.get()
    problem_response(Problem(400, "made_up_by_nobody", "it is not described"), Request())  # type: ignore[arg-type]
    assert telemetry.REFUSALS.labels(OTHER)._value.get() == before + 1


async def test_a_method_that_is_none_is_counted_as_other() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        """Answers nothing."""

    marks = RequestMarks(app, SeededChance(1))
    scope = {"type": "http", "method": "BREW", "headers": []}

    async def nothing(*_: object) -> dict[str, object]:
        return {}

    await marks(scope, nothing, nothing)  # type: ignore[arg-type]
    labels = {next(iter(sample.labels.values())) for sample in next(iter(telemetry.HTTP_SECONDS.collect())).samples}
    assert "BREW" not in labels and OTHER in labels


def test_the_stopped_partitions_of_one_subscription_do_not_hide_anothers() -> None:
    one, other = PartitionStops("panda.one", stop_notes()), PartitionStops("panda.other", stop_notes())
    one.by_partition[TopicPartition("t", 0)] = PartitionStop(datetime(2026, 11, 26, tzinfo=UTC), 0)
    one._gauge()
    other._gauge()
    value = telemetry.PARTITIONS_STOPPED.labels
    assert (value("panda.one")._value.get(), value("panda.other")._value.get()) == (1, 0)
    one.revoke([TopicPartition("t", 0)])
    assert value("panda.one")._value.get() == 0


def promtool() -> str | None:
    """Where Prometheus's own checker is: on the path, or where Go puts what it makes."""
    home = Path(os.environ.get("GOBIN") or Path.home() / "go" / "bin")
    return shutil.which("promtool") or shutil.which("promtool", path=str(home))


def test_prometheus_itself_finds_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    program = promtool()
    if program is None:
        pytest.skip("there is no promtool here: `go install` of prometheus/cmd/promtool makes one")
    registry = CollectorRegistry()
    for metric in METRICS:
        registry.register(metric)
    shown = prometheus_client.generate_latest(registry)
    found = subprocess.run([program, "check", "metrics"], input=shown, capture_output=True, timeout=60, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, b"")
