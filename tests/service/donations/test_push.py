"""The push API on a real Kafka and a real MongoDB: what 202 promises is kept."""

from __future__ import annotations

import gzip
import json
import time

import httpx

from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, seal_hash
from tests.service.donations.tenant import DAY, NDJSON, Json, Tenant, columns_of, donations, fen_of, ndjson
from tests.service.running import Running
from tests.waiting import eventually


def test_the_same_body_twice_counts_once_and_shows_as_duplicates(tenant: Tenant) -> None:
    body = ndjson(tenant.donations(0, 500))
    pushes = [tenant.push(body).json()["push_id"] for _ in range(2)]
    expected = (500, fen_of(tenant.donations(0, 500)))
    eventually(lambda: tenant.counted() == expected, "the pages hold each donation once")

    def duplicates() -> int:
        return sum(tenant.platform.get(f"/v1/pushes/{push}").json()["duplicates"] for push in pushes)

    eventually(lambda: duplicates() == 500, "one of the pushes lists all its rows as duplicates")
    assert tenant.counted() == expected


def test_broken_lines_are_named_and_the_good_ones_counted(tenant: Tenant) -> None:
    body = b'{"id": "x"}\n' + ndjson(tenant.donations(0, 3)) + b"\n{oops\n"
    answer = tenant.push(body)
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (3, 2)
    assert [(f["index"], f["code"]) for f in answer.json()["failures"]] == [(0, "missing"), (4, "not_json")]
    eventually(lambda: tenant.counted()[0] == 3, "the three good ones are counted")


def test_an_idempotency_key_repeats_the_answer_and_refuses_another_body(tenant: Tenant) -> None:
    headers = {**NDJSON, "Idempotency-Key": "batch-1"}
    first = tenant.push(ndjson(tenant.donations(0, 2)), headers)
    again = tenant.push(ndjson(tenant.donations(0, 2)), headers)
    other = tenant.push(ndjson(tenant.donations(0, 3)), headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_after_a_422_the_key_is_free_for_a_mended_body(tenant: Tenant) -> None:
    headers, (donation,) = {**NDJSON, "Idempotency-Key": "mended"}, tenant.donations(0, 1)
    refused = tenant.push(ndjson([donation | {"amount_fen": 0}]), headers)
    mended = tenant.push(ndjson([donation]), headers)
    other = tenant.push(ndjson([donation | {"amount_fen": 5}]), headers)
    assert [answer.status_code for answer in (refused, mended, other)] == [422, 202, 409]
    assert tenant.push(ndjson([donation]), headers).json() == mended.json()


def test_the_same_identity_with_another_amount_is_a_conflict(tenant: Tenant) -> None:
    tenant.push(ndjson(tenant.donations(0, 1)))
    eventually(lambda: tenant.counted() == (1, 1), "the first is counted")
    push = tenant.push(ndjson(tenant.donations(0, 1, amount_fen=7))).json()["push_id"]
    eventually(lambda: tenant.platform.get(f"/v1/pushes/{push}").json()["conflicts"] == 1, "the second is a conflict")
    assert tenant.counted() == (1, 1)


def test_a_push_ends_judged_and_says_how_many_of_its_lines_were_counted(tenant: Tenant) -> None:
    given = tenant.donations(0, 100)
    first = tenant.push(ndjson(given) + b"\n{oops")

    def pushed(id: str) -> Json:
        return dict(tenant.platform.get(f"/v1/pushes/{id}").json())

    def judged(answer: httpx.Response) -> Json:
        id = answer.json()["push_id"]
        assert pushed(id)["state"] in ("accepted", "judged")
        eventually(lambda: pushed(id)["state"] == "judged", "the ledger has decided all of it")
        return pushed(id)

    now = judged(first)
    assert (now["accepted"], now["rejected"], now["counted"], now["findings"]) == (100, 1, 100, [])
    changed = [given[0] | {"amount_fen": 77}, *given[1:50], *tenant.donations(100, 7)]
    again = judged(tenant.push(ndjson(changed), {**NDJSON, "Idempotency-Key": "judged"}))
    assert (again["counted"], again["duplicates"], again["conflicts"]) == (7, 49, 1)
    assert [one["index"] for one in again["findings"]] == list(range(50))
    conflict, where = again["findings"][0], {"day": given[0]["at"][:10]}
    found = tenant.platform.get(f"/v1/donations/{given[0]['merchant']}/{given[0]['id']}", params=where).json()
    assert (conflict["kind"], conflict["merchant"], conflict["amount_fen"]) == ("conflict", given[0]["merchant"], 77)
    assert {name: conflict["first"][name] for name in ("amount_fen", "programme", "page", "row")} == {
        name: found[name] for name in ("amount_fen", "programme", "page", "row")
    }
    assert tenant.counted()[0] == 107


def test_a_push_that_waits_is_answered_judged_and_the_list_has_it_beside_what_was_refused(tenant: Tenant) -> None:
    given = tenant.donations(0, 3)
    answer = tenant.platform.post("/v1/donations", params={"wait": "30s"}, content=ndjson(given), headers=NDJSON)
    assert (answer.status_code, answer.json()["state"], answer.json()["counted"]) == (202, "judged", 3)
    refused = tenant.push(b"{")

    def listed() -> list[Json]:
        return list(tenant.platform.get("/v1/pushes").json()["items"])

    eventually(lambda: len(listed()) == 2, "the refusal is kept")
    newest, oldest = listed()
    assert (newest["request_id"], newest["code"]) == (refused.json()["request_id"], "nothing_accepted")
    assert (oldest["push_id"], oldest["state"]) == (answer.json()["push_id"], "judged")
    one_by_one = [tenant.platform.get("/v1/pushes", params={"limit": 1}).json()]
    one_by_one.append(tenant.platform.get("/v1/pushes", params={"limit": 1, "after": one_by_one[0]["next"]}).json())
    assert [page["items"] for page in one_by_one] == [[newest], [oldest]]


REFUSED: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("an unknown content type", b"{}", {"Content-Type": "text/csv"}, 415, "content_type_unknown"),
    ("an empty body", b"\n\n", NDJSON, 400, "empty"),
    ("an array that is none", b"[1,", {"Content-Type": "application/json"}, 400, "not_json"),
    ("too many lines", b"{}\n" * 10_001, NDJSON, 413, "too_many_lines"),
    ("too many bytes", b"x" * (5 * 1024 * 1024 + 1), NDJSON, 413, "body_too_large"),
    ("a gzip bomb", gzip.compress(b"0" * 50_000_000), {**NDJSON, "Content-Encoding": "gzip"}, 413, "body_too_large"),
    ("no gzip at all", b"plain", {**NDJSON, "Content-Encoding": "gzip"}, 400, "not_gzip"),
    ("nothing but broken lines", b"{}\n{}", NDJSON, 422, "nothing_accepted"),
]


def test_a_body_that_cannot_be_taken_is_refused_by_name(tenant: Tenant) -> None:
    for what, body, headers, status, code in REFUSED:
        answer = tenant.push(body, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what


def test_one_object_an_array_and_gzip_are_taken(tenant: Tenant) -> None:
    json_type = {"Content-Type": "application/json"}
    one, two, three = tenant.donations(0, 3)
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (json.dumps(one, indent=2).encode(), json_type),
        (json.dumps([two], indent=2).encode(), json_type),
        (gzip.compress(ndjson([three])), {**NDJSON, "Content-Encoding": "gzip"}),
    ]
    for body, headers in bodies:
        assert tenant.push(body, headers).json()["accepted"] == 1
    eventually(lambda: tenant.counted()[0] == 3, "all three are counted")


def test_only_a_platforms_key_may_push(service: Running) -> None:
    body = ndjson(donations(0, 1))
    unknown = httpx.post(f"{service.url}/v1/donations", content=body, headers=NDJSON, trust_env=False, timeout=120)
    with service.client("school") as school:
        forbidden = school.post("/v1/donations", content=body, headers=NDJSON)
    assert (unknown.status_code, forbidden.status_code) == (401, 403)
    assert (unknown.json()["code"], forbidden.json()["code"]) == ("key_unknown", "role_not_allowed")


def test_a_donation_is_found_by_merchant_id_and_day(tenant: Tenant) -> None:
    wanted = tenant.donations(7, 1)[0]
    tenant.push(ndjson(tenant.donations(0, 100)))
    eventually(lambda: tenant.counted()[0] == 100, "all are counted")
    path = f"/v1/donations/{wanted['merchant']}/{wanted['id']}"
    answer = tenant.platform.get(path, params={"day": DAY})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["amount_fen"], found["fen_to"] - found["fen_from"]) == (wanted["amount_fen"], wanted["amount_fen"])
    assert tenant.platform.get(path, params={"day": "2021-11-12"}).json()["code"] == "donation_unknown"


def test_full_pages_are_sealed_in_a_chain(tenant: Tenant) -> None:
    merchant, ledger = tenant.merchant(1), tenant.ledger
    on_shard = tenant.on_shard_of(merchant)
    before = ledger.seals.count_documents(on_shard)
    for first in range(0, 80_000, 5_000):
        assert tenant.push(ndjson(tenant.donations(first, 5_000, merchant=merchant))).status_code == 202
    eventually(lambda: ledger.seals.count_documents(on_shard) >= before + 4, "the full pages of the shard are sealed")
    previous = FIRST_SEAL
    for seal in ledger.seals.find(on_shard).sort("_id", 1):
        page = ledger.pages.find_one({"_id": seal["_id"]})
        assert page is not None
        columns = columns_of(page)
        assert bytes(seal["root"]) == page_root(columns)
        previous = seal_hash(previous, seal["_id"], len(columns), page_root(columns))
        assert bytes(seal["chained"]) == previous


def test_kill_nine_in_the_middle_loses_nothing_and_counts_nothing_twice(own_tenant: Tenant) -> None:
    bodies = [ndjson(own_tenant.donations(first, 1_000)) for first in range(0, 30_000, 1_000)]
    for number, body in enumerate(bodies):
        headers = {**NDJSON, "Idempotency-Key": f"batch-{number}"}
        while True:
            try:
                if own_tenant.push(body, headers).status_code == 202:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        if number in (9, 19):
            own_tenant.service.kill()
            own_tenant.service.start_again()
    expected = (30_000, fen_of(own_tenant.donations(0, 30_000)))
    eventually(lambda: own_tenant.counted() == expected, "every donation is counted once")
