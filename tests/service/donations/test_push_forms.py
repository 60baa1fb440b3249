"""The forms in which a push may come, all or nothing, and how long an answer is repeated."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from services.donations.pushes.domain.push import ANSWER_KEPT_H
from services.donations.pushes.store import PUSH_KEPT_DAYS
from tests.service.donations.tenant import NDJSON, Tenant, fen_of, ndjson
from tests.waiting import eventually

BINARY = {"ce-specversion": "1.0", "ce-id": "e1", "ce-source": "/shop", "ce-type": "donation.completed"}
JSON = {"Content-Type": "application/json"}
EVENT = {"Content-Type": "application/cloudevents+json"}
EVENTS = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}


def event(donation: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shop",
        "type": "donation.completed",
        "data": donation,
        **changes,
    }


def test_every_form_is_taken_plain_and_compressed(tenant: Tenant) -> None:
    lines = tenant.donations(0, 12)
    forms: list[tuple[bytes, dict[str, str]]] = [
        (json.dumps(lines[0], indent=2).encode(), JSON),
        (json.dumps(lines[1:3], indent=2).encode(), JSON),
        (ndjson(lines[3:5]), NDJSON),
        (json.dumps(event(lines[5])).encode(), EVENT),
        (json.dumps([event(lines[6]), event(lines[7])], indent=2).encode(), EVENTS),
        (json.dumps(lines[8]).encode(), {**JSON, **BINARY}),
    ]
    for body, headers in forms:
        assert tenant.push(body, headers).status_code == 202, headers
    body = gzip.compress(json.dumps([event(line) for line in lines[9:]]).encode())
    zipped = tenant.push(body, {**EVENTS, "Content-Encoding": "gzip"})
    assert zipped.json()["accepted"] == 3
    eventually(lambda: tenant.counted()[0] == 12, "all are counted once")


def test_in_a_batch_of_events_each_failure_names_its_index(tenant: Tenant) -> None:
    good, old = tenant.donations(0, 2)
    events = [event(good, specversion="0.3"), event({**old, "amount_fen": 0}), event(good)]
    answer = tenant.push(json.dumps(events).encode(), EVENTS).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 2)
    assert [(f["index"], f["pointer"], f["code"]) for f in answer["failures"]] == [
        (0, "/specversion", "event_invalid"),
        (1, "/data/amount_fen", "amount_fen_invalid"),
    ]


REFUSED: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("binary mode of another version", b"{}", {**JSON, **BINARY, "ce-specversion": "0.3"}, 400, "event_invalid"),
    ("binary mode without a source", b"{}", {**JSON, **BINARY, "ce-source": ""}, 400, "event_invalid"),
    ("a batch that is none", b"{}", EVENTS, 400, "not_json"),
    ("an empty batch", b"[]", EVENTS, 400, "empty"),
    ("an empty body", b"", JSON, 400, "empty"),
    ("bytes that are no text", b"[\xff]", JSON, 400, "not_json"),
    ("brotli", b"{}", {**JSON, "Content-Encoding": "br"}, 415, "encoding_unknown"),
    ("two gzip streams", gzip.compress(b"{}") * 2, {**JSON, "Content-Encoding": "gzip"}, 400, "not_gzip"),
    ("half a gzip stream", gzip.compress(b"{}" * 99)[:-9], {**JSON, "Content-Encoding": "gzip"}, 400, "not_gzip"),
    ("an empty key", b"{}", {**JSON, "Idempotency-Key": ""}, 400, "idempotency_key_invalid"),
    ("a key without end", b"{}", {**JSON, "Idempotency-Key": "k" * 256}, 400, "idempotency_key_invalid"),
]


def test_what_is_none_of_the_forms_is_refused_by_name(tenant: Tenant) -> None:
    for what, body, headers, status, code in REFUSED:
        answer = tenant.push(body, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["request_id"] == answer.headers["x-request-id"], what


def test_atomic_takes_all_or_nothing(tenant: Tenant) -> None:
    mixed, atomic = ndjson(tenant.donations(0, 3)) + b"\n{oops", {"atomic": "true"}
    refused = tenant.push(mixed, params=atomic)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_all_accepted")
    assert (refused.json()["accepted"], [f["index"] for f in refused.json()["failures"]]) == (0, [3])
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    taken = tenant.push(ndjson(tenant.donations(3, 4)), params=atomic)
    assert (taken.status_code, taken.json()["accepted"]) == (202, 4)
    eventually(
        lambda: tenant.counted() == (4, fen_of(tenant.donations(3, 4))),
        "the second push is counted, and nothing of the first",
    )


def test_a_key_is_free_again_once_its_answer_has_expired(tenant: Tenant) -> None:
    headers = {**NDJSON, "Idempotency-Key": "nightly"}
    first = tenant.push(ndjson(tenant.donations(0, 2)), headers).json()
    kept = tenant.ledger.pushes.find_one({"_id": first["push_id"]})
    assert kept is not None
    assert kept["until"] - kept["opened"] == timedelta(days=PUSH_KEPT_DAYS)
    opened = datetime.now(UTC) - timedelta(hours=ANSWER_KEPT_H, minutes=1)
    tenant.ledger.pushes.update_one({"_id": first["push_id"]}, {"$set": {"opened": opened}})
    second = tenant.push(ndjson(tenant.donations(2, 3)), headers).json()
    assert (second["accepted"], second["push_id"]) == (3, f"{first['push_id']}-2")
    again = tenant.push(ndjson(tenant.donations(2, 3)), headers).json()
    assert again == second
    assert tenant.platform.get(f"/v1/pushes/{second['push_id']}").json()["accepted"] == 3
    assert tenant.platform.get(f"/v1/pushes/{first['push_id']}").json()["code"] == "push_unknown"
    eventually(lambda: tenant.counted()[0] == 5, "the donations of both are counted")


def test_mongodb_takes_old_pushes_away(tenant: Tenant) -> None:
    expiring = [index for index in tenant.ledger.pushes.index_information().values() if "expireAfterSeconds" in index]
    assert [(index["key"], index["expireAfterSeconds"]) for index in expiring] == [([("until", 1)], 0)]
