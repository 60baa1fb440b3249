"""`panda alerts` shows what fires and what mends it, tells the truth by its status, and sends what people say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from pandapack.cli import alerts
from pandapack.cli.site import Site

AT = "2026-11-27T03:00:06+00:00"
WORD = {"by": "Mei (1f2e3d4c)", "at": AT, "reason": "looking"}
SILENCE = {"id": "0123456789ab", "alert": "*", "subject": "", "until": AT, **WORD}
FIRING = {
    "name": "law-broken",
    "state": "firing",
    "severity": "page",
    "what": {"en": "A conservation law does not hold.", "zh": ""},
    "subjects": ["money: 5"],
    "since": AT,
    "acknowledged": WORD,
    "silence": None,
    "runbook": "docs/operations/law-broken.md",
}
WELL = FIRING | {"name": "freshness", "state": "inactive", "subjects": [], "since": None, "acknowledged": None}


class FakeSite:
    """Answers, and remembers what was asked."""

    def __init__(self, *items: dict[str, Any], firing: int = 0) -> None:
        self.alerts = {"items": list(items), "firing": firing, "evaluated_at": AT}
        self.asked: list[tuple[str, str, Any]] = []

    def request(self, _service: str, role: str, method: str, path: str, **options: Any) -> Any:
        assert role == "operator" and (method == "GET") == (options["idempotency_key"] is None)
        self.asked.append((method, path, options["body"]))
        if path == "/v1/alerts":
            return self.alerts
        if path == "/v1/alerts/history":
            return {"items": [FIRING | {"name": "overdue", "fired_at": AT, "resolved_at": None}]}
        return {"items": [SILENCE]} if method == "GET" else SILENCE


def run(monkeypatch: pytest.MonkeyPatch, site: FakeSite, *arguments: str, status: int = 0) -> str:
    monkeypatch.setattr(Site, "here", lambda: site)
    done = CliRunner().invoke(alerts.app, arguments)
    assert done.exit_code == status, done.output
    return done.output


def test_what_fires_is_listed_with_its_runbook_and_whoever_has_seen_it_and_the_status_is_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = FakeSite(FIRING, WELL, firing=1)
    for arguments in ((), ("list",)):
        text = run(monkeypatch, site, *arguments, status=1)
        assert "FIRING  law-broken (page)" in text and "money: 5" in text
        assert "seen by Mei (1f2e3d4c)" in text and "mend it: docs/operations/law-broken.md" in text
        assert "freshness" not in text
    assert "INACTIVE  freshness" in run(monkeypatch, site, "list", "--all", status=1)
    assert json.loads(run(monkeypatch, site, "list", "--json", status=1)) == site.alerts


def test_where_nothing_fires_that_is_said_and_the_status_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, FakeSite(WELL)) == f"no alert fires, as of {AT}\n"
    silenced = FIRING | {"silence": SILENCE}
    assert "silent: 0123456789ab for * until" in run(monkeypatch, FakeSite(silenced))


def test_the_history_says_which_alerts_still_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{AT}  overdue  until now: it still fires" in run(monkeypatch, FakeSite(), "history")


def test_what_people_say_is_sent_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    site = FakeSite()
    run(monkeypatch, site, "ack", "law-broken", "--reason", "looking")
    text = run(
        monkeypatch, site, "silence", "overdue", "--for", "4h", "--reason", "Spring Festival", "--subject", "R-1"
    )
    assert "unsilence 0123456789ab" in text
    assert "0123456789ab for *" in run(monkeypatch, site, "unsilence")
    run(monkeypatch, site, "unsilence", "0123456789ab")
    silence = {"alert": "overdue", "subject": "R-1", "minutes": 240, "reason": "Spring Festival"}
    assert site.asked == [
        ("POST", "/v1/alerts/law-broken/acknowledgements", {"reason": "looking"}),
        ("POST", "/v1/silences", silence),
        ("GET", "/v1/silences", None),
        ("DELETE", "/v1/silences/0123456789ab", None),
    ]


@pytest.mark.parametrize("text", ["", "4", "h", "0m", "4w", "-1h"])
def test_what_is_no_time_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    site = FakeSite()
    run(monkeypatch, site, "silence", "--for", text, "--reason", "x", status=2)
    assert site.asked == []
