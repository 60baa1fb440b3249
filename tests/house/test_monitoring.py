"""Reporting's alerts, Prometheus' rules and their tests, the runbooks and the dashboards tell of the same things.

None of it is started here. Where there is a promtool, the rules are tested by it, too.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from pandapack.runtime import telemetry
from services.reporting.domain.alerts.rules import RULES
from tests.house import rules

FOLDER = rules.ROOT / "deploy" / "prometheus"
PROMETHEUS: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
ALERTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "tests.yml").read_text())["tests"]
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in (rules.ROOT / "deploy/grafana/dashboards").iterdir()}
PORTS = {"donations": 8101, "procurement": 8102, "logistics": 8103, "reporting": 8100}
OF_OTHERS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""What Prometheus and its client tell by themselves."""
TELL_S_MAX = 15
SCRAPE_S = int(PROMETHEUS["global"]["scrape_interval"].removesuffix("s"))
_METRIC = re.compile(r"\b(panda_\w+|process_\w+|up)\b")
PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=str(Path.home() / "go" / "bin"))


def metrics() -> set[str]:
    """Every name under which `/metrics` has a sample of ours."""
    names = set[str]()
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
            names |= {family.name + suffix for suffix in suffixes}
    return names


def named_in(expression: str) -> set[str]:
    return set(_METRIC.findall(re.sub(r'"[^"]*"', '""', expression)))


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_rules_have_the_names_times_severities_words_and_runbooks_of_reportings_alerts_in_their_order() -> None:
    told = [
        (
            one["alert"],
            one["for"],
            one["labels"]["severity"],
            one["annotations"]["summary"],
            one["annotations"]["runbook"],
        )
        for one in ALERTS
    ]
    assert told == [
        (rule.name, f"{rule.for_s:.0f}s", rule.severity.value, rule.summary.en, rule.runbook_path) for rule in RULES
    ]


def test_every_rule_is_tested_silent_then_firing_then_silent_again() -> None:
    assert [one["name"] for one in TESTS] == [rule.name for rule in RULES]
    for one in TESTS:
        checks = one["alert_rule_test"]
        assert {check["alertname"] for check in checks} == {one["name"]}
        assert [bool(check["exp_alerts"]) for check in checks] == [False, True, False]


def test_a_fault_is_told_within_fifteen_seconds() -> None:
    assert PROMETHEUS["global"]["evaluation_interval"] == PROMETHEUS["global"]["scrape_interval"]
    assert all(SCRAPE_S + rule.for_s + SCRAPE_S <= TELL_S_MAX for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_alert_has_its_runbook(rule: Any) -> None:
    runbook = rules.ROOT / rule.runbook_path
    assert runbook.is_file(), f"{rule.name}: write {rule.runbook_path}"


def test_every_metric_that_rules_and_tests_name_is_one_that_services_tell() -> None:
    named = {name for one in ALERTS for name in named_in(one["expr"])}
    named |= {name for one in TESTS for series in one["input_series"] for name in named_in(series["series"])}
    assert named <= metrics() | OF_OTHERS


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_every_metric_that_a_dashboard_names_is_one_that_services_tell(name: str) -> None:
    dashboard = DASHBOARDS[name]
    named = {metric for query in queries(dashboard) for metric in named_in(query)}
    named |= {metric for one in dashboard["annotations"]["list"] for metric in named_in(one["expr"])}
    assert named and named <= metrics() | OF_OTHERS


@pytest.mark.parametrize("name", sorted(DASHBOARDS))
def test_a_dashboard_asks_the_one_prometheus_and_its_panels_do_not_overlap(name: str) -> None:
    source = yaml.safe_load((rules.ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    (provided,) = source["datasources"]
    dashboard = DASHBOARDS[name]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {provided["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    taken = set[tuple[int, int]]()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


def test_dashboards_are_told_apart_and_grafana_reads_them_from_where_compose_puts_them() -> None:
    assert set(DASHBOARDS) == {"pipeline", "services", "programme"}
    assert len({one["uid"] for one in DASHBOARDS.values()}) == len(DASHBOARDS)
    provider = yaml.safe_load((rules.ROOT / "deploy/grafana/provisioning/dashboards/panda-pack.yml").read_text())
    compose = yaml.safe_load((rules.ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    path = provider["providers"][0]["options"]["path"]
    assert f"./deploy/grafana/dashboards:{path}:ro" in compose["volumes"]
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in compose["volumes"]


def test_prometheus_asks_every_instance_of_each_service() -> None:
    job, readers = PROMETHEUS["scrape_configs"]
    assert {one["names"][0]: one["port"] for one in job["dns_sd_configs"]} == PORTS
    assert readers["dns_sd_configs"][0]["names"] == ["reporting-readers"]
    assert all(one["type"] == "A" for one in (*job["dns_sd_configs"], *readers["dns_sd_configs"]))


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool: go install its command of Prometheus' module")
@pytest.mark.parametrize("command", [["test", "rules", "tests.yml"], ["check", "config", "prometheus.yml"]])
def test_promtool_finds_the_rules_right(command: list[str]) -> None:
    done = subprocess.run(
        [str(PROMTOOL), *command], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
