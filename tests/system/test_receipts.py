"""From a gift to its receipt, with the real ledger and log: fetched without a key, verified without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.receipts import verify
from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.note import Note, SignerKey
from pandapack.contracts.trusted_keys import parse_keys
from pandapack.local.keys import SERVICE_ROLE, ensure_log_key
from pandapack.local.log_keys import LOG_ORIGIN, ensure_log_public_keys, key_before_file, rotate_log_key
from tests.browsing import Browser, needs_chromium
from tests.service.donations.tenant import DAY, Tenant, ndjson, tenant_on
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace
from tests.waiting import eventually

EARLY = datetime(2021, 11, 11, 12, 0, tzinfo=UTC)
NUMBER = 7
PHONE = {"width": 390, "height": 844}
LOGGED_WAIT_S = 300.0
"""Gifts of a quiet minute wait for its end before they are in the log."""


@dataclass
class World:
    """A ledger, reporting beside it, and what one test's platform has on them."""

    ledger: Running
    reporting: Running
    tenant: Tenant

    @property
    def donation(self) -> dict[str, Any]:
        (line,) = self.tenant.donations(NUMBER, 1)
        return line

    def receipt(self, **changes: str) -> httpx.Response:
        asked = {**self.donation, "day": DAY, "platform": self.tenant.name, **changes}
        address = f"{self.reporting.url}/v1/receipts/{asked['platform']}/{asked['merchant']}/{asked['id']}"
        return httpx.get(address, params={"day": asked["day"]}, trust_env=False, timeout=120)

    def get(self, path: str) -> bytes:
        return httpx.get(f"{self.reporting.url}{path}", trust_env=False, timeout=120).raise_for_status().content

    def push(self, first: int, number: int) -> None:
        assert self.tenant.push(ndjson(self.tenant.donations(first, number))).status_code == 202


@pytest.fixture(scope="module")
def world(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, namespace, now = tmp_path_factory.mktemp("receipts"), new_namespace(), datetime.now(UTC)
    settings = {
        "PANDA_SHARDS": "2",
        "PANDA_ACCEPT_DAYS": "36500",
        "PANDA_SECRETS_KEY": "of-tests-and-of-nothing-else-at-all",
        "PANDA_CLOCK_EPOCH": now.isoformat(),
        "PANDA_CLOCK_START": EARLY.isoformat(),
    }
    with running("donations", stack, namespace, folder, settings) as ledger, tenant_on(ledger, "receipts") as tenant:
        settings_of_reporting = {
            "PANDA_SHARDS": "2",
            "PANDA_DONATIONS_URL": ledger.url,
            "PANDA_SERVICE_KEY": ledger.keys[SERVICE_ROLE],
        }
        with running("reporting", stack, namespace, folder, settings_of_reporting) as reporting:
            yield World(ledger, reporting, tenant)


@pytest.fixture(scope="module")
def fetched(world: World) -> bytes:
    """A receipt, once there is one: the day ends, the page closes, it is sealed, and the log tells of it."""
    world.push(0, 40)
    eventually(lambda: world.receipt().status_code == 200, "the gift is recorded")
    early = world.receipt().json()
    assert (early["state"], "scheme" in early) == ("page_open", False)
    assert "2021-11-12" in early["en"] and "2021-11-12" in early["zh"]
    assert early["donation"]["amount_fen"] == world.donation["amount_fen"]
    now, ledger = datetime.now(UTC), world.ledger
    ledger.kill()
    ledger.env.update(PANDA_CLOCK_EPOCH=now.isoformat(), PANDA_CLOCK_START=(EARLY + timedelta(days=1)).isoformat())
    ledger.start_again()
    states, numbers = set[str](), count(100)

    def is_made() -> bool:
        world.push(next(numbers), 1)  # each is an event of its shard, so that no minute has to end
        answer = world.receipt().json()
        states.add(answer.get("state", "made"))
        return "scheme" in answer

    eventually(is_made, "there is a receipt", wait_s=LOGGED_WAIT_S, every_s=0.3)
    assert states <= {"page_open", "page_closed", "page_sealed", "page_logged", "made"}
    return world.receipt().content


def test_a_receipt_is_proven_with_the_key_that_the_log_serves(world: World, fetched: bytes) -> None:
    verdict = verify(fetched, parse_keys(world.get("/log/key").decode()))
    assert verdict.is_proven, verdict
    assert verdict.donation is not None and verdict.donation.id == world.donation["id"]
    entry = json.loads(fetched)["entry"]
    (line,) = world.get(f"/log/entries.ndjson?from={entry['index']}&to={entry['index'] + 1}").splitlines()
    assert leaf_hash(line) == leaf_hash(entry["text"].encode())
    assert entry["text"].encode() == line


def test_each_page_is_in_the_log_once_and_behind_its_gifts(world: World, fetched: bytes) -> None:
    told = [json.loads(line) for line in world.get("/log/entries.ndjson").splitlines()]
    sealed = [one for one in told if one["type"] == "donations.PageSealed"]
    assert len({(one["shard"], one["page"]) for one in sealed}) == len(sealed) >= 1
    for one in sealed:
        before = told[: told.index(one)]
        recorded = [entry for entry in before if entry["type"] == "donations.DonationsRecorded"]
        counts = [cell["count"] for entry in recorded if entry["shard"] == one["shard"] for cell in entry["days"]]
        assert sum(counts) >= one["rows"] == sum(part["count"] for part in one["programmes"])
        assert one["fen"] == sum(part["fen"] for part in one["programmes"])


def test_what_the_ledger_does_not_have_is_404(world: World, fetched: bytes) -> None:
    for changes in ({"id": "nobody"}, {"day": "2021-11-12"}, {"platform": "other"}):
        answer = world.receipt(**changes)
        assert (answer.status_code, answer.json()["code"]) == (404, "donation_unknown"), changes


def test_a_page_that_was_changed_since_is_not_shown_as_proven(world: World, fetched: bytes) -> None:
    page = json.loads(fetched)["page"]
    seals, id = world.tenant.ledger.seals, f"{page['shard']:04d}/{page['page']:010d}"
    kept = seals.find_one({"_id": id})
    assert kept is not None
    seals.update_one({"_id": id}, {"$set": {"root": bytes(32)}})
    try:
        answer = world.receipt()
        assert (answer.status_code, answer.json()["code"]) == (409, "page_contradicts_log")
    finally:
        seals.replace_one({"_id": id}, kept)
    assert world.receipt().status_code == 200


@needs_chromium
@pytest.mark.parametrize(("lang", "tap"), [("en", "Check it in one tap"), ("zh", "一键核验")])
def test_a_receipt_to_take_is_checked_in_one_tap_and_not_where_its_file_was_changed(
    world: World, browser: Browser, fetched: bytes, lang: str, tap: str
) -> None:
    donation, trouble = world.donation, list[str]()
    page = f"{world.reporting.url}/receipt/{world.tenant.name}/{donation['merchant']}/{donation['id']}?day={DAY}"
    with browser.new_context(viewport=PHONE) as context:
        tab = context.new_page()
        tab.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        tab.goto(f"{page}&lang={lang}")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert str(json.loads(fetched)["entry"]["index"]) in tab.inner_text(".slip")
        tab.click(f"text={tap}")
        tab.wait_for_selector("#verdict.ok")
        assert tab.locator("#steps li.ok").count() == 5 and donation["id"] in tab.inner_text("#facts")
        changed = fetched.replace(b'"amount_fen":', b'"amount_fen":9', 1)
        tab.route("**/v1/receipts/**", lambda route: route.fulfill(body=changed, content_type="application/json"))
        tab.reload()
        tab.wait_for_selector("#verdict.failed")
    assert trouble == [], "nothing broke, and the strict content policy refused nothing"


def panda(*arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=False, cwd=cwd)


def test_panda_fetches_a_receipt_without_a_key_and_verifies_it_offline(
    world: World, fetched: bytes, tmp_path: Path
) -> None:
    donation, site = world.donation, {"PANDA_REPORTING_URL": world.reporting.url}
    asked = ("receipt", donation["merchant"], donation["id"], "--day", DAY, "--platform", world.tenant.name)
    made = panda(*asked, env=site, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "receipt.json").write_bytes(made.stdout)
    (tmp_path / "key").write_bytes(world.get("/log/key"))
    offline = {"PANDA_REPORTING_URL": "http://127.0.0.1:1"}
    good = panda("verify", "receipt.json", "--key", "key", "--json", env=offline, cwd=tmp_path)
    assert (good.returncode, json.loads(good.stdout)["conclusion"]) == (0, "proven"), good.stderr
    keyless = panda("verify", "receipt.json", env=offline, cwd=tmp_path)
    assert keyless.returncode == 2 and b"No key entered" in keyless.stdout
    forged = made.stdout.replace(b'"amount_fen": ', b'"amount_fen": 9')
    (tmp_path / "receipt.json").write_bytes(forged)
    bad = panda("verify", "receipt.json", "--key", "key", env=offline, cwd=tmp_path)
    assert bad.returncode == 1 and b"NOT proven" in bad.stdout


def test_while_the_logs_key_changes_either_key_proves_a_receipt_and_old_ones_stay_proven(
    world: World, fetched: bytes
) -> None:
    reporting, folder = world.reporting, world.reporting.folder
    old = SignerKey(LOG_ORIGIN, bytes.fromhex(ensure_log_key(folder).read_text().strip())).verifier
    fresh = rotate_log_key(folder)
    reporting.kill()
    reporting.env["PANDA_LOG_KEY_BEFORE_FILE"] = str(key_before_file(folder))
    reporting.start_again()
    signed_by_both = eventually(lambda: "scheme" in world.receipt().json() and world.receipt().content, "a receipt")
    for key in (old.text, fresh.text):
        assert verify(signed_by_both, parse_keys(key)).is_proven, key
    size = Checkpoint.parse(Note.parse(world.get("/log/checkpoint")).text).size
    assert parse_keys(world.get("/log/key").decode()).log[0].key == fresh
    del reporting.env["PANDA_LOG_KEY_BEFORE_FILE"]
    reporting.kill()
    reporting.start_again()
    after = eventually(lambda: "scheme" in world.receipt().json() and world.receipt().content, "a receipt")
    assert not verify(after, parse_keys(old.text)).is_proven
    keys = parse_keys(f"{fresh.text}\n{old.text} until {size}")
    assert all(verify(one, keys).is_proven for one in (fetched, signed_by_both, after))
    assert parse_keys(ensure_log_public_keys(folder).read_text()).log[0].key == fresh
