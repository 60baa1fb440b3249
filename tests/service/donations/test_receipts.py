"""Receipts and day heads on a real Kafka and a real MongoDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from pandapack.contracts.donations import line_of
from pandapack.contracts.proof import DayHead, head_failures, verify
from pandapack.local.keys import HEAD_PUBLIC_KEY_FILE, ensure_head_key
from tests.service.donations.test_push import DAY, NDJSON, eventually, gifts, ndjson
from tests.service.running import Running, running
from tests.stack import Servers

LINES = 2
FULL = 16_384
LINES_A_PUSH = FULL // 4
ONE = {"merchant": "M00007", "id": str(10**18 + 7)}
EARLY = datetime(2021, 11, 11, 12, 0, tzinfo=UTC)


def settings(key_folder: Path, start: datetime) -> dict[str, str]:
    """A business clock that stands at `start` now, and runs as time does."""
    now = datetime.now(UTC)
    return {
        "PANDA_LINES": str(LINES),
        "PANDA_ACCEPT_DAYS": "36500",
        "PANDA_HEAD_KEY_FILE": str(ensure_head_key(key_folder)),
        "PANDA_CLOCK_EPOCH": now.isoformat(),
        "PANDA_CLOCK_START": start.isoformat(),
    }


@pytest.fixture
def donations(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    with running("donations", stack, namespace, tmp_path, settings(tmp_path, EARLY)) as service:
        yield service


@pytest.fixture
def key(donations: Running, tmp_path: Path) -> str:
    return (tmp_path / HEAD_PUBLIC_KEY_FILE).read_text().strip()


def receipt(service: Running, role: str = "auditor", **changes: str) -> httpx.Response:
    asked = {**ONE, "day": DAY, **changes}
    with service.client(role) as client:
        return client.get(f"/v1/receipts/{asked['merchant']}/{asked['id']}", params={"day": asked["day"]})


def push(service: Running, lines: list[dict[str, Any]]) -> None:
    with service.client("platform") as client:
        assert client.post("/v1/donations", content=ndjson(lines), headers=NDJSON).status_code == 202


def fill_a_page(service: Running) -> None:
    """One merchant's gifts: the page of its line is full, and closes."""
    push(service, gifts(0, 40))
    for first in range(0, FULL, LINES_A_PUSH):
        push(service, gifts(100 + first, LINES_A_PUSH, merchant=ONE["merchant"]))


def is_sealed(service: Running) -> bool:
    return "scheme" in receipt(service).json()


def at_day(service: Running, when: datetime) -> None:
    """The same service, some days later."""
    now = datetime.now(UTC)
    service.process.terminate()
    service.process.wait()
    service.env.update(PANDA_CLOCK_EPOCH=now.isoformat(), PANDA_CLOCK_START=when.isoformat())
    service.start_again()


def test_a_receipt_says_so_until_its_page_is_sealed_and_then_proves_the_donation(donations: Running, key: str) -> None:
    push(donations, gifts(0, 40))
    eventually(lambda: receipt(donations).status_code == 200, "the donation is recorded")
    early = receipt(donations).json()
    assert early["state"] == "recorded, not sealed yet"
    assert early["donation"]["amount_fen"] == gifts(7, 1)[0]["amount_fen"]
    fill_a_page(donations)
    eventually(lambda: is_sealed(donations), "its page is sealed")
    answer = receipt(donations)
    verdict = verify(answer.content, key)
    assert verdict.is_proven, verdict
    assert verdict.receipt is not None
    assert (verdict.receipt.donation.id, verdict.receipt.donation.merchant) == (ONE["id"], ONE["merchant"])
    assert early["place"] == msgspec.to_builtins(verdict.receipt.place)
    assert verdict.receipt.head is None


def test_ended_days_get_signed_heads_without_gaps_and_a_receipt_then_leads_to_one(donations: Running, key: str) -> None:
    fill_a_page(donations)
    eventually(lambda: is_sealed(donations), "the page is sealed")
    assert donations.client("auditor").get("/v1/heads").json() == {"items": []}, "the day has not ended"
    at_day(donations, EARLY + timedelta(days=3))

    def heads() -> list[DayHead]:
        items = httpx.get(f"{donations.url}/v1/heads", trust_env=False).json()["items"]
        return [msgspec.convert(item, DayHead) for item in reversed(items)]

    eventually(lambda: len(heads()) == 3, "the three days that ended have heads")
    signed = heads()
    assert [head.day for head in signed] == ["2021-11-11", "2021-11-12", "2021-11-13"]
    for before, head in zip([None, *signed], signed, strict=False):
        assert head_failures(head, key, before) == []
    line = line_of(ONE["merchant"], LINES)
    assert signed[0].lines[line].page == 0
    assert sum(signed[0].lines[line].counts.values()) >= FULL
    verdict = verify(receipt(donations).content, key)
    assert verdict.is_proven, verdict
    assert verdict.receipt is not None
    assert verdict.receipt.head is not None
    assert verdict.receipt.head.day == "2021-11-11"
    by_day = httpx.get(f"{donations.url}/v1/heads/2021-11-12", trust_env=False).json()
    assert by_day == msgspec.to_builtins(signed[1])
    assert httpx.get(f"{donations.url}/v1/heads/2021-11-14", trust_env=False).status_code == 404
    at_day(donations, EARLY + timedelta(days=3))
    assert heads() == signed, "a start signs no day again"


REFUSALS: list[tuple[str, dict[str, str], int, str]] = [
    ("auditor", {"id": "nobody"}, 404, "donation_unknown"),
    ("auditor", {"day": "2021-11-12"}, 404, "donation_unknown"),
    ("auditor", {"day": "eleventh"}, 422, "invalid_request"),
    ("school", {}, 403, "role_not_allowed"),
]


def test_who_may_not_ask_and_what_is_not_there_is_refused(donations: Running) -> None:
    for role, changes, status, code in REFUSALS:
        answer = receipt(donations, role, **changes)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (role, changes)


def test_the_public_key_is_public_and_a_service_without_one_says_so(
    donations: Running, key: str, stack: Servers, namespace: str, tmp_path: Path
) -> None:
    assert httpx.get(f"{donations.url}/v1/heads/key", trust_env=False).json() == {"algorithm": "Ed25519", "key": key}
    more = {"PANDA_LINES": str(LINES)}
    with running("donations", stack, f"{namespace}x", tmp_path / "other", more) as keyless:
        answer = httpx.get(f"{keyless.url}/v1/heads/key", trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_signing_key")


def panda(*arguments: str, env: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
    return subprocess.run(command, input=stdin, env={**os.environ, **env}, capture_output=True, check=False)


def test_panda_fetches_a_receipt_and_verifies_it_offline(donations: Running, key: str, tmp_path: Path) -> None:
    env = {"PANDA_DONATIONS_URL": donations.url, "PANDA_KEY": donations.keys["auditor"]}
    fill_a_page(donations)
    eventually(lambda: is_sealed(donations), "the page is sealed")
    fetched = panda("receipt", ONE["merchant"], ONE["id"], "--day", DAY, env=env)
    assert fetched.returncode == 0, fetched.stderr
    file = tmp_path / "receipt.json"
    file.write_bytes(fetched.stdout)
    offline = {"PANDA_DONATIONS_URL": "http://127.0.0.1:1"}
    good = panda("verify", str(file), "--key", str(tmp_path / HEAD_PUBLIC_KEY_FILE), "--json", env=offline)
    assert (good.returncode, json.loads(good.stdout)["proven"]) == (0, True), good.stderr
    forged = fetched.stdout.replace(b'"amount_fen": ', b'"amount_fen": 9')
    bad = panda("verify", "-", "--key", key, "--lang", "zh", env=offline, stdin=forged)
    assert bad.returncode == 1
    assert "验证未通过" in bad.stdout.decode()
