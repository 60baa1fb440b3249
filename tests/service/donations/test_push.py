"""The push API on a real Kafka and a real MongoDB: what 202 promises is kept."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, seal_hash, unpack
from tests.service.running import Running, running
from tests.stack import Servers

NDJSON = {"Content-Type": "application/x-ndjson"}
DAY = "2021-11-11"
WAIT_S = 30.0


def gifts(first: int, count: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": str(10**18 + n),
            "merchant": f"M{n % 40:05d}",
            "programme": "love-parcel",
            "amount_fen": 1 + n % 9,
            "at": f"{DAY}T10:00:00+08:00",
            **changes,
        }
        for n in range(first, first + count)
    ]


def ndjson(lines: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def eventually(holds: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


@pytest.fixture
def donations(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    with running(
        "donations", stack, namespace, tmp_path, {"PANDA_LINES": "4", "PANDA_ACCEPT_DAYS": "36500"}
    ) as service:
        yield service


@pytest.fixture
def platform(donations: Running) -> Iterator[httpx.Client]:
    with donations.client("platform") as client:
        yield client


@pytest.fixture
def ledger(stack: Servers, namespace: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    yield client[f"{namespace}_panda_donations"]
    client.drop_database(f"{namespace}_panda_donations")
    client.close()


def counted(ledger: Any) -> tuple[int, int]:
    """Donations and fen on all pages."""
    pages = [unpack(bytes(page["columns"])) for page in ledger.pages.find()]
    return sum(len(page) for page in pages), sum(sum(page.amounts_fen) for page in pages)


def test_the_same_body_twice_counts_once_and_shows_as_duplicates(platform: httpx.Client, ledger: Any) -> None:
    body = ndjson(gifts(0, 500))
    pushes = [platform.post("/v1/donations", content=body, headers=NDJSON).json()["push_id"] for _ in range(2)]
    expected = (500, sum(gift["amount_fen"] for gift in gifts(0, 500)))
    eventually(lambda: counted(ledger) == expected, "the pages hold each donation once")

    def duplicates() -> int:
        return sum(platform.get(f"/v1/pushes/{push}").json()["duplicates"] for push in pushes)

    eventually(lambda: duplicates() == 500, "one of the pushes lists all its rows as duplicates")
    assert counted(ledger) == expected


def test_broken_lines_are_named_and_the_good_ones_counted(platform: httpx.Client, ledger: Any) -> None:
    body = b'{"id": "x"}\n' + ndjson(gifts(0, 3)) + b"\n{oops\n"
    answer = platform.post("/v1/donations", content=body, headers=NDJSON)
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (3, 2)
    assert [(f["index"], f["code"]) for f in answer.json()["failures"]] == [(0, "missing"), (4, "not_json")]
    eventually(lambda: counted(ledger)[0] == 3, "the three good ones are counted")


def test_an_idempotency_key_repeats_the_answer_and_refuses_another_body(platform: httpx.Client) -> None:
    headers = {**NDJSON, "Idempotency-Key": "batch-1"}
    first = platform.post("/v1/donations", content=ndjson(gifts(0, 2)), headers=headers)
    again = platform.post("/v1/donations", content=ndjson(gifts(0, 2)), headers=headers)
    other = platform.post("/v1/donations", content=ndjson(gifts(0, 3)), headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_the_same_identity_with_another_amount_is_a_conflict(platform: httpx.Client, ledger: Any) -> None:
    platform.post("/v1/donations", content=ndjson(gifts(0, 1)), headers=NDJSON)
    eventually(lambda: counted(ledger) == (1, 1), "the first is counted")
    push = platform.post("/v1/donations", content=ndjson(gifts(0, 1, amount_fen=7)), headers=NDJSON).json()["push_id"]
    eventually(lambda: platform.get(f"/v1/pushes/{push}").json()["conflicts"] == 1, "the second is a conflict")
    assert counted(ledger) == (1, 1)


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


def test_a_body_that_cannot_be_taken_is_refused_by_name(platform: httpx.Client) -> None:
    for what, body, headers, status, code in REFUSED:
        answer = platform.post("/v1/donations", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what


def test_one_object_an_array_and_gzip_are_taken(platform: httpx.Client, ledger: Any) -> None:
    json_type = {"Content-Type": "application/json"}
    one, two, three = gifts(0, 3)
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (json.dumps(one, indent=2).encode(), json_type),
        (json.dumps([two], indent=2).encode(), json_type),
        (gzip.compress(ndjson([three])), {**NDJSON, "Content-Encoding": "gzip"}),
    ]
    for body, headers in bodies:
        assert platform.post("/v1/donations", content=body, headers=headers).json()["accepted"] == 1
    eventually(lambda: counted(ledger)[0] == 3, "all three are counted")


def test_only_a_platforms_key_may_push(donations: Running) -> None:
    body = ndjson(gifts(0, 1))
    unknown = httpx.post(f"{donations.url}/v1/donations", content=body, headers=NDJSON, trust_env=False)
    with donations.client("school") as school:
        forbidden = school.post("/v1/donations", content=body, headers=NDJSON)
    assert (unknown.status_code, forbidden.status_code) == (401, 403)
    assert (unknown.json()["code"], forbidden.json()["code"]) == ("key_unknown", "role_not_allowed")


def test_a_donation_is_found_by_merchant_id_and_day(platform: httpx.Client, ledger: Any) -> None:
    wanted = gifts(7, 1)[0]
    platform.post("/v1/donations", content=ndjson(gifts(0, 100)), headers=NDJSON)
    eventually(lambda: counted(ledger)[0] == 100, "all are counted")
    path = f"/v1/donations/{wanted['merchant']}/{wanted['id']}"
    found = platform.get(path, params={"day": DAY}).json()
    assert (found["amount_fen"], found["fen_to"] - found["fen_from"]) == (wanted["amount_fen"], wanted["amount_fen"])
    assert platform.get(path, params={"day": "2021-11-12"}).json()["code"] == "donation_unknown"


def test_full_pages_are_sealed_in_a_chain(platform: httpx.Client, ledger: Any) -> None:
    for first in range(0, 80_000, 5_000):
        lines = gifts(first, 5_000, merchant="M00001")
        assert platform.post("/v1/donations", content=ndjson(lines), headers=NDJSON).status_code == 202
    eventually(lambda: ledger.seals.count_documents({}) >= 4, "the full pages of the line are sealed")
    previous = FIRST_SEAL
    for seal in ledger.seals.find().sort("_id", 1):
        columns = unpack(bytes(ledger.pages.find_one({"_id": seal["_id"]})["columns"]))
        assert bytes(seal["root"]) == page_root(columns)
        previous = seal_hash(previous, seal["_id"], len(columns), page_root(columns))
        assert bytes(seal["chained"]) == previous


def test_kill_nine_in_the_middle_loses_nothing_and_counts_nothing_twice(
    donations: Running, platform: httpx.Client, ledger: Any
) -> None:
    bodies = [ndjson(gifts(first, 1_000)) for first in range(0, 30_000, 1_000)]
    for number, body in enumerate(bodies):
        headers = {**NDJSON, "Idempotency-Key": f"batch-{number}"}
        while True:
            try:
                if platform.post("/v1/donations", content=body, headers=headers).status_code == 202:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        if number in (9, 19):
            donations.kill()
            donations.start_again()
    expected = (30_000, sum(gift["amount_fen"] for gift in gifts(0, 30_000)))
    eventually(lambda: counted(ledger) == expected, "every donation is counted once")
