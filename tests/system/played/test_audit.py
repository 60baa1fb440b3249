"""The audit: right beside a demonstration at full speed, and each tampering named, cause first.

One demonstration for all. It is audited while it plays; once it has settled its services are held still, and whatever
somebody might change who has the databases is changed in them, one thing after the other, and put back.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from pandapack.audit.reading import databases
from pandapack.audit.run import Report, audit
from pandapack.cli.demo import clock_file_of
from pandapack.contracts.columns import Row
from pandapack.contracts.donations import CHINA, EPOCH, day_name, day_number, unscoped
from pandapack.contracts.pages import unpack
from pandapack.contracts.public_log.fold.kept import collection_of
from pandapack.local.keys import LOG_SECRET_FILE, SIGNING_PUBLIC_KEY_FILE
from pandapack.local.layout import SERVICES
from pandapack.runtime.clock import BusinessClock, StoryClock, segment_line
from simulator.buyer import read_programme
from tests.system.played.tampered_ledger import LEDGER, SECOND_OF_A_SHARD
from tests.system.played.tampered_programme import MADE
from tests.system.played.tamperings import Hand, Tampering
from tests.system.played.world import SETTLED_WAIT_S, World
from tests.waiting import eventually

AUDITS_BESIDE = 3
PATIENT = ("--patience", "300")
"""On a slow machine, beside a campaign, what is on its way may stand still for longer than usual."""
SETTLED_DONATIONS = 6
REVERSED_AT = "2020-03-01T00:00:00+08:00"
MORE_ROWS, OPEN_ATTEMPTS_MAX, DAYS_MAX = 40, 30, 6
BOUNDARY = 256
"""Entries of the log at which figures are kept for the first time."""
TAMPERINGS = (*LEDGER, *MADE)
assert len(TAMPERINGS) >= 25


@pytest.fixture(scope="module")
def client(playing: World) -> Iterator[MongoClient[dict[str, Any]]]:
    found: MongoClient[dict[str, Any]] = MongoClient(playing.note["addresses"]["mongo"])
    yield found
    found.close()


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
def settled(playing: World, outcome: object, client: MongoClient[dict[str, Any]]) -> Iterator[World]:
    """All is settled; there are a conflict, reversals and a settlement, too; the services are held still."""
    add_what_a_demonstration_lacks(playing, rows_of(client))
    end_days_until_a_shard_has_two_seals(playing, client, rows_of(client)[0])
    lengthen_the_log(playing)
    books = client.panda_reporting[collection_of("books")]
    eventually(
        lambda: books.find_one({"_id": BOUNDARY}) is not None, "figures are kept", wait_s=SETTLED_WAIT_S, every_s=0.5
    )
    leave_a_page_open(playing, client, rows_of(client)[0])
    agreed = playing.panda("audit", *PATIENT)
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
        timeout=120,
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

    eventually(
        is_counted, "the conflict, the reversals and the settlement are counted", wait_s=SETTLED_WAIT_S, every_s=0.5
    )


def push_more(world: World, row: Row, begins: str) -> None:
    """Gifts of the same merchant with identifiers of their own; all are counted."""
    key = json.loads((world.home / "keys.json").read_text())["platform"]
    goal = world.totals()["donations"] + MORE_ROWS
    lines = [pushed_line(row, id=f"{begins}-{number}") for number in range(MORE_ROWS)]
    with httpx.Client(base_url=world.note["addresses"]["donations"], trust_env=False, timeout=120) as platform:
        answer = platform.post("/v1/donations", json=lines, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 202, answer.text
    eventually(lambda: world.totals()["donations"] == goal, "they are counted", every_s=0.02)


def end_days_until_a_shard_has_two_seals(world: World, client: MongoClient[dict[str, Any]], row: Row) -> None:
    """A page ends with its day. How many days of the story met one batch of a shard is up to the machine."""
    file = clock_file_of(world.home)
    for turn in range(DAYS_MAX):
        if client.panda_donations.seals.find_one({"_id": SECOND_OF_A_SHARD}) is not None:
            return
        tomorrow = StoryClock(file, BusinessClock()).now() + timedelta(days=1)
        replacing = file.with_suffix(".next")
        replacing.write_bytes(file.read_bytes() + segment_line(BusinessClock(datetime.now(UTC), tomorrow)))
        replacing.replace(file)
        push_more(world, row, f"day-{turn}")
    raise AssertionError("no shard has two sealed pages")


def leave_a_page_open(world: World, client: MongoClient[dict[str, Any]], row: Row) -> None:
    """The ledger is held while a page is open."""
    pages, ledger = client.panda_donations.pages, world.note["children"]["donations"]
    for attempt in range(OPEN_ATTEMPTS_MAX):
        push_more(world, row, f"open-{attempt}")
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
    with httpx.Client(base_url=world.note["addresses"]["procurement"], trust_env=False, timeout=120) as buyer:
        for number in range(BOUNDARY - world.totals()["snapshot"]["size"]):
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"publication-{number}"}
            content["name"]["en"] = f"publication {number}"
            answer = buyer.put("/v1/programmes/other", json=content, headers=headers)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("number", range(AUDITS_BESIDE))
def test_beside_a_demonstration_at_full_speed_everything_agrees(playing: World, number: int) -> None:
    del number
    found = playing.panda("audit", "--json", *PATIENT)
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
