"""What `panda ops` says of an installation, and how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from pandapack.cli import ops
from pandapack.cli.main import COMMANDS
from pandapack.cli.site import Site

SINCE = "2026-11-26T11:01:28+00:00"
READY = {
    "service": "donations",
    "answers": True,
    "silent_since": None,
    "ready": True,
    "lag_records": 0,
    "waiting_s": 0.0,
    "outbox_age_s": None,
    "stopped": [],
    "stalled": [],
}
HOP = {
    "from": "donations",
    "to": "reporting",
    "group": "panda.reporting",
    "topic": "donations.events",
    "lag_records": None,
    "lag_s": None,
    "records_per_s": 3.5,
}
NEED = {
    "id": "a",
    "kind": "poisoned-document",
    "service": "reporting",
    "since": SINCE,
    "what": {"en": "a partition stands still", "zh": "有分区停下"},
    "costs": {"fen": 1_200, "parcels": 0, "pupils": None},
    "command": "panda partition list",
    "act": None,
    "runbook": "docs/operations/poisoned-document.md",
}
LAW = {"name": "money", "unit": "fen", "holds": True, "difference": 0}
LAWS = {"money_conserved": True, "items_conserved": True, "parcels_conserved": True, "laws": [LAW]}
ALERT = {"name": "lag-rising", "state": "firing", "since": SINCE, "silence": None, "runbook": "docs/operations/x.md"}
WELL: dict[str, Any] = {
    "pipeline": {"services": [READY], "hops": [HOP], "business_lag": {"p50_s": None}},
    "needs": {"items": [], "unknown": []},
    "alerts": {"items": [{**ALERT, "state": "resolved"}, {**ALERT, "silence": {"reason": "known"}}]},
    "laws": LAWS,
}
WRONG = [
    {"pipeline": {"services": [{**READY, "answers": False, "ready": None, "silent_since": SINCE}]}},
    {"pipeline": {"services": [{**READY, "stopped": [{"topic": "a.events", "partition": 1}]}]}},
    {"pipeline": None},
    {"needs": {"items": [NEED], "unknown": []}},
    {"needs": {"items": [], "unknown": ["logistics"]}},
    {"alerts": {"items": [ALERT]}},
    {"laws": {**LAWS, "money_conserved": False}},
]


def answered(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(Site, "here", lambda: None)
    monkeypatch.setattr(ops, "_read", lambda _site: found)
    (entry,) = [one for one in COMMANDS if one.name == "ops"]
    app = ops.typer.Typer()
    app.command()(ops.ops)
    assert entry.target == "ops:ops"
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


def test_what_is_well_is_said_part_by_part_and_what_is_unknown_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = answered(monkeypatch, WELL)
    assert status == 0
    for part in ("donations", "unknown", "nothing needs a person", "no alert fires", "the law of money holds"):
        assert part in text


@pytest.mark.parametrize("wrong", WRONG, ids=[next(iter(one)) + str(number) for number, one in enumerate(WRONG)])
def test_whatever_is_wrong_ends_it_with_1(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]) -> None:
    status, text = answered(monkeypatch, {**WELL, **wrong}, "--json")
    assert status == 1
    assert json.loads(text)["is_well"] is False


def test_what_needs_a_person_is_told_with_its_price_command_and_runbook(monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = answered(monkeypatch, {**WELL, "needs": {"items": [NEED], "unknown": []}})
    for part in (
        "a partition stands still",
        "1,200 fen",
        "panda partition list",
        "docs/operations/poisoned-document.md",
    ):
        assert part in text
    assert "pupils" not in text


def test_a_part_that_an_installation_does_not_have_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = answered(monkeypatch, {**WELL, "needs": None, "alerts": None})
    assert status == 0
    assert "what needs a person: unknown here" in text and "alerts: unknown here" in text
