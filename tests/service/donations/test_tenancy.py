"""Whose gifts are whose, on a real Kafka and a real MongoDB: nobody acts for another, nor learns what is another's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.service.donations.tenant import DAY, NDJSON, Json, Tenant, ndjson, registered, reversal
from tests.service.running import Running
from tests.waiting import eventually

ABSENT = "never-there"


@dataclass
class Two:
    """Platform A, with one gift of each kind of thing; platform B, which wants them."""

    a: Tenant
    b: httpx.Client
    donation: Json
    push: str
    settlement: str

    @property
    def merchant(self) -> str:
        merchant: str = self.donation["merchant"]
        return merchant


def on_the_ledger(client: httpx.Client, donation: Json) -> bool:
    return client.get(f"/v1/donations/{donation['merchant']}/{donation['id']}", params={"day": DAY}).status_code == 200


@pytest.fixture
def two(tenant: Tenant) -> Iterator[Two]:
    """What A has is pushed, reversed in part and settled before B comes."""
    with ExitStack() as opened:
        b = opened.enter_context(tenant.service.client_of(registered(tenant.service, f"b{tenant.name[1:]}")["key"]))
        (donation,) = tenant.donations(0, 1, amount_fen=9)
        push = tenant.push(ndjson([donation])).json()["push_id"]
        eventually(lambda: on_the_ledger(tenant.platform, donation), "A's gift is counted")
        back = ndjson([reversal("R-1", donation, 1)])
        assert tenant.platform.post("/v1/reversals", content=back, headers=NDJSON).status_code == 202
        path = f"/v1/reversals/{donation['merchant']}/R-1"
        eventually(lambda: tenant.platform.get(path).status_code == 200, "A's reversal is taken")
        settled = settle(tenant.platform, tenant.programme, donation, "S-1")
        assert settled.status_code == 202, settled.text
        yield Two(tenant, b, donation, push, settled.headers["Location"])


def settle(client: httpx.Client, programme: str, donation: Json, name: str) -> httpx.Response:
    line = {"merchant": donation["merchant"], "id": donation["id"], "day": DAY, "amount_fen": 8}
    head = {"settlement": name, "programme": programme, "bank_reference": "B-1"}
    headers = {**NDJSON, "Idempotency-Key": name}
    return client.post("/v1/settlements", params=head, content=json.dumps(line), headers=headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_of_another_platforms_gift_reversal_push_and_settlement_one_learns_what_one_learns_of_nothing(
    two: Two,
) -> None:
    donations, id, ours = f"/v1/donations/{two.merchant}", two.donation["id"], two.settlement.rpartition("/")[2]
    day, matched = {"day": DAY}, {"kind": "matched"}
    asked: list[tuple[str, str, dict[str, str]]] = [
        (f"{donations}/{{}}", id, day),
        (f"/v1/receipts/{two.merchant}/{{}}", id, day),
        (f"/v1/reversals/{two.merchant}/{{}}", "R-1", {}),
        ("/v1/pushes/{}", two.push, {}),
        ("/v1/settlements/{}", ours, {}),
        ("/v1/settlements/{}", "S-1", {}),
        ("/v1/settlements/{}", f"{two.a.name}:S-1", {}),
        ("/v1/settlements/{}/differences", ours, matched),
        (f"/v1/donations/{two.a.name}:{two.merchant}/{{}}", id, day),
    ]
    for path, anothers, params in asked:
        theirs, absent = (two.b.get(path.format(one), params=params) for one in (anothers, ABSENT))
        assert told(theirs) == told(absent) and not theirs.is_success, path
        assert theirs.json()["detail"].replace(anothers, ABSENT) == absent.json()["detail"], path
    for path in (f"{donations}/{id}", f"/v1/reversals/{two.merchant}/R-1", f"/v1/pushes/{two.push}", two.settlement):
        assert two.a.platform.get(path, params=day if path.startswith(donations) else {}).status_code == 200, path
    statement = two.b.post(f"{two.settlement}/statements", headers={"Idempotency-Key": "ask"})
    assert told(statement) == (404, "settlement_unknown")
    assert two.b.get("/v1/settlements").json()["items"] == []


def test_a_gift_pushed_first_by_another_under_the_same_merchant_and_number_is_another_gift(
    tenant: Tenant, service: Running
) -> None:
    (donation,) = tenant.donations(0, 1, amount_fen=9)
    with service.client_of(registered(service, f"c{tenant.name[1:]}")["key"]) as thief:
        stolen = ndjson([{**donation, "amount_fen": 100_000}])
        assert thief.post("/v1/donations", content=stolen, headers=NDJSON).status_code == 202
        eventually(lambda: on_the_ledger(thief, donation), "what B pushed lies under B's own name")
        push = tenant.push(ndjson([donation])).json()["push_id"]
        eventually(lambda: tenant.platform.get(f"/v1/pushes/{push}").json()["state"] == "judged", "A's push is judged")
        shown = tenant.platform.get(f"/v1/pushes/{push}").json()
        assert (shown["counted"], shown["conflicts"], shown["findings"]) == (1, 0, [])
        path, day = f"/v1/donations/{donation['merchant']}/{donation['id']}", {"day": DAY}
        assert tenant.platform.get(path, params=day).json()["amount_fen"] == 9
        assert thief.get(path, params=day).json()["amount_fen"] == 100_000


def test_another_cannot_take_back_nor_settle_what_is_not_its_own(two: Two, service: Running) -> None:
    taken = two.b.post("/v1/reversals", content=ndjson([reversal("R-9", two.donation, 8)]), headers=NDJSON)
    assert taken.status_code == 202
    path = f"/v1/reversals/{two.merchant}/R-9"
    eventually(lambda: two.b.get(path).status_code == 200, "the ledger has decided it")
    assert two.b.get(path).json()["state"] == "parked"  # B has no such gift
    location = settle(two.b, two.a.programme, two.donation, "S-1").headers["Location"]
    eventually(lambda: two.b.get(location).json()["status"] == "reconciled", "the statement is drawn up")
    (statement,) = two.b.get(location).json()["statements"]
    counts = {kind: statement[kind]["ledger"]["count"] for kind in ("matched", "extra", "differing", "already_banked")}
    assert counts == dict.fromkeys(counts, 0) and statement["missing"]["settlement"]["count"] == 1
    day = {"day": DAY}
    own = two.a.platform.get(f"/v1/donations/{two.merchant}/{two.donation['id']}", params=day).json()
    assert own["reversed_fen"] == 1
    eventually(lambda: two.a.platform.get(two.settlement).json()["status"] == "reconciled", "A's is drawn up, too")
    assert two.a.platform.get(two.settlement).json()["banked"] == {"count": 1, "fen": 8}


def test_platforms_say_their_own_names_and_staff_say_whose_it_is(two: Two, service: Running) -> None:
    own, scoped, day = two.merchant, two.a.scoped(two.merchant), {"day": DAY}
    assert two.a.platform.get(f"/v1/reversals/{own}/R-1").json()["merchant"] == own
    eventually(lambda: two.a.platform.get(two.settlement).json()["status"] == "reconciled", "the statement is drawn up")
    for client, name in ((two.a.platform, own), (service.client("auditor"), scoped)):
        with client if client is not two.a.platform else ExitStack():
            donation = client.get(f"/v1/donations/{name}/{two.donation['id']}", params=day).json()
            rows = client.get(f"{two.settlement}/differences", params={"kind": "matched"}).json()["items"]
            assert (donation["merchant"], [row["merchant"] for row in rows]) == (name, [name])
    with service.client("auditor") as auditor:
        assert told(auditor.get(f"/v1/donations/{own}/{two.donation['id']}", params=day)) == (404, "donation_unknown")
        assert two.a.name in [one["platform"] for one in auditor.get("/v1/platforms?limit=500").json()["items"]]


WRITES = [
    ("/v1/donations", {}),
    ("/v1/reversals", {}),
    ("/v1/settlements", {"settlement": "S", "programme": "p", "bank_reference": "B-1"}),
]


def test_a_key_of_no_registered_platform_writes_nothing_and_is_told_how_to_register(service: Running) -> None:
    with service.client("operator") as operator:
        nobodys = operator.post("/v1/keys", json={"role": "platform", "name": "nobody"}).json()["key"]
    for key in (nobodys, service.keys["operator"]):
        with service.client_of(key) as client:
            for path, params in WRITES:
                headers: dict[str, Any] = {**NDJSON, "Idempotency-Key": "k"}
                answer = client.post(path, params=params, content=b"{}", headers=headers)
                assert told(answer) == (403, "platform_unregistered"), path
                assert "POST /v1/platforms" in answer.json()["detail"]
    with service.client_of(nobodys) as client:
        answer = client.get("/v1/donations/M1/1", params={"day": DAY})
        assert told(answer) == (404, "donation_unknown")
        assert client.get("/v1/settlements").json()["items"] == []
