"""The audit: right beside a demonstration at full speed, and each tampering named, cause first.

One demonstration for all. It is audited while it plays; once it has settled its services are held still, and whatever
somebody might change who has the databases is changed in them, one thing after the other, and put back.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from pandapack.audit.reading import databases
from pandapack.audit.run import Report, audit
from pandapack.contracts.columns import Row
from pandapack.contracts.donations import CHINA, EPOCH, day_name, day_number, unscoped
from pandapack.contracts.pages import unpack
from pandapack.contracts.public_log.fold.kept import collection_of
from pandapack.local.keys import LOG_SECRET_FILE, SIGNING_PUBLIC_KEY_FILE
from pandapack.local.layout import SERVICES
from pandapack.local.running import NOTE_FILE
from simulator.buyer import read_programme
from tests.local.environment import new_environment
from tests.system.playing import PANDA, running
from tests.system.tampered_ledger import LEDGER
from tests.system.tampered_programme import MADE
from tests.system.tamperings import Hand, Tampering
from tests.waiting import eventually

DONATIONS = 100_000
SEED = "11"
AUDITS_BESIDE = 3
AUDIT_WAIT_S = 300.0
SETTLED_WAIT_S = 300.0
SETTLED_DONATIONS = 6
REVERSED_AT = "2020-03-01T00:00:00+08:00"
OPEN_ROWS, OPEN_ATTEMPTS_MAX = 40, 30
BOUNDARY = 256
"""Entries of the log at which figures are kept for the first time."""
TAMPERINGS = (*LEDGER, *MADE)
assert len(TAMPERINGS) >= 25


@dataclass
class World:
    """A demonstration in a folder: where its services and its databases are."""

    folder: Path
    env: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / ".panda" / "demo"

    @property
    def note(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / NOTE_FILE).read_text())
        return found

    def panda(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (*PANDA, *arguments)
        return subprocess.run(
            command, cwd=self.folder, env=self.env, text=True, capture_output=True, timeout=AUDIT_WAIT_S, check=False
        )

    def totals(self) -> dict[str, Any]:
        address = f"{self.note['addresses']['reporting']}/v1/totals"
        answer: dict[str, Any] = httpx.get(address, trust_env=False, timeout=60).json()
        return answer


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A demonstration at full speed, from its first counted gift on; it stays once all is settled."""
    world = World(tmp_path_factory.mktemp("audited"), new_environment())
    command = (*PANDA, "demo", "--donations", str(DONATIONS), "--seed", SEED)
    with running(world.folder, command, world.env) as process:
        assert process.stdout is not None
        assert any("first counted donation after" in line for line in process.stdout)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield world
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def client(playing: World) -> Iterator[MongoClient[dict[str, Any]]]:
    found: MongoClient[dict[str, Any]] = MongoClient(playing.note["addresses"]["mongo"])
    yield found
    found.close()


def is_settled(world: World) -> bool:
    shown = world.totals()
    money = shown["in_flight_fen"] == shown["reserved_fen"] == shown["committed_fen"] == 0
    return bool(shown["donations"] >= DONATIONS and shown["rounds"] and money)


def rows_of(client: MongoClient[dict[str, Any]]) -> list[Row]:
    """Some gifts of one page."""
    page = client.panda_donations.pages.find_one({"count": {"$gte": 100}}, sort=[("_id", 1)])
    assert page is not None
    return list(unpack(bytes(page["columns"])).rows())[:SETTLED_DONATIONS]


def pushed_line(row: Row, **changed: Any) -> dict[str, Any]:
    at = (EPOCH + timedelta(microseconds=row.at_us)).astimezone(CHINA)
    line = {"id": row.id, "merchant": unscoped(row.merchant)[1], "programme": row.programme}
    return line | {"amount_fen": row.amount_fen, "at": at.isoformat()} | changed


@pytest.fixture(scope="module")
def settled(playing: World, client: MongoClient[dict[str, Any]]) -> Iterator[World]:
    """All is settled; there are a conflict, reversals and a settlement, too; the services are held still."""
    eventually(lambda: is_settled(playing), "the demonstration settles", wait_s=SETTLED_WAIT_S, every_s=1.0)
    add_what_a_demonstration_lacks(playing, rows_of(client))
    lengthen_the_log(playing)
    books = client.panda_reporting[collection_of("books")]
    eventually(lambda: books.find_one({"_id": BOUNDARY}) is not None, "figures are kept", wait_s=60.0, every_s=0.5)
    leave_a_page_open(playing, client, rows_of(client)[0])
    agreed = playing.panda("audit")
    assert agreed.returncode == 0, (agreed.stdout, agreed.stderr)
    children = playing.note["children"]
    for service in SERVICES:
        os.kill(children[service], signal.SIGSTOP)
    yield playing
    for service in SERVICES:
        os.kill(children[service], signal.SIGCONT)


def add_what_a_demonstration_lacks(world: World, rows: list[Row]) -> None:
    keys = json.loads((world.home / "keys.json").read_text())
    before = world.totals()
    with httpx.Client(
        base_url=world.note["addresses"]["donations"],
        headers={"Authorization": f"Bearer {keys['platform']}"},
        trust_env=False,
        timeout=60,
    ) as platform:
        other = pushed_line(rows[0], amount_fen=rows[0].amount_fen + 1)
        conflict = platform.post("/v1/donations", json=[other], headers={"Idempotency-Key": "conflict"})
        assert conflict.status_code == 202, conflict.text
        reversals = [
            {
                "reversal": f"refund-{number}",
                "merchant": unscoped(row.merchant)[1],
                "donation": row.id,
                "day": day_name(day_number(row.at_us)),
                "amount_fen": row.amount_fen,
                "at": REVERSED_AT,
            }
            for number, row in enumerate(rows[1:3])
        ]
        reversed_ = platform.post("/v1/reversals", json=reversals, headers={"Idempotency-Key": "reversals"})
        assert reversed_.status_code == 202, reversed_.text
        paid = [
            {
                "merchant": unscoped(row.merchant)[1],
                "id": row.id,
                "day": day_name(day_number(row.at_us)),
                "amount_fen": row.amount_fen,
            }
            for row in rows[3:]
        ]
        head = {"settlement": "s-1", "programme": rows[0].programme, "bank_reference": "ICBC 42", "currency": "CNY"}
        lines = "\n".join(map(json.dumps, paid)).encode()
        headers = {"Idempotency-Key": "settlement", "Content-Type": "application/x-ndjson"}
        settlement = platform.post("/v1/settlements", params=head, content=lines, headers=headers)
        assert settlement.status_code == 202, settlement.text

    def is_counted() -> bool:
        now = world.totals()
        grown = all(now[name] > before[name] for name in ("conflicts", "reversed_fen", "banked_fen"))
        return grown and now["in_flight_fen"] == 0

    eventually(is_counted, "the conflict, the reversals and the settlement are counted", wait_s=60.0, every_s=0.5)


def leave_a_page_open(world: World, client: MongoClient[dict[str, Any]], row: Row) -> None:
    """A page ends with its day, and the demonstration's days are short: the ledger is held while one is open."""
    key = json.loads((world.home / "keys.json").read_text())["platform"]
    pages, ledger = client.panda_donations.pages, world.note["children"]["donations"]
    with httpx.Client(base_url=world.note["addresses"]["donations"], trust_env=False, timeout=60) as platform:
        for attempt in range(OPEN_ATTEMPTS_MAX):
            goal = world.totals()["donations"] + OPEN_ROWS
            lines = [pushed_line(row, id=f"{attempt * OPEN_ROWS + number:019d}") for number in range(OPEN_ROWS)]
            answer = platform.post("/v1/donations", json=lines, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 202, answer.text
            eventually(lambda goal=goal: world.totals()["donations"] == goal, "they are counted", every_s=0.02)
            os.kill(ledger, signal.SIGSTOP)
            if pages.find_one({"closed": False, "count": {"$gte": 2}}) is not None:
                return
            os.kill(ledger, signal.SIGCONT)
    raise AssertionError("no page was open when the ledger was held")


def lengthen_the_log(world: World) -> None:
    """Publications of a programme that nobody gives to, one after the other, until the log has its first boundary."""
    key = json.loads((world.home / "keys.json").read_text())["buyer"]
    content = read_programme()
    content["policy"]["round_code"] = "O"
    with httpx.Client(base_url=world.note["addresses"]["procurement"], trust_env=False, timeout=60) as buyer:
        for number in range(BOUNDARY - world.totals()["snapshot"]["size"]):
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"publication-{number}"}
            content["name"]["en"] = f"publication {number}"
            answer = buyer.put("/v1/programmes/other", json=content, headers=headers)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("number", range(AUDITS_BESIDE))
def test_beside_a_demonstration_at_full_speed_everything_agrees(playing: World, number: int) -> None:
    del number
    found = playing.panda("audit", "--json")
    assert found.returncode == 0, (found.stdout[-4_000:], found.stderr)
    report = json.loads(found.stdout)
    assert report["differences"] == report["causes"] == []
    assert report["donations"] > 0 and report["logged_events"] > 0


def audited(client: MongoClient[dict[str, Any]], world: World) -> Report:
    """All is at rest: nothing is on its way, so nothing is waited for."""
    key = (world.home / SIGNING_PUBLIC_KEY_FILE).read_text().strip()
    return audit(client, "", key=key, log_secret=(world.home / LOG_SECRET_FILE).read_text(), patience_s=0)


def test_at_rest_everything_agrees_without_any_patience(settled: World, client: MongoClient[dict[str, Any]]) -> None:
    report = audited(client, settled)
    assert report.differences == []
    assert report.figures["logged_events"] > report.figures["entries"] > 0
    assert report.figures["banked_fen"] > 0 and report.figures["reversed_fen"] > 0


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_tampering_is_named(settled: World, client: MongoClient[dict[str, Any]], tampering: Tampering) -> None:
    hand = Hand(databases(client, ""))
    try:
        tampering.do(hand)
        report = audited(client, settled)
    finally:
        hand.undo()
    assert report.causes, "it is not noticed"
    first = report.causes[0]
    assert re.search(tampering.named, first.text), [cause.text for cause in report.causes[:5]]
    assert first.follows_count or not tampering.follows, "nothing follows from it"
    assert len(report.causes) <= tampering.causes, [cause.text for cause in report.causes]


def test_one_altered_amount_is_one_cause_however_much_follows(
    settled: World, client: MongoClient[dict[str, Any]]
) -> None:
    altered = next(one for one in LEDGER if one.name == "an amount on a sealed page")
    hand = Hand(databases(client, ""))
    try:
        altered.do(hand)
        (cause,) = audited(client, settled).causes
    finally:
        hand.undo()
    assert cause.follows_count == len(cause.follows) > 0


def test_what_was_put_back_agrees_again(settled: World, client: MongoClient[dict[str, Any]]) -> None:
    assert audited(client, settled).differences == []
