"""One door for donations, reversals and settlements, on a real Kafka and a real MongoDB."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import httpx

from tests.service.donations.tenant import DAY, NDJSON, PROGRAMME, Json, Tenant, ndjson, registered, reversal
from tests.service.donations.test_platforms import commanded, signed
from tests.service.running import Running
from tests.waiting import eventually

HEAD = {"settlement": "S-1", "programme": PROGRAMME, "bank_reference": "B-1"}
JSON = {"Content-Type": "application/json"}


def donation_with(number: int = 0, **changes: object) -> Json:
    at = f"{DAY}T10:00:00+08:00"
    return {
        "id": str(number), "merchant": "M1", "programme": PROGRAMME, "amount_fen": 9, "at": at, **changes,
    }  # fmt: skip


def file_of(*donations: Json) -> bytes:
    return ndjson([{"merchant": one["merchant"], "id": one["id"], "day": DAY, "amount_fen": 9} for one in donations])


def settle(client: httpx.Client, body: bytes, headers: Mapping[str, str], **head: str) -> httpx.Response:
    return client.post("/v1/settlements", params={**HEAD, **head}, content=body, headers={**NDJSON, **headers})


def told(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def test_a_settlement_is_taken_by_its_signature_alone_and_refused_where_that_is_wrong_or_missing(
    service: Running,
) -> None:
    made, body = registered(service, "settler", signature_demanded=True), file_of(donation_with())
    wrong, right = signed(made["secret"], body + b" "), signed(made["secret"], body)
    sums = {**HEAD, "settlement": "S-2", "currency": "CNY"}
    whole = json.dumps({**sums, "sums": [{"merchant": "M1", "day": DAY, "count": 1, "fen": 9}]}).encode()
    with service.client_of(made["key"]) as client:
        assert told(settle(client, body, {"Idempotency-Key": "k"})) == (401, "signature_missing")
        assert told(settle(client, body, wrong)) == (401, "signature_wrong")
        assert settle(client, body, wrong).json()["signed"]["body_bytes"] == len(body)
        assert client.get("/v1/settlements").json()["items"] == []  # nothing was concluded from these
        first, again = settle(client, body, right), settle(client, body, right)
        assert (first.status_code, first.json()) == (202, again.json())  # named by webhook-id alone
        refused = client.post("/v1/settlements", content=whole, headers={**JSON, **signed(made["secret"], b"x")})
        assert told(refused) == (401, "signature_wrong")
        taken = client.post("/v1/settlements", content=whole, headers={**JSON, **signed(made["secret"], whole, id="m")})
        assert taken.status_code == 202
        assert len(client.get("/v1/settlements").json()["items"]) == 2


def test_a_settlement_comes_packed_and_is_signed_as_it_is_sent(service: Running) -> None:
    made = registered(service, "packer")
    packed = gzip.compress(file_of(*(donation_with(number) for number in range(2_000))))
    headers = {"Content-Encoding": "gzip", "Idempotency-Key": "packed"}
    with service.client_of(made["key"]) as client:
        cut = settle(client, packed[:-4], headers)
        assert told(cut) == (400, "not_gzip")
        assert told(settle(client, packed + packed, headers)) == (400, "not_gzip")
        body = gzip.compress(file_of(donation_with()))
        answer = settle(client, body, {"Content-Encoding": "gzip", **signed(made["secret"], body)})
        assert answer.status_code == 202, answer.text
        assert settle(client, packed, headers, settlement="S-3").status_code == 202
        shown = client.get("/v1/settlements/S-3").json()
        assert shown["settled"] == {"count": 2_000, "fen": 18_000}


def test_what_comes_with_a_test_key_is_answered_and_touches_nothing_that_counts(
    service: Running, tenant: Tenant
) -> None:
    made, donation = registered(service, "rehearses"), donation_with(merchant="REHEARSED")
    test_key = commanded(service, "POST", "/v1/platforms/rehearses/keys", json={"mode": "test"}).json()["key"]
    with service.client_of(made["key"]) as client, service.client_of(test_key) as tests:
        client.post("/v1/donations", content=ndjson([donation]), headers=NDJSON)
        path, day = f"/v1/donations/{donation['merchant']}/{donation['id']}", {"day": DAY}
        eventually(lambda: client.get(path, params=day).status_code == 200, "the live gift is counted")
        line = ndjson([reversal("R-1", donation, 9)])
        reversed_ = tests.post("/v1/reversals", content=line, headers=NDJSON).json()
        settled = settle(tests, file_of(donation), {"Idempotency-Key": "k"})
        assert (reversed_["test"], reversed_["accepted"]) == (True, 1)
        assert settled.status_code == 202
        assert told(settle(tests, b"{oops", {"Idempotency-Key": "l"})) == (422, "line_invalid")
        assert client.get("/v1/settlements").json()["items"] == []
        assert client.get("/v1/reversals/REHEARSED/R-1").status_code == 404
        location = settle(client, file_of(donation), {"Idempotency-Key": "k"}).headers["Location"]
        eventually(lambda: client.get(location).json()["status"] == "reconciled", "the true one is drawn up")
        assert client.get(location).json()["banked"] == {"count": 1, "fen": 9}  # the rehearsal banked nothing of it
        assert client.get(path, params=day).json()["reversed_fen"] == 0
        assert tests.get(f"{path}?day={DAY}").status_code == 404
        (tried,) = tests.get("/v1/settlements").json()["items"]
        assert tried["banked"] == {"count": 0, "fen": 0}  # nothing was pushed in tests that it could settle


def test_all_three_are_looked_at_in_the_same_order(service: Running) -> None:
    made = registered(service, "orders", signature_demanded=True)
    paths = ("/v1/donations", "/v1/reversals", "/v1/settlements")
    csv, br = {"Content-Type": "text/csv"}, {**NDJSON, "Content-Encoding": "br"}
    named = {"Idempotency-Key": "k"}
    with service.client_of(made["key"]) as client, service.client("school") as school:
        for path in paths:
            sent = [
                (school, csv, (403, "role_not_allowed")),
                (client, {**csv, "Idempotency-Key": "k", "webhook-id": "l"}, (400, "idempotency_keys_differ")),
                (client, {**csv, **named}, (415, "content_type_unknown")),
                (client, {**br, **named}, (415, "encoding_unknown")),
                (client, {**NDJSON, **named}, (401, "signature_missing")),
            ]
            for who, headers, expected in sent:
                answer = who.post(path, content=b"{}", headers=headers, params=HEAD if path == paths[2] else {})
                assert told(answer) == expected, (path, headers)
