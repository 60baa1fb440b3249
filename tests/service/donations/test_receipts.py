"""Receipts and daily roots on a real Kafka and a real MongoDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from pandapack.contracts.merkle import proven_root, root_of
from pandapack.contracts.pages import FIRST_SEAL, page_id
from pandapack.contracts.proof import DailyRoot, Donation, Outcome, ShardRoot, Signer, seal_leaf, verify
from pandapack.local.keys import SIGNING_PUBLIC_KEY_FILE, ensure_signing_key
from tests.daily_roots import make_daily_root
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
    assert verdict.donation is not None
    assert (verdict.donation.id, verdict.donation.merchant) == (
        the_one(tenant)["id"],
        tenant.scoped(the_one(tenant)["merchant"]),
    )
    assert (early["position"], answer.json()["daily_root"]) == (answer.json()["position"], None)


def signed_day(tenant: Tenant) -> DailyRoot:
    """A day as an older release signed it, over the tenant's first sealed page; it is there from now on."""
    shard, shards = tenant.shard(the_one(tenant)["merchant"]), int(tenant.service.env["PANDA_SHARDS"])
    seal = tenant.ledger.seals.find_one({"_id": page_id(shard, 0)})
    assert seal is not None
    chained, none = bytes(seal["chained"]).hex(), root_of([]).hex()
    states = [ShardRoot(number, 0, -1, FIRST_SEAL.hex(), none) for number in range(shards)]
    states[shard] = ShardRoot(shard, 0, 0, chained, root_of([seal_leaf(chained)]).hex(), {"p": 1}, {"p": 1})
    signer = Signer(ensure_signing_key(tenant.service.folder).read_text())
    root = make_daily_root("2021-11-11", states, None, signer)
    tenant.ledger.daily_roots.insert_one({"_id": root.day, "root": msgspec.to_builtins(root)})
    return root


def test_days_that_were_signed_are_served_and_lead_receipts_to_them_and_no_new_ones_are_made(
    own_tenant: Tenant,
) -> None:
    service, key = own_tenant.service, public_key(own_tenant.service)
    fill_a_page(own_tenant)
    eventually(lambda: is_sealed(own_tenant), "the page is sealed")
    assert service.client("auditor").get("/v1/roots").json() == {"items": []}
    signed = signed_day(own_tenant)
    verdict = verify(receipt(own_tenant).content, key)
    assert verdict.is_proven and {step.outcome for step in verdict.steps} == {Outcome.OK}, verdict
    listed = httpx.get(f"{service.url}/v1/roots", trust_env=False, timeout=120).json()["items"]
    assert listed == [msgspec.to_builtins(signed)]
    assert httpx.get(f"{service.url}/v1/roots/2021-11-11", trust_env=False, timeout=120).json() == listed[0]
    assert httpx.get(f"{service.url}/v1/roots/2021-11-14", trust_env=False, timeout=120).status_code == 404


def test_the_proof_of_a_row_leads_to_the_root_that_is_published(own_tenant: Tenant) -> None:
    one = the_one(own_tenant)
    path = f"/v1/proofs/{own_tenant.scoped(one['merchant'])}/{one['id']}"

    def proof() -> dict[str, Any]:
        with own_tenant.service.client("auditor") as client:
            found: dict[str, Any] = client.get(path, params={"day": DAY}).json()
            return found

    push(own_tenant, own_tenant.donations(0, 40))
    eventually(lambda: proof().get("state") == "page_open", "the donation is recorded")
    assert proof()["opened_on"] == DAY
    fill_a_page(own_tenant)
    eventually(lambda: proof()["state"] == "page_sealed", "its page is sealed")
    page, donation = proof()["page"], msgspec.convert(proof()["donation"], Donation)
    siblings = [bytes.fromhex(one) for one in page["proof"]]
    root = proven_root(donation.leaf(), page["row"], page["rows"], siblings)
    assert root is not None and root.hex() == page["root"]

    def published() -> list[dict[str, Any]]:
        row = own_tenant.ledger.published_seals.find_one({"_id": str(page["shard"])})
        return [row["state"]] if row else []

    (state,) = eventually(published, "the seal is published")
    seal = own_tenant.ledger.seals.find_one({"_id": page_id(page["shard"], state["pages"] - 1)})
    assert seal is not None and state["chained"] == bytes(seal["chained"]).hex()


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
    answer = httpx.get(f"{service.url}/v1/roots/key", trust_env=False, timeout=120)
    assert answer.json() == {"algorithm": "Ed25519", "key": public_key(service)}
    keyless = httpx.get(f"{shared_service.url}/v1/roots/key", trust_env=False, timeout=120)
    assert (keyless.status_code, keyless.json()["code"]) == (503, "no_signing_key")


def panda(*arguments: str, env: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
    return subprocess.run(command, input=stdin, env={**os.environ, **env}, capture_output=True, check=False)


def test_a_receipt_of_the_first_form_is_verified_offline(tenant: Tenant, tmp_path: Path) -> None:
    fill_a_page(tenant)
    eventually(lambda: is_sealed(tenant), "the page is sealed")
    raw, file = receipt(tenant).content, tmp_path / "receipt.json"
    file.write_bytes(raw)
    good = panda("verify", str(file), "--key", str(key_file(tenant.service)), "--json", env={})
    assert (good.returncode, json.loads(good.stdout)["proven"]) == (0, True), good.stderr
    forged = raw.replace(b'"amount_fen":', b'"amount_fen":9')
    bad = panda("verify", "-", "--key", public_key(tenant.service), "--lang", "zh", env={}, stdin=forged)
    assert bad.returncode == 1
    assert "验证未通过" in bad.stdout.decode()
