"""Who may push, and who may look, on a real Kafka and a real MongoDB."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from pandapack.contracts.pages import unpack
from pandapack.contracts.signing import secret_bytes, sign
from tests.service.donations.test_push import DAY, NDJSON, eventually, gifts, ndjson
from tests.service.running import Running, running
from tests.stack import Servers

SECRETS_KEY = "of-tests-and-of-nothing-else-at-all"
_keys = itertools.count(1)
STRANGER = {"merchant": "M9", "name": "M", "platform": "nobody"}


@pytest.fixture(scope="module")
def space() -> str:
    return f"platforms{time.time_ns()}"


@pytest.fixture(scope="module")
def donations(stack: Servers, space: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("platforms")
    more = {"PANDA_LINES": "2", "PANDA_ACCEPT_DAYS": "36500", "PANDA_SECRETS_KEY": SECRETS_KEY}
    with running("donations", stack, space, folder, more) as service:
        yield service


@pytest.fixture(scope="module")
def database(stack: Servers, space: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    yield client[f"{space}_panda_donations"]
    client.drop_database(f"{space}_panda_donations")
    client.close()


def commanded(service: Running, method: str, path: str, **options: Any) -> httpx.Response:
    """An operator's command under a new Idempotency-Key, unless one is given."""
    headers = {"Idempotency-Key": f"command-{next(_keys)}"} | options.pop("headers", {})
    with service.client("operator") as client:
        return client.request(method, path, headers=headers, **options)


def platform(service: Running, id: str, **terms: Any) -> dict[str, Any]:
    """A new platform: its `key` and its `secret`."""
    answer = commanded(service, "POST", "/v1/platforms", json={"platform": id, "name": f"Platform {id}", **terms})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def push(service: Running, key: str, body: bytes, **headers: str) -> httpx.Response:
    sent = {**NDJSON, "Authorization": f"Bearer {key}", **headers}
    return httpx.post(f"{service.url}/v1/donations", content=body, headers=sent, trust_env=False, timeout=30)


def signed(secret: str, body: bytes, *, id: str = "msg_1", off_s: int = 0) -> dict[str, str]:
    at = str(int(time.time()) + off_s)
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": sign(secret_bytes(secret), id, at, body)}


def of_merchant(merchant: str, first: int = 0, count: int = 3) -> list[dict[str, Any]]:
    return gifts(first, count, merchant=merchant)


def counted(database: Any, merchant: str) -> int:
    pages = [unpack(bytes(page["columns"])) for page in database.pages.find()]
    return sum(list(page.merchants).count(merchant) for page in pages)


def test_a_registered_platform_pushes_with_its_key_and_a_repeat_of_the_registration_shows_no_secret(
    donations: Running,
) -> None:
    body = {"platform": "once", "name": "Once"}
    first = commanded(donations, "POST", "/v1/platforms", json=body, headers={"Idempotency-Key": "once"})
    again = commanded(donations, "POST", "/v1/platforms", json=body, headers={"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert {"key", "secret"} <= first.json().keys() and not {"key", "secret"} & again.json().keys()
    assert push(donations, first.json()["key"], ndjson(gifts(0, 1))).status_code == 202
    shown = commanded(donations, "GET", "/v1/platforms/once").json()
    assert [key["role"] for key in shown["keys"]] == ["platform"]
    assert first.json()["secret"] not in str(shown) and first.json()["key"] not in str(shown)


def test_secrets_lie_in_the_database_encrypted(donations: Running, database: Any) -> None:
    made = platform(donations, "sealed")
    kept = str(database.platforms.find_one({"_id": "sealed"}))
    assert "aes-256-gcm:" in kept and made["secret"].removeprefix("whsec_") not in kept and made["key"] not in kept


SIGNED_WRONGLY: list[tuple[str, Callable[[str, bytes], dict[str, str]], str]] = [
    ("not at all", lambda secret, body: {}, "signature_missing"),
    ("over another body", lambda secret, body: signed(secret, body + b" "), "signature_wrong"),
    ("an hour ago", lambda secret, body: signed(secret, body, off_s=-3600), "signature_stale"),
    ("in an hour", lambda secret, body: signed(secret, body, off_s=3600), "signature_stale"),
]


def test_a_platform_that_must_sign_is_refused_by_name_where_it_did_not(donations: Running, database: Any) -> None:
    made, body = platform(donations, "signs", signature_demanded=True), ndjson(of_merchant("SIGNS"))
    for what, headers, code in SIGNED_WRONGLY:
        answer = push(donations, made["key"], body, **headers(made["secret"], body))
        assert (answer.status_code, answer.json()["code"]) == (401, code), what
        assert made["secret"] not in answer.text
    wrong = push(donations, made["key"], body, **signed(made["secret"], b"other")).json()
    assert wrong["signed"]["body_bytes"] == len(body)
    assert push(donations, made["key"], body, **signed(made["secret"], body)).status_code == 202
    eventually(lambda: counted(database, "SIGNS") == 3, "the signed ones are counted")


def test_the_same_id_and_body_get_the_same_answer_and_another_body_is_refused(donations: Running) -> None:
    made, body = platform(donations, "repeats", signature_demanded=True), ndjson(of_merchant("REPEATS"))
    first = push(donations, made["key"], body, **signed(made["secret"], body))
    again = push(donations, made["key"], body, **signed(made["secret"], body, off_s=5))
    other = push(donations, made["key"], body + b"\n", **signed(made["secret"], body + b"\n"))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    differing = push(donations, made["key"], body, **signed(made["secret"], body), **{"Idempotency-Key": "another"})
    assert (differing.status_code, differing.json()["code"]) == (400, "idempotency_keys_differ")


def test_two_keys_of_a_platform_share_its_pushes(donations: Running) -> None:
    made, body = platform(donations, "two-keys"), ndjson(of_merchant("TWOKEYS"))
    second = commanded(donations, "POST", "/v1/platforms/two-keys/keys", json={"name": "another"}).json()["key"]
    answers = [push(donations, key, body, **{"Idempotency-Key": "shared"}).json() for key in (made["key"], second)]
    assert answers[0] == answers[1]
    headers = {"Authorization": f"Bearer {second}"}
    shown = httpx.get(f"{donations.url}/v1/pushes/{answers[0]['push_id']}", headers=headers, trust_env=False)
    assert shown.json()["accepted"] == 3


def test_while_a_secret_is_rotated_both_sign_and_a_retired_one_does_not(donations: Running) -> None:
    made, body = platform(donations, "rotates", signature_demanded=True), ndjson(of_merchant("ROTATES"))
    newer = commanded(donations, "POST", "/v1/platforms/rotates/secrets").json()["secret"]
    for number, secret in enumerate((made["secret"], newer)):
        assert push(donations, made["key"], body, **signed(secret, body, id=f"r{number}")).status_code == 202
    assert commanded(donations, "DELETE", "/v1/platforms/rotates/secrets/1").status_code == 200
    old = push(donations, made["key"], body, **signed(made["secret"], body, id="r3"))
    assert (old.status_code, old.json()["code"]) == (401, "signature_wrong")
    assert push(donations, made["key"], body, **signed(newer, body, id="r4")).status_code == 202


def test_test_mode_validates_and_answers_and_counts_nothing(donations: Running, database: Any) -> None:
    made = platform(donations, "tests", mode="test")
    broken = ndjson(of_merchant("TESTS")) + b"\n{oops"
    answer = push(donations, made["key"], broken)
    assert (answer.status_code, answer.json()["test"]) == (202, True)
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (3, 1)
    headers = {"Authorization": f"Bearer {made['key']}"}
    shown = httpx.get(f"{donations.url}/v1/pushes/{answer.json()['push_id']}", headers=headers, trust_env=False).json()
    assert (shown["state"], shown["accepted"]) == ("test", 3)
    terms = {"name": "Tests", "mode": "live"}
    assert commanded(donations, "PUT", "/v1/platforms/tests", json=terms).status_code == 200
    live = push(donations, made["key"], ndjson(of_merchant("TESTS", first=10)))
    assert live.json()["test"] is False
    eventually(lambda: counted(database, "TESTS") > 0, "what came live is counted")
    assert counted(database, "TESTS") == 3


def test_who_is_faster_than_agreed_is_told_when_to_come_again(donations: Running) -> None:
    made = platform(donations, "hasty", lines_a_second=10)
    body = ndjson(of_merchant("HASTY", count=500))
    answers = [push(donations, made["key"], body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429]
    assert answers[1].json()["code"] == "rate_exceeded" and int(answers[1].headers["Retry-After"]) >= 1
    calm = platform(donations, "calm")
    assert push(donations, calm["key"], body).status_code == 202


def test_only_operators_register_and_what_cannot_be_is_refused_by_name(donations: Running) -> None:
    platform(donations, "known")
    wrong: list[tuple[str, str, str, Any, int, str]] = [
        ("twice", "POST", "/v1/platforms", {"platform": "known", "name": "K"}, 409, "platform_known"),
        ("an id of no name", "POST", "/v1/platforms", {"platform": "a b", "name": "K"}, 422, "invalid_request"),
        ("terms of nobody", "PUT", "/v1/platforms/nobody", {"name": "N"}, 404, "platform_unknown"),
        ("a key for nobody", "POST", "/v1/platforms/nobody/keys", {}, 404, "platform_unknown"),
        ("the last secret", "DELETE", "/v1/platforms/known/secrets/1", None, 409, "secret_is_the_last"),
        ("a merchant's key of nobody", "POST", "/v1/keys", {"role": "merchant", "name": "M"}, 422, "owner_missing"),
        ("a merchant of nobody's", "POST", "/v1/merchants", STRANGER, 404, "platform_unknown"),
        ("another name for nobody", "PUT", "/v1/merchants/nobody", {"name": "N"}, 404, "merchant_unknown"),
        ("a key of no merchant", "POST", "/v1/merchants/nobody/keys", {}, 404, "merchant_unknown"),
    ]
    for what, method, path, body, status, code in wrong:
        answer = commanded(donations, method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
    with donations.client("platform") as client:
        assert client.get("/v1/platforms").status_code == 403


def test_a_settlement_that_forgets_a_merchant_of_the_platform_has_its_gifts_as_extra(
    donations: Running, database: Any
) -> None:
    key = platform(donations, "payer")["key"]
    commanded(donations, "POST", "/v1/merchants", json={"merchant": "QUIET", "name": "Quiet", "platform": "payer"})
    named = of_merchant("NAMED")
    push(donations, key, ndjson([*named, *of_merchant("QUIET"), *of_merchant("NOT-OURS")]))
    for merchant in ("NAMED", "QUIET", "NOT-OURS"):
        eventually(lambda merchant=merchant: counted(database, merchant) == 3, f"{merchant} is counted")
    head = {"settlement": "S", "programme": "love-parcel", "bank_reference": "B 1", "currency": "CNY"}
    sums = [{"merchant": "NAMED", "day": DAY, "count": 3, "fen": sum(line["amount_fen"] for line in named)}]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "forgets"}
    with httpx.Client(base_url=donations.url, headers=headers, trust_env=False) as client:
        location = client.post("/v1/settlements", json={**head, "sums": sums}).headers["Location"]
        eventually(lambda: client.get(location).json()["status"] == "reconciled", "the statement is drawn up")
        extra = client.get(f"{location}/differences", params={"kind": "extra"}).json()["items"]
    assert [(one["merchant"], one["ledger"]["count"]) for one in extra] == [("QUIET", 3)]


def test_a_merchant_can_be_given_to_another_platform(donations: Running) -> None:
    for id in ("first", "second"):
        platform(donations, id)
    commanded(donations, "POST", "/v1/merchants", json={"merchant": "MOVED", "name": "M", "platform": "first"})
    moved = {"name": "Moved", "platform": "second"}
    assert commanded(donations, "PUT", "/v1/merchants/MOVED", json=moved).json() == {"merchant": "MOVED", **moved}
    with donations.client("auditor") as client:
        items = client.get("/v1/merchants", params={"limit": 500}).json()["items"]
    assert [item for item in items if item["merchant"] == "MOVED"] == [{"merchant": "MOVED", **moved}]


def test_a_merchant_sees_its_own_volumes_and_gifts_and_no_others(donations: Running, database: Any) -> None:
    made = commanded(donations, "POST", "/v1/merchants", json={"merchant": "MINE", "name": "Mine"}).json()
    lines = of_merchant("MINE", first=0, count=9)
    pushed = platform(donations, "volumes")
    push(donations, pushed["key"], ndjson([*lines, *of_merchant("THEIRS")]))
    eventually(lambda: counted(database, "MINE") == 9 and counted(database, "THEIRS") == 3, "all are counted")
    expected = [{"programme": "love-parcel", "count": 9, "fen": sum(line["amount_fen"] for line in lines)}]
    statuses: dict[tuple[str, str], int] = {}
    for who, key in (("merchant", made["key"]), ("auditor", donations.keys["auditor"]), ("platform", pushed["key"])):
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=donations.url, headers=headers, params={"day": DAY}, trust_env=False) as client:
            volumes = client.get("/v1/merchants/MINE/volumes")
            assert volumes.status_code == 403 or volumes.json()["programmes"] == expected
            statuses[who, "own volumes"] = volumes.status_code
            statuses[who, "another's volumes"] = client.get("/v1/merchants/THEIRS/volumes").status_code
            statuses[who, "own gift"] = client.get(f"/v1/donations/MINE/{lines[0]['id']}").status_code
            statuses[who, "another's gift"] = client.get(f"/v1/donations/THEIRS/{lines[0]['id']}").status_code
    assert statuses == {
        ("merchant", "own volumes"): 200,
        ("merchant", "another's volumes"): 403,
        ("merchant", "own gift"): 200,
        ("merchant", "another's gift"): 403,
        ("auditor", "own volumes"): 200,
        ("auditor", "another's volumes"): 200,
        ("auditor", "own gift"): 200,
        ("auditor", "another's gift"): 200,
        ("platform", "own volumes"): 403,
        ("platform", "another's volumes"): 403,
        ("platform", "own gift"): 200,
        ("platform", "another's gift"): 200,
    }
