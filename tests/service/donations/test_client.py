"""The client against the real service: signatures apart, all that it promises."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pandapack.client import AsyncClient, BatchLimits, Client, PushFailed, Rejected, Retry
from pandapack.client.resume import state_path
from pandapack.contracts.donations import Donation
from pandapack.local.ports import free_ports
from tests.service.donations.tenant import Json, Tenant, donations, fen_of
from tests.service.running import Running
from tests.waiting import eventually

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


def file_of(lines: list[Json], folder: Path) -> Path:
    """Donations in a file; line 101 is broken, line 102 empty."""
    texts = [json.dumps(line) for line in lines]
    texts[100:100] = ["{oops", ""]
    path = folder / "donations.ndjson"
    path.write_text("\n".join(texts) + "\n")
    return path


def test_kill_nine_stops_a_file_and_the_next_push_resumes_where_it_stopped(own_tenant: Tenant, tmp_path: Path) -> None:
    service, lines = own_tenant.service, own_tenant.donations(0, COUNT)
    file = file_of(lines, tmp_path)
    with Client(service.url, own_tenant.key, limits=LIMITS, retry=HASTY) as client:
        pushes = client.file_pushes(file)
        before = [next(pushes) for _ in range(10)]
        service.kill()
        with pytest.raises(PushFailed, match="push the same again"):
            before.extend(pushes)
    assert state_path(file).exists()
    service.start_again()
    with Client(service.url, own_tenant.key, limits=LIMITS) as client:
        report = client.push_file(file)
    assert report.resumed_lines == before[-1].last_line
    assert (report.accepted, [one.line for one in report.refused]) == (COUNT, [101])
    assert not state_path(file).exists()
    eventually(lambda: own_tenant.counted() == (COUNT, fen_of(lines)), "every donation is counted once")


def test_kill_nine_and_a_restart_within_the_pauses_are_not_even_noticed(own_tenant: Tenant, tmp_path: Path) -> None:
    service, lines = own_tenant.service, own_tenant.donations(0, COUNT)
    file = file_of(lines, tmp_path)

    async def run() -> int:
        accepted = 0
        async with AsyncClient(service.url, own_tenant.key, limits=LIMITS) as client:
            async for index, pushed in _numbered(client.file_pushes(file)):
                accepted += pushed.accepted
                if index == 10:
                    service.kill()
                    restarting = asyncio.create_task(asyncio.to_thread(service.start_again))
        await restarting
        return accepted

    assert asyncio.run(run()) == COUNT
    eventually(lambda: own_tenant.counted() == (COUNT, fen_of(lines)), "every donation is counted once")


async def _numbered(pushes: Any) -> Any:
    numbers = itertools.count()
    async for pushed in pushes:
        yield next(numbers), pushed


def test_typed_donations_are_counted_and_a_push_can_be_looked_up(tenant: Tenant) -> None:
    typed = [Donation.model_validate(donation) for donation in tenant.donations(0, 50)]
    with Client(tenant.service.url, tenant.key) as client:
        report = client.push(typed, id="evening-2021-11-11")
        again = client.push(typed, id="evening-2021-11-11")
        with pytest.raises(Rejected, match="idempotency_key_reused"):
            client.push(typed[1:], id="evening-2021-11-11")
    assert report == again
    eventually(lambda: tenant.counted()[0] == 50, "all are counted once")
    assert tenant.platform.get(f"/v1/pushes/{report.pushes[0]}").json()["accepted"] == 50


def test_panda_push_reports_refused_lines_by_number_and_repeats_harmlessly(tenant: Tenant, tmp_path: Path) -> None:
    env = {**os.environ, "PANDA_DONATIONS_URL": tenant.service.url, "PANDA_KEY": tenant.key}
    file = file_of(tenant.donations(0, COUNT), tmp_path)
    command = [sys.executable, "-c", PUSH.replace("PATIENCE", ""), str(file), "--json"]
    first, again = (
        subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False) for _ in range(2)
    )
    report = json.loads(first.stdout)
    assert (first.returncode, again.returncode, first.stdout) == (1, 1, again.stdout)
    assert (report["accepted"], report["rejected"], len(report["pushes"])) == (COUNT, 1, 11)
    assert [(one["line"], one["code"]) for one in report["refused"]] == [(101, "not_json")]


def test_panda_push_says_that_nobody_answers(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    env = {**os.environ, "PANDA_DONATIONS_URL": f"http://127.0.0.1:{port}", "PANDA_KEY": "k"}
    impatient = PUSH.replace("PATIENCE", "attempts_max=2")
    command = [sys.executable, "-c", impatient, str(file_of(donations(0, COUNT), tmp_path))]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert f"http://127.0.0.1:{port}/healthz does not answer" in ended.stderr


def test_a_key_that_may_not_push_is_told_so(service: Running) -> None:
    with Client(service.url, service.keys["school"]) as client, pytest.raises(Rejected) as refused:
        client.push(donations(0, 1))
    assert (refused.value.status, refused.value.code) == (403, "role_not_allowed")
