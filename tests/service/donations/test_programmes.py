"""Programmes exist before they are paid into, on a real Kafka and a real MongoDB."""

from __future__ import annotations

import json
from pathlib import Path

from tests.service.donations.conftest import SETTINGS
from tests.service.donations.tenant import NDJSON, Tenant, ndjson
from tests.service.programmes import known, publication, publish, write
from tests.service.running import Running, running
from tests.stack import Servers
from tests.waiting import eventually


def test_a_gift_to_a_programme_that_nobody_published_is_refused_by_line_and_its_neighbours_are_counted(
    tenant: Tenant,
) -> None:
    lines = [*tenant.donations(0, 3), *tenant.donations(3, 1, programme=tenant.programme[:-1])]
    answer = tenant.push(ndjson(lines))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 3)
    (failure,) = answer.json()["failures"]
    assert (failure["index"], failure["pointer"], failure["code"]) == (3, "/programme", "programme_unknown")
    assert f"did you mean {tenant.programme}" in failure["message"]["en"]
    assert tenant.programme in failure["message"]["zh"]
    eventually(lambda: tenant.counted()[0] == 3, "the others are counted")


def test_whoever_has_a_key_sees_what_can_be_paid_into_and_whoever_has_none_does_not(
    service: Running, tenant: Tenant
) -> None:
    listed = tenant.platform.get("/v1/programmes", params={"after": tenant.programme[:-1], "limit": "500"}).json()[
        "items"
    ]
    (mine,) = [one for one in listed if one["programme"] == tenant.programme]
    assert mine == {
        "programme": tenant.programme,
        "publication": 1,
        "name": {"zh": tenant.programme, "en": tenant.programme},
    }
    with service.client_of("no-key") as stranger:
        assert stranger.get("/v1/programmes").status_code == 401


def test_a_programme_can_be_paid_into_once_it_is_published_while_the_service_runs(
    service: Running, tenant: Tenant
) -> None:
    later = f"{tenant.name}-later"
    lines = ndjson(tenant.donations(0, 2, programme=later))
    refused = tenant.push(lines).json()
    assert {one["code"] for one in refused["failures"]} == {"programme_unknown"}
    publish(service, [later])
    assert tenant.push(lines).json()["accepted"] == 2


def test_a_settlement_of_an_unknown_programme_is_refused_whole(tenant: Tenant) -> None:
    head = {"settlement": "s", "programme": "no-such-thing", "bank_reference": "b 1", "currency": "CNY"}
    (donation,) = tenant.donations(0, 1)
    one = {"merchant": donation["merchant"], "day": "2021-11-11", "count": 1, "fen": 1}
    key = {"Idempotency-Key": "s"}
    by_sums = tenant.platform.post("/v1/settlements", json={**head, "sums": [one]}, headers=key)
    row = json.dumps({"merchant": donation["merchant"], "id": donation["id"], "amount_fen": 1, "day": "2021-11-11"})
    by_ids = tenant.platform.post("/v1/settlements", params=head, content=row, headers={**NDJSON, **key})
    for answer in (by_sums, by_ids):
        assert (answer.status_code, answer.json()["code"]) == (422, "programme_unknown")


def test_a_settlement_with_an_unknown_field_or_one_twice_is_refused_with_its_pointer(tenant: Tenant) -> None:
    head = {"settlement": "s", "programme": tenant.programme, "bank_reference": "b 1", "currency": "CNY"}
    one = {"merchant": "M1", "day": "2021-11-11", "count": 1, "fen": 1}
    key = {"Idempotency-Key": "s"}
    misspelt = tenant.platform.post("/v1/settlements", json={**head, "sums": [{**one, "cuont": 2}]}, headers=key)
    assert (misspelt.status_code, misspelt.json()["code"]) == (422, "unknown_field")
    assert misspelt.json()["errors"][0]["pointer"] == "/sums/0/cuont"
    body = json.dumps({**head, "sums": [one]}).replace('"fen": 1', '"fen": 1, "fen": 2')
    twice = tenant.platform.post("/v1/settlements", content=body, headers={**key, "Content-Type": "application/json"})
    assert (twice.status_code, twice.json()["code"]) == (422, "duplicate_key")
    assert twice.json()["errors"][0]["pointer"] == "/sums/0/fen"


def test_a_misspelt_parameter_of_a_push_is_refused_and_nothing_is_taken(tenant: Tenant) -> None:
    answer = tenant.push(ndjson(tenant.donations(0, 1)), params={"atomc": "true"})
    assert (answer.status_code, answer.json()["code"], answer.json()["known"]) == (
        422,
        "unknown_parameter",
        ["atomic", "wait"],
    )
    assert tenant.push(ndjson(tenant.donations(0, 1)), params={"atomic": "perhaps"}).status_code == 422


def test_what_was_published_before_the_first_start_is_known_as_soon_as_it_serves(
    stack: Servers, namespace: str, tmp_path: Path
) -> None:
    with running("donations", stack, namespace, tmp_path, SETTINGS) as service:  # its topics and its keys stay
        write(service, [publication(f"p-{number}") for number in range(20)])
        eventually(lambda: len(known(service)) == 20, "all are known")
    with running("donations", stack, namespace, tmp_path, SETTINGS) as service:  # its database is new
        assert len(known(service)) == 20
