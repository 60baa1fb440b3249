"""From a push to totals that anyone can check: all services, and the `panda` command as its users run it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from benchmarks.programme import publish_programme
from pandapack.contracts.envelope import decode
from pandapack.contracts.pages import pack, unpack
from pandapack.local.stack import Layout, Stack
from simulator.chapters import Need, need_of
from tests.waiting import eventually

WAIT_S = 300.0
COUNT = 12_000
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BROKEN = '{"id": "x", "merchant": "M1"}'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack in a folder of its own."""
    folder = tmp_path_factory.mktemp("system") / ".panda"
    env = {"PANDA_ACCEPT_DAYS": "36500", "PANDA_LOG_QUIET_S": "1"}  # gifts of tests are nobody's: none is held
    layout = Layout.on_free_ports(folder, keep_data=False, service_env=env)
    with Stack(layout) as stack:
        publish_programme(stack)
        yield stack


def panda(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in the folder of the running stack."""
    command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
    folder = Path(stack.layout.data_dir).parent
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def donation(number: int) -> dict[str, Any]:
    day = 1 + number % 20
    return {
        "id": str(10**18 + number),
        "merchant": f"M{number % 300:05d}",
        "programme": "love-parcel",
        "amount_fen": 1 + number % 9,
        "at": f"2021-11-{day:02d}T10:00:00+08:00",
    }


def totals(stack: Stack) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{stack.addresses['reporting']}/v1/totals", trust_env=False, timeout=120).json()
    return answer


def settled(stack: Stack, donations: int) -> dict[str, Any]:
    """The totals once they count so many donations and all have been credited to the fund."""
    shown: dict[str, Any] = {}

    def is_settled() -> bool:
        shown.update(totals(stack))
        return bool(shown["donations"] == donations and shown["in_flight_fen"] == 0)

    try:
        eventually(is_settled, f"{donations} donations are shown", wait_s=WAIT_S, every_s=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}: {shown}") from error
    return shown


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [json.dumps(donation(number)) for number in range(COUNT)]
    lines[5:5] = [BROKEN]
    lines.append("{oops")
    path = tmp_path_factory.mktemp("donations") / "donations.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def counted(stack: Stack, file: Path) -> None:
    """The file's donations are in the totals."""
    panda(stack, "push", str(file))
    settled(stack, COUNT)


def test_a_file_is_counted_once_however_often_it_is_pushed(stack: Stack, file: Path) -> None:
    expected_fen = sum(donation(number)["amount_fen"] for number in range(COUNT))
    for _ in range(2):
        pushed = panda(stack, "push", str(file), "--json")
        assert pushed.returncode == 1, pushed.stderr  # two lines are broken, and the status says so
        report = json.loads(pushed.stdout)
        assert (report["accepted"], report["rejected"]) == (COUNT, 2)
        assert [(line["line"], line["code"]) for line in report["refused"]] == [(6, "missing"), (COUNT + 2, "not_json")]
        shown = settled(stack, COUNT)
        assert shown["received_fen"] == expected_fen == shown["unallocated_fen"]


def test_the_books_and_the_page_show_the_same_figures(stack: Stack, counted: None) -> None:
    with httpx.Client(base_url=stack.addresses["reporting"], trust_env=False, timeout=120) as reader:
        laws = reader.get("/v1/conservation").json()
        assert (laws["money_conserved"], laws["items_conserved"], laws["parcels_conserved"]) == (True, True, True)
        days = reader.get("/v1/totals/day").json()["items"]
        assert sum(day["count"] for day in days) == COUNT
        assert f"{COUNT:,}" in reader.get("/", params={"lang": "en"}).text
        assert reader.get("/v1/totals/merchant").status_code == 401  # a merchant's volume is its trade secret


def test_a_donation_that_is_not_funded_yet_says_so(stack: Stack, counted: None) -> None:
    wanted = donation(1234)
    traced = panda(stack, "trace", wanted["merchant"], wanted["id"], "--day", wanted["at"][:10], "--json")
    assert traced.returncode == 0, traced.stderr
    found = json.loads(traced.stdout)
    assert (found["donation"]["amount_fen"], found["funded"], found["state"]) == (
        wanted["amount_fen"],
        False,
        "unallocated",
    )
    assert panda(stack, "trace", "M00000", "no-such-id", "--day", "2021-11-01").returncode == 1


def test_the_audit_names_a_page_that_was_changed_by_hand(stack: Stack, counted: None) -> None:
    before = panda(stack, "audit")
    assert before.returncode == 0, before.stderr
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    pages = client.panda_donations.pages
    page = pages.find_one({})
    assert page is not None
    columns = unpack(bytes(page["columns"]))
    columns.amounts_fen[0] += 1
    pages.update_one({"_id": page["_id"]}, {"$set": {"columns": pack(columns)}})
    try:
        after = panda(stack, "audit")
        assert after.returncode == 1
        assert f"page {page['_id']}: interval of love-parcel" in after.stderr
        assert re.search(r"and \d+ figures that follow from it", after.stderr)
        assert after.stdout.splitlines()[-1] == "1 difference"
    finally:
        pages.update_one({"_id": page["_id"]}, {"$set": {"columns": page["columns"]}})
        client.close()


def test_a_trace_goes_from_a_push_to_the_event_of_the_round_that_it_pays_for(stack: Stack, counted: None) -> None:
    need = need_of(7, Need(1, "NP", "love-parcel-v2", 20), "love-parcel")
    keys = {name: {"Authorization": f"Bearer {stack.keys[name]}"} for name in ("buyer", "platform")}
    with httpx.Client(trust_env=False, timeout=120) as client:
        opened = client.post(
            f"{stack.addresses['procurement']}/v1/needs", json=need, headers={**keys["buyer"], "Idempotency-Key": "n"}
        )
        assert opened.status_code in (200, 201, 202), opened.text
        large = [{**donation(COUNT + number), "amount_fen": 1_000_000} for number in range(3)]
        headers = {**keys["platform"], "traceparent": TRACE, "Idempotency-Key": "traced"}
        pushed = client.post(f"{stack.addresses['donations']}/v1/donations", json=large, headers=headers)
        assert pushed.status_code == 202, pushed.text
    client_of: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    reporting = client_of.panda_reporting

    def traced() -> set[str]:
        rows = [*reporting.journal.find({}), *reporting.archive.find({})]
        return {row["type"] for row in rows if decode(bytes(row["envelope"])).traceparent == TRACE}

    wanted = {"donations.DonationsRecorded", "procurement.RoundFunded", "procurement.RoundOpened"}
    eventually(lambda: wanted <= traced(), "the trace has come to the round", wait_s=WAIT_S, every_s=0.2)
    client_of.close()
