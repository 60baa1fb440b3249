"""Receipts and daily roots on a real Kafka and a real MongoDB."""

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

from pandapack.contracts.proof import DailyRoot, root_failures, verify
from pandapack.local.keys import SIGNING_PUBLIC_KEY_FILE, ensure_signing_key
from tests.service.donations.tenant import DAY, Tenant, ndjson
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace
from tests.waiting import eventually

FULL = 16_384
LINES_A_PUSH = FULL // 4
NUMBER = 7
"""The donation whose receipt is asked for."""
EARLY = datetime(2021, 11, 11, 12, 0, tzinfo=UTC)


def settings(key_folder: Path, start: datetime) -> dict[str, str]:
    """A business clock that stands at `start` now, and runs as time does."""
    now = datetime.now(UTC)
    return {
        "PANDA_SHARDS": "2",
        "PANDA_ACCEPT_DAYS": "36500",
        "PANDA_SIGNING_KEY_FILE": str(ensure_signing_key(key_folder)),
        "PANDA_CLOCK_EPOCH": now.isoformat(),
        "PANDA_CLOCK_START": start.isoformat(),
    }


@pytest.fixture(scope="module")
def service(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For it, the day of the donations has not ended."""
    folder = tmp_path_factory.mktemp("receipts")
    with running("donations", stack, new_namespace(), folder, settings(folder, EARLY)) as service:
        yield service


@pytest.fixture
def own_service(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    with running("donations", stack, namespace, tmp_path, settings(tmp_path, EARLY)) as service:
        yield service


def key_file(service: Running) -> Path:
    """The public key that the service's receipts are verified with."""
    return service.folder / SIGNING_PUBLIC_KEY_FILE


def public_key(service: Running) -> str:
    return key_file(service).read_text().strip()


def the_one(tenant: Tenant) -> dict[str, Any]:
    (donation,) = tenant.donations(NUMBER, 1)
    return donation


def receipt(tenant: Tenant, role: str = "auditor", **changes: str) -> httpx.Response:
    query = {**the_one(tenant), "day": DAY, **changes}
    with tenant.service.client(role) as client:
        merchant = tenant.scoped(query["merchant"])  # as staff say it
        return client.get(f"/v1/receipts/{merchant}/{query['id']}", params={"day": query["day"]})


def push(tenant: Tenant, lines: list[dict[str, Any]]) -> None:
    assert tenant.push(ndjson(lines)).status_code == 202


def fill_a_page(tenant: Tenant) -> None:
    """Donations of one merchant: the page of its shard is full, and closes."""
    push(tenant, tenant.donations(0, 40))
    for first in range(0, FULL, LINES_A_PUSH):
        push(tenant, tenant.donations(100 + first, LINES_A_PUSH, merchant=the_one(tenant)["merchant"]))


def is_sealed(tenant: Tenant) -> bool:
    return "scheme" in receipt(tenant).json()


def restart_at(service: Running, when: datetime) -> None:
    """The same service, some days later."""
    now = datetime.now(UTC)
    service.process.terminate()
    service.process.wait()
    service.env.update(PANDA_CLOCK_EPOCH=now.isoformat(), PANDA_CLOCK_START=when.isoformat())
    service.start_again()


def test_a_receipt_says_so_until_its_page_is_sealed_and_then_proves_the_donation(tenant: Tenant) -> None:
    push(tenant, tenant.donations(0, 40))
    eventually(lambda: receipt(tenant).status_code == 200, "the donation is recorded")
    early = receipt(tenant).json()
    assert early["state"] == "recorded, not sealed yet"
    assert early["donation"]["amount_fen"] == the_one(tenant)["amount_fen"]
    fill_a_page(tenant)
    eventually(lambda: is_sealed(tenant), "its page is sealed")
    answer = receipt(tenant)
    verdict = verify(answer.content, public_key(tenant.service))
    assert verdict.is_proven, verdict
    assert verdict.receipt is not None
    assert (verdict.receipt.donation.id, verdict.receipt.donation.merchant) == (
        the_one(tenant)["id"],
        tenant.scoped(the_one(tenant)["merchant"]),
    )
    assert early["position"] == msgspec.to_builtins(verdict.receipt.position)
    assert verdict.receipt.daily_root is None


def test_ended_days_get_signed_roots_without_gaps_and_a_receipt_then_leads_to_one(own_tenant: Tenant) -> None:
    service, key = own_tenant.service, public_key(own_tenant.service)
    fill_a_page(own_tenant)
    eventually(lambda: is_sealed(own_tenant), "the page is sealed")
    assert service.client("auditor").get("/v1/roots").json() == {"items": []}, "the day has not ended"
    restart_at(service, EARLY + timedelta(days=3))

    def roots() -> list[DailyRoot]:
        items = httpx.get(f"{service.url}/v1/roots", trust_env=False).json()["items"]
        return [msgspec.convert(item, DailyRoot) for item in reversed(items)]

    eventually(lambda: len(roots()) == 3, "the three days that ended have roots")
    signed = roots()
    assert [root.day for root in signed] == ["2021-11-11", "2021-11-12", "2021-11-13"]
    for before, root in zip([None, *signed], signed, strict=False):
        assert root_failures(root, key, before) == []
    shard = own_tenant.shard(the_one(own_tenant)["merchant"])
    assert signed[0].shards[shard].page == 0
    assert sum(signed[0].shards[shard].counts.values()) >= FULL
    verdict = verify(receipt(own_tenant).content, key)
    assert verdict.is_proven, verdict
    assert verdict.receipt is not None
    assert verdict.receipt.daily_root is not None
    assert verdict.receipt.daily_root.day == "2021-11-11"
    by_day = httpx.get(f"{service.url}/v1/roots/2021-11-12", trust_env=False).json()
    assert by_day == msgspec.to_builtins(signed[1])
    assert httpx.get(f"{service.url}/v1/roots/2021-11-14", trust_env=False).status_code == 404
    restart_at(service, EARLY + timedelta(days=3))
    assert roots() == signed, "a start signs no day again"


REFUSALS: list[tuple[str, dict[str, str], int, str]] = [
    ("auditor", {"id": "nobody"}, 404, "donation_unknown"),
    ("auditor", {"day": "2021-11-12"}, 404, "donation_unknown"),
    ("auditor", {"day": "eleventh"}, 422, "invalid_request"),
    ("school", {}, 403, "role_not_allowed"),
]


def test_who_may_not_ask_and_what_is_not_there_is_refused(tenant: Tenant) -> None:
    for role, changes, status, code in REFUSALS:
        answer = receipt(tenant, role, **changes)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (role, changes)


def test_the_public_key_is_public_and_a_service_without_one_says_so(service: Running, shared_service: Running) -> None:
    answer = httpx.get(f"{service.url}/v1/roots/key", trust_env=False)
    assert answer.json() == {"algorithm": "Ed25519", "key": public_key(service)}
    keyless = httpx.get(f"{shared_service.url}/v1/roots/key", trust_env=False)
    assert (keyless.status_code, keyless.json()["code"]) == (503, "no_signing_key")


def panda(*arguments: str, env: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
    return subprocess.run(command, input=stdin, env={**os.environ, **env}, capture_output=True, check=False)


def test_panda_fetches_a_receipt_and_verifies_it_offline(tenant: Tenant, tmp_path: Path) -> None:
    service, donation = tenant.service, the_one(tenant)
    env = {"PANDA_DONATIONS_URL": service.url, "PANDA_KEY": service.keys["auditor"]}
    fill_a_page(tenant)
    eventually(lambda: is_sealed(tenant), "the page is sealed")
    fetched = panda("receipt", tenant.scoped(donation["merchant"]), donation["id"], "--day", DAY, env=env)
    assert fetched.returncode == 0, fetched.stderr
    file = tmp_path / "receipt.json"
    file.write_bytes(fetched.stdout)
    offline = {"PANDA_DONATIONS_URL": "http://127.0.0.1:1"}
    good = panda("verify", str(file), "--key", str(key_file(service)), "--json", env=offline)
    assert (good.returncode, json.loads(good.stdout)["proven"]) == (0, True), good.stderr
    forged = fetched.stdout.replace(b'"amount_fen": ', b'"amount_fen": 9')
    bad = panda("verify", "-", "--key", public_key(service), "--lang", "zh", env=offline, stdin=forged)
    assert bad.returncode == 1
    assert "验证未通过" in bad.stdout.decode()
