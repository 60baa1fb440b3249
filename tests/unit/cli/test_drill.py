"""What a drill does in which order, what it reports, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pandapack.cli import drill as module
from pandapack.cli.drills.kinds import DRILLS, Drill
from pandapack.cli.drills.surfaces import Signs

REPORT = {
    "drill": "kill",
    "runbook": "docs/operations/service-killed.md",
    "seen_s": 5.5,
    "surfaces_s": {"status": 1.0, "alerts": 5.5},
    "mended_s": 7.5,
    "commands": [],
    "donations": 300,
    "received_fen": 1_491,
    "differences": [],
}


class FakeGround:
    """Notes what is done in it; the surfaces tell of a stop from when it is brought about until it is mended."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.commands = ["panda partition list"]
        self.donations, self.fen = 0, 0

    def publish_programme(self) -> None:
        self.done.append("publish")

    def give(self, count: int) -> list[Any]:
        self.donations += count
        return []

    def push(self, _rows: list[Any]) -> None:
        self.done.append("push")

    def settle(self) -> None:
        self.done.append("settle")

    def well(self) -> bool:
        return True

    def until(self, look: Callable[[], object], what: str, *, every_s: float = 0.0) -> float:
        del every_s
        assert look(), what
        self.done.append(what)
        return 0.0

    def is_standing(self) -> bool:
        return "bring" in self.done and "mend" not in self.done

    def operations_page(self) -> str:
        return '<li data-need="silent/procurement">' if self.is_standing() else ""

    def metrics(self, service: str) -> str:
        assert service == "reporting"
        return f'panda_alerts_firing{{alert="service-silent"}} {float(self.is_standing())}'

    def firing(self) -> set[str]:
        return {"service-silent"} if self.is_standing() else set()

    def differences(self) -> list[str]:
        self.done.append("count")
        return []


def drill_in(ground: FakeGround) -> Drill:
    return Drill(
        "lag-rising",
        bring=lambda _ground: ground.done.append("bring"),
        is_seen=lambda _ground, _found: ground.is_standing(),
        signs=Signs("silent/", "service-silent"),
        mend=lambda _ground, _found: ground.done.append("mend"),
    )


def test_a_stop_is_brought_about_seen_everywhere_mended_and_counted_in_this_order() -> None:
    ground = FakeGround()
    report = module.run(ground, drill_in(ground))  # type: ignore[arg-type]
    before = ["publish", "push", "settle", "all is well before it", "bring"]
    surfaces = ("status", "ops", "metrics", "alerts")
    told, ended = ([f"{one} {tells}" for one in surfaces] for tells in ("tells of it", "tells of it no more"))
    assert ground.done[:5] == before and sorted(ground.done[5:9]) == sorted(told)
    assert ground.done[9:] == ["mend", "it is over", *ended, "settle", "count"]
    assert (report["runbook"], report["commands"]) == ("docs/operations/lag-rising.md", ["panda partition list"])
    assert report["seen_s"] == max(report["surfaces_s"].values())


def test_a_stop_that_a_surface_does_not_tell_of_fails_the_drill_and_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = FakeGround()
    monkeypatch.setattr(ground, "firing", set)
    with pytest.raises(AssertionError, match="alerts tells of it"):
        module.run(ground, drill_in(ground))  # type: ignore[arg-type]
    assert ground.done[-1] == "mend"


@pytest.mark.parametrize(("differences", "status"), [([], 0), (["money_conserved is not true"], 1)])
def test_a_drill_ends_with_1_where_the_books_are_wrong(
    monkeypatch: pytest.MonkeyPatch, differences: list[str], status: int
) -> None:
    monkeypatch.setattr(module, "_rehearse", lambda *_: {**REPORT, "differences": differences})
    app = typer.Typer()
    app.command()(module.drill)
    shown = CliRunner().invoke(app, ["kill"])
    assert shown.exit_code == status
    assert "seen after 5.5 s, mended 7.5 s later" in shown.output
    assert "told by status after 1.0 s, alerts after 5.5 s" in shown.output
    assert all(one in shown.output for one in differences)
    assert json.loads(CliRunner().invoke(app, ["kill", "--json"]).stdout)["differences"] == differences


def test_an_unknown_drill_is_refused_with_those_that_there_are() -> None:
    app = typer.Typer()
    app.command()(module.drill)
    refused = CliRunner().invoke(app, ["flood"])
    assert refused.exit_code == 2
    assert all(name in refused.output for name in DRILLS)
