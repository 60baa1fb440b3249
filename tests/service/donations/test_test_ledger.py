"""A platform's test ledger, beside what counts: all of it is tried there, and nothing that counts knows of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from services.donations.test_ledger.work.books import KEPT_DAYS
from tests.service.donations.tenant import DAY, NDJSON, Json, Tenant, ndjson, reversal
from tests.service.donations.test_platforms import commanded
from tests.service.running import Running
from tests.waiting import eventually

SETTLEMENT = {"settlement": "S-1", "bank_reference": "B-1"}


@pytest.fixture
def tests(service: Running, tenant: Tenant) -> Iterator[httpx.Client]:
    """The tenant's service, with a test key of it."""
    path = f"/v1/platforms/{tenant.name}/keys"
    key = commanded(service, "POST", path, json={"name": "tests", "mode": "test"}).json()["key"]
    with service.client_of(key) as client:
        yield client


def push(client: httpx.Client, *lines: Json, path: str = "/v1/donations", **headers: str) -> httpx.Response:
    return client.post(path, content=ndjson(list(lines)), headers={**NDJSON, **headers})


def judged(client: httpx.Client, answer: httpx.Response) -> Json:
    assert answer.status_code == 202, answer.text
    shown: Json = client.get(f"/v1/pushes/{answer.json()['push_id']}").json()
    assert shown["state"] == "judged"
    return shown


def everything_live(tenant: Tenant) -> dict[str, Any]:
    """What of the tenant's lies in collections that count."""
    pattern = {"$regex": tenant.name}
    own = {"$or": [{"_id": pattern}, {"caller": pattern}, {"state.owner": pattern}]}
    names = ("pushes", "settlements", "dead_letters", "banked")
    return {name: tenant.ledger[name].count_documents(own) for name in names} | {"counted": tenant.counted()}


def test_what_is_tried_with_a_test_key_is_judged_at_once_and_touches_nothing_that_counts(
    tests: httpx.Client, tenant: Tenant
) -> None:
    before = everything_live(tenant)
    first, second, third = tenant.donations(0, 3)
    shown = judged(tests, push(tests, first, second, third, first))
    assert (shown["counted"], shown["duplicates"], shown["test"]) == (3, 1, True)
    assert [(one["index"], one["kind"]) for one in shown["findings"]] == [(3, "duplicate")]
    where = f"{first['merchant']}/{first['id']}"
    found = tests.get(f"/v1/donations/{where}", params={"day": DAY})
    assert (found.status_code, found.json()["merchant"]) == (200, first["merchant"])
    receipt = tests.get(f"/v1/receipts/{where}", params={"day": DAY}).json()
    assert (receipt["state"], "scheme" in receipt) == ("a test, which is never sealed", False)
    taken = push(tests, reversal("R-1", second, second["amount_fen"]), path="/v1/reversals")
    assert judged(tests, taken)["counted"] == 1
    assert tests.get(f"/v1/reversals/{second['merchant']}/R-1").json()["state"] == "taken"
    params = {**SETTLEMENT, "programme": tenant.programme}
    rows = ndjson(
        [
            {"merchant": one["merchant"], "id": one["id"], "day": DAY, "amount_fen": one["amount_fen"]}
            for one in (first, third, {**first, "id": "never-pushed"})
        ]
    )
    settled = tests.post(
        "/v1/settlements", params=params, content=rows, headers={**NDJSON, "Idempotency-Key": "settle"}
    )
    assert settled.status_code == 202, settled.text
    (statement,) = tests.get("/v1/settlements/S-1").json()["statements"]
    assert (statement["matched"]["ledger"]["count"], statement["missing"]["settlement"]["count"]) == (2, 1)
    missing = tests.get("/v1/settlements/S-1/differences", params={"kind": "missing"}).json()["items"]
    assert [one["id"] for one in missing] == ["never-pushed"]
    assert everything_live(tenant) == before


def test_a_live_key_and_a_test_key_of_a_platform_see_nothing_of_each_others(
    tests: httpx.Client, tenant: Tenant
) -> None:
    live, tried = tenant.donations(0, 1)[0], tenant.donations(7, 1)[0]
    shown = judged(tests, push(tests, tried))
    pushed = push(tenant.platform, live)
    eventually(lambda: tenant.counted()[0] == 1, "the live one is counted")
    for client, others, push_id in (
        (tests, live, pushed.json()["push_id"]),
        (tenant.platform, tried, shown["push_id"]),
    ):
        for path in ("donations", "receipts"):
            answer = client.get(f"/v1/{path}/{others['merchant']}/{others['id']}", params={"day": DAY})
            nothing = client.get(f"/v1/{path}/{others['merchant']}/nothing", params={"day": DAY})
            assert answer.status_code == nothing.status_code == 404
            assert answer.json()["code"] == nothing.json()["code"]
        assert client.get(f"/v1/pushes/{push_id}").status_code == 404


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("test_too_old", "too_old"),
        ("test_in_the_future", "in_the_future"),
        ("test_programme_unknown", "programme_unknown"),
    ],
)
def test_a_named_id_brings_about_what_refuses_a_line(tests: httpx.Client, tenant: Tenant, id: str, code: str) -> None:
    good, named = tenant.donations(0, 2)
    answer = push(tests, good, {**named, "id": id}).json()
    assert [(one["index"], one["code"]) for one in answer["failures"]] == [(1, code)]
    assert answer["accepted"] == 1


@pytest.mark.parametrize("kind", ["conflict", "duplicate"])
def test_a_named_id_brings_about_what_the_ledger_finds(tests: httpx.Client, tenant: Tenant, kind: str) -> None:
    good, named = tenant.donations(0, 2)
    shown = judged(tests, push(tests, good, {**named, "id": f"test_{kind}"}))
    (found,) = shown["findings"]
    assert (shown["counted"], found["index"], found["kind"]) == (1, 1, kind)
    assert (found["first"]["amount_fen"] == named["amount_fen"]) is (kind == "duplicate")


@pytest.mark.parametrize("state", ["refused", "parked"])
def test_a_named_id_brings_about_what_happens_to_reversals(tests: httpx.Client, tenant: Tenant, state: str) -> None:
    (donation,) = tenant.donations(0, 1)
    judged(tests, push(tests, reversal(f"test_{state}", donation, 1), path="/v1/reversals"))
    shown = tests.get(f"/v1/reversals/{donation['merchant']}/test_{state}").json()
    assert shown["state"] == state
    if state == "refused":
        assert shown["refusal"]["code"] == "exceeds_what_is_left"


@pytest.mark.parametrize("path", ["/v1/donations", "/v1/reversals", "/v1/settlements"])
@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("test_rate_exceeded", 429, "rate_exceeded"), ("test_unavailable", 503, "unavailable")],
)
def test_a_named_request_brings_about_what_asks_to_come_again(
    tests: httpx.Client, tenant: Tenant, path: str, name: str, status: int, code: str
) -> None:
    answer = push(tests, *tenant.donations(0, 1), path=path, **{"Idempotency-Key": name})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert int(answer.headers["Retry-After"]) >= 1


def test_for_a_live_key_the_named_values_are_names_as_any_other(tenant: Tenant) -> None:
    line = {**tenant.donations(0, 1)[0], "id": "test_conflict"}
    answer = push(tenant.platform, line, **{"Idempotency-Key": "test_rate_exceeded"})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    eventually(lambda: tenant.counted()[0] == 1, "it is counted")


def test_pushes_of_many_at_once_each_lie_in_the_test_ledger_once(tests: httpx.Client, tenant: Tenant) -> None:
    parts = [tenant.donations(10 * number, 10) for number in range(12)]
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda part=part: answers.append(push(tests, *part))) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [judged(tests, answer)["counted"] for answer in answers] == [10] * 12
    again = judged(tests, push(tests, *[line for part in parts for line in part]))
    assert (again["counted"], again["duplicates"]) == (0, 120)


def test_a_test_ledger_that_is_full_says_so_and_takes_nothing(tests: httpx.Client, tenant: Tenant) -> None:
    judged(tests, push(tests, *tenant.donations(0, 1)))
    # As if much had been tried: the page counts more than it has.
    tenant.ledger[f"test:{tenant.name}:pages"].update_one({}, {"$set": {"count": 100_000}})
    answer = push(tests, *tenant.donations(1, 1))
    assert (answer.status_code, answer.json()["code"]) == (409, "test_ledger_full")
    assert answer.json()["limit"] == 100_000


def test_what_is_in_a_test_ledger_leaves_by_itself_after_some_days(tests: httpx.Client, tenant: Tenant) -> None:
    judged(tests, push(tests, *tenant.donations(0, 1)))
    names = [name for name in tenant.ledger.list_collection_names() if name.startswith(f"test:{tenant.name}:")]
    assert {name.rpartition(":")[2] for name in names} >= {"pages", "pushes", "settlements", "banked"}
    with MongoClient[Json](tenant.service.env["PANDA_MONGO"], tz_aware=True) as mongo:
        for name in names:
            collection = mongo[tenant.service.database][name]
            expiring = [one for one in collection.index_information().values() if "expireAfterSeconds" in one]
            assert [(one["key"], one["expireAfterSeconds"]) for one in expiring] == [([("until", 1)], 0)]
        page = mongo[tenant.service.database][f"test:{tenant.name}:pages"].find_one()
        assert page is not None
        push_row = mongo[tenant.service.database][f"test:{tenant.name}:pushes"].find_one()
        assert push_row is not None
        assert (push_row["until"] - push_row["opened"]).days in (KEPT_DAYS - 1, KEPT_DAYS)
        assert abs((page["until"] - push_row["until"]).total_seconds()) < 60


def test_a_test_page_stays_at_least_as_long_as_what_a_settlement_banked_of_it(
    tests: httpx.Client, tenant: Tenant
) -> None:
    (line,) = tenant.donations(0, 1)
    judged(tests, push(tests, line))
    pages, banked = (tenant.ledger[f"test:{tenant.name}:{name}"] for name in ("pages", "banked"))
    before = pages.find_one()
    row = {"merchant": line["merchant"], "id": line["id"], "day": DAY, "amount_fen": line["amount_fen"]}
    params = {**SETTLEMENT, "programme": tenant.programme}
    headers = {**NDJSON, "Idempotency-Key": "settle"}
    assert tests.post("/v1/settlements", params=params, content=ndjson([row]), headers=headers).status_code == 202
    page, marks = pages.find_one(), banked.find_one()
    assert before is not None and page is not None and marks is not None
    assert before["until"] < marks["until"] <= page["until"]
    assert page["version"] == before["version"]


def test_duplicates_take_room_in_a_test_ledger_too(tests: httpx.Client, tenant: Tenant) -> None:
    line = tenant.donations(0, 1)[0]
    judged(tests, push(tests, line, line))
    tenant.ledger[f"test:{tenant.name}:pages"].update_one({}, {"$set": {"found": 100_000}})
    for path in ("/v1/donations", "/v1/reversals"):
        body = line if path == "/v1/donations" else reversal("R-1", line, 1)
        assert push(tests, body, path=path).json()["code"] == "test_ledger_full"
