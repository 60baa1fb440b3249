"""Who may push, and who may look, on a real Kafka and a real MongoDB."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import httpx

from pandapack.contracts.signing import secret_bytes, sign
from tests.service.donations.tenant import (
    DAY,
    NDJSON,
    PROGRAMME,
    Tenant,
    columns_of,
    donations,
    fen_of,
    ndjson,
    registered,
    where,
)
from tests.service.running import Running
from tests.waiting import eventually

_keys = itertools.count(1)
UNSCOPED = {"merchant": "M9", "name": "M"}
STRANGER = {"merchant": "nobody:M9", "name": "M"}


def commanded(service: Running, method: str, path: str, **options: Any) -> httpx.Response:
    """An operator's command under a new Idempotency-Key, unless one is given."""
    headers = {"Idempotency-Key": f"command-{next(_keys)}"} | options.pop("headers", {})
    with service.client("operator") as client:
        return client.request(method, path, headers=headers, **options)


def push(service: Running, key: str, body: bytes, **headers: str) -> httpx.Response:
    sent = {**NDJSON, "Authorization": f"Bearer {key}", **headers}
    return httpx.post(f"{service.url}/v1/donations", content=body, headers=sent, trust_env=False, timeout=120)


def signed(secret: str, body: bytes, *, id: str = "msg_1", off_s: int = 0) -> dict[str, str]:
    at = str(int(time.time()) + off_s)
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": sign(secret_bytes(secret), id, at, body)}


def of_merchant(merchant: str, first: int = 0, count: int = 3) -> list[dict[str, Any]]:
    return donations(first, count, merchant=merchant)


def counted(tenant: Tenant, merchant: str) -> int:
    """How many donations of a merchant are on all pages."""
    pages = tenant.ledger.pages.find({}, {"columns": 1})
    return sum(int(where(columns_of(page).merchants, merchant).sum()) for page in pages)


def test_a_registered_platform_pushes_with_its_key_and_a_repeat_of_the_registration_shows_no_secret(
    service: Running,
) -> None:
    body = {"platform": "once", "name": "Once"}
    first = commanded(service, "POST", "/v1/platforms", json=body, headers={"Idempotency-Key": "once"})
    again = commanded(service, "POST", "/v1/platforms", json=body, headers={"Idempotency-Key": "once"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert {"key", "secret"} <= first.json().keys() and not {"key", "secret"} & again.json().keys()
    assert push(service, first.json()["key"], ndjson(donations(0, 1))).status_code == 202
    shown = commanded(service, "GET", "/v1/platforms/once").json()
    assert [key["role"] for key in shown["keys"]] == ["platform"]
    assert first.json()["secret"] not in str(shown) and first.json()["key"] not in str(shown)


def test_secrets_lie_in_the_database_encrypted(service: Running, tenant: Tenant) -> None:
    made = registered(service, "sealed")
    kept = str(tenant.ledger.platforms.find_one({"_id": "sealed"}))
    assert "aes-256-gcm:" in kept and made["secret"].removeprefix("whsec_") not in kept and made["key"] not in kept


SIGNED_WRONGLY: list[tuple[str, Callable[[str, bytes], dict[str, str]], str]] = [
    ("not at all", lambda secret, body: {}, "signature_missing"),
    ("over another body", lambda secret, body: signed(secret, body + b" "), "signature_wrong"),
    ("an hour ago", lambda secret, body: signed(secret, body, off_s=-3600), "signature_stale"),
    ("in an hour", lambda secret, body: signed(secret, body, off_s=3600), "signature_stale"),
]


def test_a_platform_that_must_sign_is_refused_by_name_where_it_did_not(service: Running, tenant: Tenant) -> None:
    made, body = registered(service, "signs", signature_demanded=True), ndjson(of_merchant("SIGNS"))
    for what, headers, code in SIGNED_WRONGLY:
        answer = push(service, made["key"], body, **headers(made["secret"], body))
        assert (answer.status_code, answer.json()["code"]) == (401, code), what
        assert made["secret"] not in answer.text
    wrong = push(service, made["key"], body, **signed(made["secret"], b"other")).json()
    assert wrong["signed"]["body_bytes"] == len(body)
    assert push(service, made["key"], body, **signed(made["secret"], body)).status_code == 202
    eventually(lambda: counted(tenant, "signs:SIGNS") == 3, "the signed ones are counted")


def test_the_same_id_and_body_get_the_same_answer_and_another_body_is_refused(service: Running) -> None:
    made, body = registered(service, "repeats", signature_demanded=True), ndjson(of_merchant("REPEATS"))
    first = push(service, made["key"], body, **signed(made["secret"], body))
    again = push(service, made["key"], body, **signed(made["secret"], body, off_s=5))
    other = push(service, made["key"], body + b"\n", **signed(made["secret"], body + b"\n"))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    differing = push(service, made["key"], body, **signed(made["secret"], body), **{"Idempotency-Key": "another"})
    assert (differing.status_code, differing.json()["code"]) == (400, "idempotency_keys_differ")


def test_two_keys_of_a_platform_share_its_pushes(service: Running) -> None:
    made, body = registered(service, "two-keys"), ndjson(of_merchant("TWOKEYS"))
    second = commanded(service, "POST", "/v1/platforms/two-keys/keys", json={"name": "another"}).json()["key"]
    answers = [push(service, key, body, **{"Idempotency-Key": "shared"}).json() for key in (made["key"], second)]
    assert answers[0] == answers[1]
    headers = {"Authorization": f"Bearer {second}"}
    shown = httpx.get(f"{service.url}/v1/pushes/{answers[0]['push_id']}", headers=headers, trust_env=False, timeout=120)
    assert shown.json()["accepted"] == 3


def test_while_a_secret_is_rotated_both_sign_and_a_retired_one_does_not(service: Running) -> None:
    made, body = registered(service, "rotates", signature_demanded=True), ndjson(of_merchant("ROTATES"))
    newer = commanded(service, "POST", "/v1/platforms/rotates/secrets").json()["secret"]
    for number, secret in enumerate((made["secret"], newer)):
        assert push(service, made["key"], body, **signed(secret, body, id=f"r{number}")).status_code == 202
    assert commanded(service, "DELETE", "/v1/platforms/rotates/secrets/1").status_code == 200
    old = push(service, made["key"], body, **signed(made["secret"], body, id="r3"))
    assert (old.status_code, old.json()["code"]) == (401, "signature_wrong")
    assert push(service, made["key"], body, **signed(newer, body, id="r4")).status_code == 202


def test_a_secret_for_tests_signs_no_live_push_and_a_live_one_no_test(service: Running) -> None:
    live = registered(service, "signs-both", signature_demanded=True)
    key = commanded(service, "POST", "/v1/platforms/signs-both/keys", json={"mode": "test"}).json()["key"]
    body = ndjson(of_merchant("BOTH"))
    for headers in ({}, signed(live["secret"], body)):
        unable = push(service, key, body, **headers)
        assert (unable.status_code, unable.json()["code"]) == (401, "test_secret_missing")
        assert "/v1/platforms/signs-both/secrets?mode=test" in unable.json()["detail"]
    made = commanded(service, "POST", "/v1/platforms/signs-both/secrets?mode=test").json()
    for what, own, secret, others in (("live", live["key"], live["secret"], made), ("test", key, made["secret"], live)):
        wrong = push(service, own, body, **signed(others["secret"], body, id=f"wrong-{what}"))
        assert (wrong.status_code, wrong.json()["code"]) == (401, "signature_wrong"), what
        right = push(service, own, body, **signed(secret, body, id=f"right-{what}"))
        assert (right.status_code, right.json()["test"]) == (202, what == "test")
    shown = commanded(service, "GET", "/v1/platforms/signs-both").json()["secrets"]
    assert [(secret["number"], secret["mode"]) for secret in shown] == [(2, "test"), (1, "live")]
    last = commanded(service, "DELETE", "/v1/platforms/signs-both/secrets/1")
    assert (last.status_code, last.json()["code"]) == (409, "secret_is_the_last")
    assert commanded(service, "DELETE", "/v1/platforms/signs-both/secrets/2").status_code == 200
    gone = push(service, key, body, **signed(made["secret"], body, id="gone"))
    assert (gone.status_code, gone.json()["code"]) == (401, "test_secret_missing")


def test_a_test_key_is_answered_counts_nothing_and_sees_no_live_push_nor_a_live_key_its_own(
    service: Running, tenant: Tenant
) -> None:
    live = registered(service, "tests")["key"]
    made = commanded(service, "POST", "/v1/platforms/tests/keys", json={"mode": "test"}).json()
    assert (made["mode"], made["key"].startswith("panda_platform_test_")) == ("test", True)
    named = {"Idempotency-Key": "the same"}
    tried = push(service, made["key"], ndjson(of_merchant("TESTS")) + b"\n{oops", **named).json()
    pushed = push(service, live, ndjson(of_merchant("TESTS", first=10)), **named).json()
    assert (tried["test"], tried["accepted"], tried["rejected"], pushed["test"]) == (True, 3, 1, False)
    with service.client_of(live) as live_client, service.client_of(made["key"]) as test_client:
        for client, own, others in ((test_client, tried, pushed), (live_client, pushed, tried)):
            assert client.get(f"/v1/pushes/{own['push_id']}").json()["accepted"] == 3
            assert client.get(f"/v1/pushes/{others['push_id']}").status_code == 404
            assert [one["push_id"] for one in client.get("/v1/pushes").json()["items"]] == [own["push_id"]]
        assert test_client.get("/v1/pushes", params={"mode": "live"}).json()["items"] == []
    with service.client("auditor") as auditor:
        asked = {"platform": "tests", "mode": "test"}
        assert [one["push_id"] for one in auditor.get("/v1/pushes", params=asked).json()["items"]] == [tried["push_id"]]
    eventually(lambda: counted(tenant, "tests:TESTS") > 0, "what came live is counted")
    assert counted(tenant, "tests:TESTS") == 3


def test_who_is_faster_than_agreed_is_told_when_to_come_again(service: Running) -> None:
    made = registered(service, "hasty", lines_a_second=10)
    body = ndjson(of_merchant("HASTY", count=500))
    answers = [push(service, made["key"], body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429]
    assert answers[1].json()["code"] == "rate_exceeded" and int(answers[1].headers["Retry-After"]) >= 1
    calm = registered(service, "calm")
    assert push(service, calm["key"], body).status_code == 202


def test_only_operators_register_and_what_cannot_be_is_refused_by_name(service: Running) -> None:
    registered(service, "known")
    wrong: list[tuple[str, str, str, Any, int, str]] = [
        ("twice", "POST", "/v1/platforms", {"platform": "known", "name": "K"}, 409, "platform_known"),
        ("an id of no name", "POST", "/v1/platforms", {"platform": "a b", "name": "K"}, 422, "invalid_request"),
        ("terms of nobody", "PUT", "/v1/platforms/nobody", {"name": "N"}, 404, "platform_unknown"),
        ("a key for nobody", "POST", "/v1/platforms/nobody/keys", {}, 404, "platform_unknown"),
        ("the last secret", "DELETE", "/v1/platforms/known/secrets/1", None, 409, "secret_is_the_last"),
        ("a merchant's key of nobody", "POST", "/v1/keys", {"role": "merchant", "name": "M"}, 422, "owner_missing"),
        (
            "a merchant without a platform",
            "POST",
            "/v1/merchants",
            {"merchant": "M9", "name": "M"},
            422,
            "merchant_unscoped",
        ),
        ("an id with a colon", "POST", "/v1/platforms", {"platform": "a:b", "name": "K"}, 422, "invalid_request"),
        ("an id too long", "POST", "/v1/platforms", {"platform": "a" * 17, "name": "K"}, 422, "invalid_request"),
        ("a merchant of nobody's", "POST", "/v1/merchants", STRANGER, 404, "platform_unknown"),
        ("another name for nobody", "PUT", "/v1/merchants/nobody", {"name": "N"}, 404, "merchant_unknown"),
        ("a key of no merchant", "POST", "/v1/merchants/nobody/keys", {}, 404, "merchant_unknown"),
    ]
    for what, method, path, body, status, code in wrong:
        answer = commanded(service, method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
    with service.client("platform") as client:
        assert client.get("/v1/platforms").status_code == 403


def test_a_settlement_tells_nothing_of_merchants_that_it_does_not_name(service: Running, tenant: Tenant) -> None:
    key = registered(service, "payer")["key"]
    commanded(service, "POST", "/v1/merchants", json={"merchant": "payer:QUIET", "name": "Quiet"})
    named = of_merchant("NAMED")
    push(service, key, ndjson([*named, *of_merchant("QUIET"), *of_merchant("NOT-OURS")]))
    for merchant in ("NAMED", "QUIET", "NOT-OURS"):
        eventually(lambda merchant=merchant: counted(tenant, f"payer:{merchant}") == 3, f"{merchant} is counted")
    head = {"settlement": "S", "programme": PROGRAMME, "bank_reference": "B 1", "currency": "CNY"}
    sums = [{"merchant": "NAMED", "day": DAY, "count": 3, "fen": fen_of(named)}]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "forgets"}
    with httpx.Client(base_url=service.url, headers=headers, trust_env=False, timeout=120) as client:
        location = client.post("/v1/settlements", json={**head, "sums": sums}).headers["Location"]
        eventually(lambda: client.get(location).json()["status"] == "reconciled", "the statement is drawn up")
        extra = client.get(f"{location}/differences", params={"kind": "extra"}).json()["items"]
    assert extra == []


def test_a_merchant_is_called_otherwise_and_stays_its_platforms(service: Running) -> None:
    registered(service, "stays")
    made = commanded(service, "POST", "/v1/merchants", json={"merchant": "stays:M", "name": "M"})
    assert made.json() == {"merchant": "stays:M", "name": "M", "key": made.json()["key"]}
    renamed = {"merchant": "stays:M", "name": "Renamed"}
    assert commanded(service, "PUT", "/v1/merchants/stays:M", json={"name": "Renamed"}).json() == renamed
    moved = commanded(service, "PUT", "/v1/merchants/stays:M", json={"name": "Moved", "platform": "local"})
    assert moved.status_code == 422 and "it does not move" in moved.text
    with service.client("auditor") as client:
        items = client.get("/v1/merchants", params={"limit": 500}).json()["items"]
    assert [item for item in items if item["merchant"] == "stays:M"] == [renamed]


def test_a_merchant_sees_its_own_volumes_and_donations_and_of_others_what_does_not_exist(
    service: Running, tenant: Tenant
) -> None:
    pushed = registered(service, "volumes")
    made = commanded(service, "POST", "/v1/merchants", json={"merchant": "volumes:MINE", "name": "Mine"}).json()
    lines = of_merchant("MINE", first=0, count=9)
    push(service, pushed["key"], ndjson([*lines, *of_merchant("THEIRS")]))
    mine, theirs = "volumes:MINE", "volumes:THEIRS"
    eventually(lambda: counted(tenant, mine) == 9 and counted(tenant, theirs) == 3, "all are counted")
    expected = [{"programme": PROGRAMME, "count": 9, "fen": fen_of(lines)}]
    first, statuses = lines[0]["id"], dict[tuple[str, str], int]()
    for who, key in (("merchant", made["key"]), ("auditor", service.keys["auditor"]), ("platform", pushed["key"])):
        headers = {"Authorization": f"Bearer {key}"}
        own, other = (mine, theirs) if who == "auditor" else ("MINE", "THEIRS")
        with httpx.Client(
            base_url=service.url, headers=headers, params={"day": DAY}, trust_env=False, timeout=120
        ) as client:
            volumes = client.get(f"/v1/merchants/{own}/volumes")
            assert volumes.status_code == 403 or volumes.json()["programmes"] == expected
            statuses[who, "own volumes"] = volumes.status_code
            statuses[who, "another's volumes"] = client.get(f"/v1/merchants/{other}/volumes").status_code
            donation = client.get(f"/v1/donations/{own}/{first}")
            assert donation.json()["merchant"] == own
            statuses[who, "own donation"] = donation.status_code
            statuses[who, "another's donation"] = client.get(f"/v1/donations/{other}/{first}").status_code
    assert statuses == {
        ("merchant", "own volumes"): 200,
        ("merchant", "another's volumes"): 404,
        ("merchant", "own donation"): 200,
        ("merchant", "another's donation"): 404,
        ("auditor", "own volumes"): 200,
        ("auditor", "another's volumes"): 200,
        ("auditor", "own donation"): 200,
        ("auditor", "another's donation"): 200,
        ("platform", "own volumes"): 403,
        ("platform", "another's volumes"): 403,
        ("platform", "own donation"): 200,
        ("platform", "another's donation"): 200,
    }
