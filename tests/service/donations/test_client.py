"""The client against the real service: signatures apart, all that it promises."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from pandapack.client import AsyncClient, BatchLimits, Client, NotTaken, Rejected, Retry
from pandapack.client.resume import state_path
from pandapack.contracts.donations import Donation
from pandapack.contracts.pages import unpack
from pandapack.local.ports import free_ports
from tests.service.donations.test_push import eventually, gifts
from tests.service.running import Running, running
from tests.stack import Servers

LIMITS = BatchLimits(lines_max=500)
HASTY = Retry(attempts_max=2, pause_s_first=0.01)
COUNT = 20_000
PUSH = """
import functools, typer
from pandapack.cli import push
from pandapack.client import Retry
push.Client = functools.partial(push.Client, retry=Retry(PATIENCE))
typer.run(push.push)
"""


@pytest.fixture
def donations(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    settings = {"PANDA_LINES": "4", "PANDA_ACCEPT_DAYS": "36500"}
    with running("donations", stack, namespace, tmp_path, settings) as service:
        yield service


@pytest.fixture
def ledger(stack: Servers, namespace: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    yield client[f"{namespace}_panda_donations"]
    client.drop_database(f"{namespace}_panda_donations")
    client.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = [json.dumps(gift) for gift in gifts(0, COUNT)]
    lines[100:100] = ["{oops", ""]
    path = tmp_path / "gifts.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return path


def counted(ledger: Any) -> tuple[int, int]:
    """Donations and fen on all pages."""
    pages = [unpack(bytes(page["columns"])) for page in ledger.pages.find()]
    return sum(len(page) for page in pages), sum(sum(page.amounts_fen) for page in pages)


EXPECTED = (COUNT, sum(gift["amount_fen"] for gift in gifts(0, COUNT)))


def test_kill_nine_stops_a_file_and_the_next_push_goes_on_where_it_stopped(
    donations: Running, ledger: Any, file: Path
) -> None:
    key = donations.keys["platform"]
    with Client(donations.url, key, limits=LIMITS, retry=HASTY) as client:
        pushes = client.file_pushes(file)
        before = [next(pushes) for _ in range(10)]
        donations.kill()
        with pytest.raises(NotTaken, match="push the same again"):
            before.extend(pushes)
    assert state_path(file).exists()
    donations.start_again()
    with Client(donations.url, key, limits=LIMITS) as client:
        report = client.push_file(file)
    assert report.resumed_lines == before[-1].last_line
    assert (report.accepted, [one.line for one in report.refused]) == (COUNT, [101])
    assert not state_path(file).exists()
    eventually(lambda: counted(ledger) == EXPECTED, "every donation is counted once")


def test_kill_nine_and_a_restart_within_the_pauses_are_not_even_noticed(
    donations: Running, ledger: Any, file: Path
) -> None:
    async def run() -> int:
        accepted = 0
        async with AsyncClient(donations.url, donations.keys["platform"], limits=LIMITS) as client:
            async for place, pushed in _numbered(client.file_pushes(file)):
                accepted += pushed.accepted
                if place == 10:
                    donations.kill()
                    restarting = asyncio.create_task(asyncio.to_thread(donations.start_again))
        await restarting
        return accepted

    assert asyncio.run(run()) == COUNT
    eventually(lambda: counted(ledger) == EXPECTED, "every donation is counted once")


async def _numbered(pushes: Any) -> Any:
    places = itertools.count()
    async for pushed in pushes:
        yield next(places), pushed


def test_typed_donations_are_counted_and_a_push_can_be_looked_up(donations: Running, ledger: Any) -> None:
    typed = [Donation.model_validate(gift) for gift in gifts(0, 50)]
    with Client(donations.url, donations.keys["platform"]) as client:
        report = client.push(typed, id="evening-2021-11-11")
        again = client.push(typed, id="evening-2021-11-11")
        with pytest.raises(Rejected, match="idempotency_key_reused"):
            client.push(typed[1:], id="evening-2021-11-11")
    assert report == again
    eventually(lambda: counted(ledger)[0] == 50, "all are counted once")
    with donations.client("platform") as reader:
        assert reader.get(f"/v1/pushes/{report.pushes[0]}").json()["accepted"] == 50


def test_panda_push_reports_refused_lines_by_number_and_repeats_harmlessly(donations: Running, file: Path) -> None:
    env = {**os.environ, "PANDA_DONATIONS_URL": donations.url, "PANDA_KEY": donations.keys["platform"]}
    command = [sys.executable, "-c", PUSH.replace("PATIENCE", ""), str(file), "--json"]
    first, again = (
        subprocess.run(command, env=env, cwd=file.parent, capture_output=True, text=True, check=False) for _ in range(2)
    )
    report = json.loads(first.stdout)
    assert (first.returncode, again.returncode, first.stdout) == (1, 1, again.stdout)
    assert (report["accepted"], report["rejected"], len(report["pushes"])) == (COUNT, 1, 11)
    assert [(one["line"], one["code"]) for one in report["refused"]] == [(101, "not_json")]


def test_panda_push_says_that_nobody_answers(tmp_path: Path, file: Path) -> None:
    (port,) = free_ports(1)
    env = {**os.environ, "PANDA_DONATIONS_URL": f"http://127.0.0.1:{port}", "PANDA_KEY": "k"}
    impatient = PUSH.replace("PATIENCE", "attempts_max=2")
    command = [sys.executable, "-c", impatient, str(file)]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "nothing counts twice" in ended.stderr


def test_a_key_that_may_not_push_is_told_so(donations: Running) -> None:
    with Client(donations.url, donations.keys["school"]) as client, pytest.raises(Rejected) as refused:
        client.push(gifts(0, 1))
    assert (refused.value.status, refused.value.code) == (403, "role_not_allowed")
