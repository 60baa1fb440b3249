"""Brackets within brackets by the thousand, at each door of the running service: a refusal by name, and no 5xx."""

from __future__ import annotations

import json
from typing import Any

from pandapack.contracts.nesting import NESTING_MAX
from tests.service.donations.tenant import DAY, NDJSON, PROGRAMME, Tenant, ndjson, reversal
from tests.waiting import eventually

DEEP = b"[" * 5_000 + b"]" * 5_000
FILE_DEEP = b"[" * 1_500 + b"]" * 1_500
"""As a settlement's line has room for."""
JSON = {"Content-Type": "application/json"}


def with_deep(line: dict[str, Any], deep: bytes = DEEP) -> bytes:
    return json.dumps(line).encode()[:-1] + b', "note": ' + deep + b"}"


def test_a_line_that_nests_too_deeply_is_refused_and_its_neighbours_are_counted(tenant: Tenant) -> None:
    first, bad, last = tenant.donations(0, 3)
    lines = (json.dumps(first).encode(), with_deep(bad), json.dumps(last).encode())
    for body, headers in ((b"\n".join(lines), NDJSON), (b"[" + b",".join(lines) + b"]", JSON)):
        answer = tenant.push(body, headers)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 2), answer.text
        assert [(one["index"], one["code"]) for one in answer.json()["failures"]] == [(1, "nested_too_deeply")]
    eventually(lambda: tenant.counted()[0] == 2, "the neighbours are counted")


def test_a_reversal_that_nests_too_deeply_is_refused_and_its_neighbour_is_taken(tenant: Tenant) -> None:
    (donation,) = tenant.donations(0, 1)
    tenant.push(ndjson([donation]))
    good, bad = reversal("r1", donation, 1), reversal("r2", donation, 1)
    body = b"[" + json.dumps(good).encode() + b"," + with_deep(bad) + b"]"
    answer = tenant.platform.post("/v1/reversals", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text
    assert [(one["index"], one["code"]) for one in answer.json()["failures"]] == [(1, "nested_too_deeply")]


def test_a_settlement_that_nests_too_deeply_is_refused_and_the_line_named(tenant: Tenant) -> None:
    head = {"settlement": "s-deep", "programme": PROGRAMME, "bank_reference": "b-1"}
    line = {"merchant": tenant.donations(0, 1)[0]["merchant"], "id": "1", "amount_fen": 1, "day": DAY}
    file = json.dumps(line).encode() + b"\n" + with_deep({**line, "id": "2"}, FILE_DEEP)
    forms = ((file, NDJSON, head), (with_deep(head), JSON, {}))
    answers = [
        tenant.platform.post(
            "/v1/settlements", params=params, content=body, headers={**headers, "Idempotency-Key": "k"}
        )
        for body, headers, params in forms
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, "nested_too_deeply")] * 2
    assert answers[0].json()["line"] == 2
    assert all(str(NESTING_MAX) in answer.json()["detail"] for answer in answers)


def test_a_body_that_nests_too_deeply_is_refused_where_operators_send_one(tenant: Tenant) -> None:
    deep = with_deep({"name": "x"})
    with tenant.service.client("operator") as operator:
        for path in ("/v1/keys", "/v1/platforms", "/v1/merchants", "/v1/dead-letters/replays"):
            answer = operator.post(path, content=deep, headers=JSON)
            assert (answer.status_code, answer.json()["code"]) == (422, "nested_too_deeply"), path
            refused = tenant.platform.post(path, content=deep, headers=JSON)
            assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed"), path


def test_a_method_that_a_path_does_not_take_is_answered_with_those_that_it_takes(tenant: Tenant) -> None:
    for path, allowed in (("/v1/donations", "POST"), ("/v1/settlements", "GET, POST"), ("/v1/pushes/psh_1", "GET")):
        answer = tenant.platform.request("PATCH", path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), path
        assert answer.headers["allow"] == allowed
