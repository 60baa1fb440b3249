"""`panda pushes` shows what was refused and why, and what was not counted by its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from pandapack.cli import pushes
from pandapack.cli.site import Site

TAKEN = {
    "request_id": "req_1",
    "push_id": "psh_1",
    "at": "2021-11-11T04:00:00+00:00",
    "status": 202,
    "code": None,
    "detail": None,
    "accepted": 3,
    "rejected": 0,
    "test": False,
    "state": "judged",
    "signed": None,
}
REFUSED = TAKEN | {
    "push_id": None,
    "status": 401,
    "code": "signature_wrong",
    "detail": "no signature is right",
    "accepted": 0,
    "rejected": None,
    "state": "refused",
    "signed": {"content_begins": "m.1."},
}
FIRST = {"amount_fen": 5, "programme": "p", "page": "0001/3", "row": 8, "at": "2021-11-11T03:00:00+00:00"}
FINDING = {"index": 2, "kind": "conflict", "merchant": "M1", "id": "7", "day": "2021-11-11", "amount_fen": 9}
SHOWN = TAKEN | {
    "failures_more": 0,
    "failures": [],
    "counted": 2,
    **dict.fromkeys(("duplicates", "refused", "parked"), 0),
    "conflicts": 1,
    "findings": [FINDING | {"first": FIRST, "left_fen": None}],
    "findings_truncated": False,
}


class FakeSite:
    """Answers, and remembers what was asked by whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    def request(self, _service: str, role: str, _method: str, path: str, *, params: Mapping[str, str]) -> Any:
        self.asked.append((role, path, params))
        return {"items": [TAKEN, REFUSED], "next": "more"} if path == "/v1/pushes" else SHOWN


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> FakeSite:
    fake = FakeSite()
    monkeypatch.setattr(Site, "here", lambda: fake)
    return fake


def output_of(*arguments: str) -> str:
    done = CliRunner().invoke(pushes.app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_list_says_why_a_push_was_refused_and_what_was_signed(site: FakeSite) -> None:
    text = output_of("list", "--last", "2")
    assert "psh_1" in text
    assert "signature_wrong: no signature is right" in text
    assert "signed: content_begins m.1." in text
    output_of("list", "--platform", "tb")
    assert site.asked == [
        ("platform", "/v1/pushes", {"limit": "2"}),
        ("operator", "/v1/pushes", {"limit": "20", "platform": "tb"}),
    ]


def test_one_push_is_shown_with_the_line_and_both_amounts_of_what_was_not_counted(site: FakeSite) -> None:
    text = output_of("show", "psh_1", "--wait", "5s")
    assert "judged: accepted 3, rejected 0, counted 2" in text
    assert "line 2: conflict M1 7 of 2021-11-11, 9 fen; first: 5 fen for p" in text
    assert site.asked == [("platform", "/v1/pushes/psh_1", {"wait": "5s"})]
