"""`panda dlq` against a service that answers what it is told to: what a person reads, and how the command ends."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from pandapack.cli import dead_letters
from pandapack.cli.site import Site

LETTER = {
    "address": "donations.pushed/3/17/0",
    "at": "2021-11-11T00:00:02+00:00",
    "status": "open",
    "group": "9f2c1d0b7a64",
    "platform": "shop",
    "cause": "amount_fen_invalid",
    "pointer": "/amount_fen",
    "message": {"en": "amount_fen is a whole number of fen", "zh": ""},
    "text": '{"id": "捐1", "amount_fen": -5}',
    "fault": {"from": 27, "to": 29},
    "good": {"text": '{"id": "1", "amount_fen": 5}', "of_sender": True},
    "replays": [],
    "discarded": None,
}
GROUP = {
    "group": "9f2c1d0b7a64",
    "status": "open",
    "cause": "amount_fen_invalid",
    "pointer": "/amount_fen",
    "sender": "shop",
    "open": 3004,
    "count": 3010,
    "replayed": 6,
    "discarded": 0,
    "reopened": 1,
    "first_at": LETTER["at"],
    "last_at": LETTER["at"],
}
PREVIEW = {
    "dead_letters": 1218,
    "letters_truncated": False,
    "donations": 1204,
    "fen": 6020,
    "reversals": 0,
    "reversed_fen": 0,
    "already_counted": 11,
    "conflicts": 0,
    "parked": 0,
    "turned_down": 0,
    "not_looked_up": 0,
    "still_fail": {"dead_letters": 3, "rows": 3},
    "refused": [],
}
JOB = {
    "id": "dlr_1",
    "doing": "replay",
    "state": "running",
    "is_over": False,
    "dead_letters": 1218,
    "letters_done": 100,
    "letters_moved": 100,
    "accepted": 100,
    "refused_rows": 0,
    "refused": [],
}
DONE = {**JOB, "state": "done", "is_over": True, "letters_done": 1218, "accepted": 1215, "refused_rows": 3}


class Service:
    """Answers by method and path, one after the other, the last for ever; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers[f"{request.method} {request.url.path}"]
        return httpx.Response(200, json=answers.pop(0) if len(answers) > 1 else answers[0])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    served = Service()

    def client(site: Site, service: str, role: str | None) -> httpx.Client:
        return httpx.Client(base_url="http://donations", transport=httpx.MockTransport(served.handle))

    monkeypatch.setattr(Site, "client", client)
    monkeypatch.setattr(dead_letters, "WATCH_PAUSE_S", 0.0)
    return served


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(dead_letters.app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


def test_thousands_of_letters_print_a_page_and_how_many_more_there_are(service: Service) -> None:
    page = [{**LETTER, "address": f"donations.pushed/3/{number}/0"} for number in range(25)]
    service.answers = {
        "GET /v1/dead-letters": [{"items": page, "next": "x"}],
        "GET /v1/dead-letters/groups": [{"items": [GROUP], "next": None}],
    }
    status, out, _ = run("list")
    lines = out.splitlines()
    assert (status, len(lines)) == (0, 27)
    assert "2,979 more" in lines[-1]
    assert service.asked[0].url.params["status"] == "open"


def test_an_empty_list_says_so(service: Service) -> None:
    service.answers = {
        "GET /v1/dead-letters": [{"items": [], "next": None}],
        "GET /v1/dead-letters/groups": [{"items": [], "next": None}],
    }
    assert run("list")[:2] == run("groups")[:2] == (0, "no dead letters\n")
    assert json.loads(run("list", "--json")[1]) == {"items": [], "more": 0}


def test_groups_are_a_table_that_says_which_came_back(service: Service) -> None:
    service.answers = {"GET /v1/dead-letters/groups": [{"items": [GROUP], "next": None}]}
    status, out, _ = run("groups")
    heading, row = out.splitlines()
    assert status == 0 and heading.split()[:3] == ["GROUP", "STATUS", "OPEN"]
    assert "open, reopened 1" in row and "3,004" in row and "3,010" in row


def test_the_fault_is_marked_beneath_its_place_whatever_is_written_wide_before_it(service: Service) -> None:
    service.answers = {f"GET /v1/dead-letters/{LETTER['address']}": [LETTER]}
    lines = run("show", str(LETTER["address"]))[1].splitlines()
    text, marks = lines[2], lines[3]
    assert text.index("-5") + 1 == marks.index("^^"), "one character before it is two columns wide"
    assert "the last good one of its sender" in lines[4]


def test_a_preview_tells_the_price_and_ends_with_1_where_some_still_fail(service: Service) -> None:
    service.answers = {"POST /v1/dead-letters/previews": [PREVIEW]}
    status, out, _ = run("preview", "--group", "9f2c1d0b7a64")
    assert (status, out) == (1, "1,204 gifts, +6,020 fen; 3 still fail; 11 already counted\n")
    assert json.loads(service.asked[0].content) == {"group": "9f2c1d0b7a64", "edited": {}}
    service.answers = {"POST /v1/dead-letters/previews": [{**PREVIEW, "still_fail": {"dead_letters": 0, "rows": 0}}]}
    assert run("replay", "--cause", "missing", "--dry-run")[0] == 0


def test_a_replay_is_watched_to_its_end_and_ends_as_it_ended(service: Service) -> None:
    service.answers = {
        "POST /v1/dead-letters/replays": [JOB],
        "GET /v1/dead-letters/replays/dlr_1": [JOB, DONE],
    }
    status, out, err = run("replay", "--group", "9f2c1d0b7a64", "--reason", "mended", "--rate", "50", "--watch")
    assert (status, "1,218 of 1,218 letters" in out, "100 of 1,218" in err) == (1, True, True)
    body = json.loads(service.asked[0].content)
    assert body == {"group": "9f2c1d0b7a64", "edited": {}, "reason": "mended", "rate_rows_per_s": 50}
    assert service.asked[0].headers["idempotency-key"]


def test_a_replay_that_goes_on_says_how_to_look_and_how_to_stop_it(service: Service) -> None:
    service.answers = {"POST /v1/dead-letters/replays": [JOB]}
    status, out, _ = run("replay", "--group", "9f2c1d0b7a64", "--reason", "mended")
    assert status == 0 and "panda dlq progress dlr_1 --watch" in out and "panda dlq stop dlr_1" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "--group", "9f2c1d0b7a64"),
        ("discard", "--group", "9f2c1d0b7a64"),
        ("stop", "dlr_1"),
        ("replay", "--reason", "x"),
        ("replay", "a", "--group", "9f2c1d0b7a64", "--reason", "x"),
        ("preview", "a", "b", "--edited", __file__),
    ],
    ids=lambda given: " ".join(given[:2]),
)
def test_what_is_not_said_clearly_is_asked_for_before_anything_is_sent(
    service: Service, arguments: tuple[str, ...]
) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (1, "") and "panda:" in err
    assert service.asked == []


def test_letters_are_given_up_and_taken_back_with_a_reason(service: Service) -> None:
    given_up = {**DONE, "doing": "discard", "letters_moved": 1218, "refused_rows": 0}
    service.answers = {"POST /v1/dead-letters/discards": [given_up]}
    status, out, _ = run("discard", "--cause", "unmarked", "--reason", "a test of the network team")
    assert status == 0 and "1,218 given up" in out
    run("discard", "--cause", "unmarked", "--reason", "gifts after all", "--take-back")
    assert json.loads(service.asked[1].content) == {
        "cause": "unmarked",
        "reason": "gifts after all",
        "take_back": True,
    }
