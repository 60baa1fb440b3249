"""Reversals on a real Kafka and a real MongoDB: pushed, kept by their page, said in the line's sequence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from pymongo import MongoClient

from pandapack.contracts.donations import DonationsReversed
from pandapack.contracts.envelope import Envelope, decode, read_as
from tests.service.donations.test_push import DAY, NDJSON, counted, eventually, gifts, ndjson
from tests.service.running import Running, running
from tests.stack import Servers


@pytest.fixture
def donations(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    more = {"PANDA_LINES": "2", "PANDA_ACCEPT_DAYS": "36500"}
    with running("donations", stack, namespace, tmp_path, more) as service:
        yield service


@pytest.fixture
def platform(donations: Running) -> Iterator[httpx.Client]:
    with donations.client("platform") as client:
        yield client


@pytest.fixture
def database(stack: Servers, namespace: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    yield client[f"{namespace}_panda_donations"]
    client.drop_database(f"{namespace}_panda_donations")
    client.close()


def reversal(id: str, gift: dict[str, Any], fen: int) -> dict[str, Any]:
    return {
        "reversal": id,
        "merchant": gift["merchant"],
        "donation": gift["id"],
        "day": DAY,
        "amount_fen": fen,
        "at": "2021-11-13T09:00:00+08:00",
    }


def said(servers: Servers, topic: str) -> list[Envelope]:
    """All that the lines said, each event once, in order of their sources."""

    async def take() -> list[Envelope]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers.kafka, auto_offset_reset="earliest")
        await consumer.start()
        batches = await consumer.getmany(timeout_ms=3_000)
        await consumer.stop()
        return [decode(record.value) for records in batches.values() for record in records]

    once = {envelope.key: envelope for envelope in asyncio.run(take())}
    return [once[key] for key in sorted(once)]


def test_gifts_are_taken_back_once_and_never_more_than_was_given(
    stack: Servers, namespace: str, donations: Running, platform: httpx.Client, database: Any
) -> None:
    given = gifts(0, 20, amount_fen=9)
    assert platform.post("/v1/donations", content=ndjson(given), headers=NDJSON).status_code == 202
    eventually(lambda: counted(database) == (20, 180), "the gifts are counted")
    back = [reversal("r-1", given[0], 4), reversal("r-2", given[0], 5), reversal("r-3", given[1], 9)]
    unknown = reversal("r-5", {"merchant": "M00000", "id": "never-given"}, 1)
    body = ndjson([*back, reversal("r-4", given[0], 1), unknown]) + b"\n{oops"
    answer = platform.post("/v1/reversals", content=body, headers=NDJSON)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 5, 1)
    donations.kill()
    donations.start_again()
    platform.post("/v1/reversals", content=body, headers=NDJSON)

    def state(id: str, merchant: str) -> str:
        found = platform.get(f"/v1/reversals/{merchant}/{id}")
        return str(found.json()["state"]) if found.status_code == 200 else ""

    eventually(lambda: state("r-3", given[1]["merchant"]) == "taken", "the last one is taken")
    eventually(lambda: state("r-4", given[0]["merchant"]) == "refused", "what is too much is refused")
    eventually(lambda: state("r-5", "M00000") == "parked", "what names no gift is parked")
    shown = platform.get(f"/v1/donations/{given[0]['merchant']}/{given[0]['id']}", params={"day": DAY}).json()
    assert (shown["amount_fen"], shown["reversed_fen"]) == (9, 9)
    with donations.client("auditor") as auditor:
        parked = auditor.get("/v1/reversals", params={"state": "parked"}).json()["items"]
    assert {one["reversal"] for one in parked} == {"r-5"}

    def reversed_fen() -> int:
        told = [e for e in said(stack, f"{namespace}.donations.events") if e.type == DonationsReversed.TYPE]
        return sum(r.fen_to - r.fen_from for e in told for r in read_as(e, DonationsReversed).reversals)

    eventually(lambda: reversed_fen() == 18, "the lines say what was taken back, once")
    by_source: dict[str, list[int]] = {}
    for envelope in said(stack, f"{namespace}.donations.events"):
        by_source.setdefault(envelope.source, []).append(envelope.number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_source.values())
    assert counted(database) == (20, 180)


def test_a_parked_reversal_is_taken_when_it_comes_again_behind_its_gift(
    donations: Running, platform: httpx.Client, database: Any
) -> None:
    gift = gifts(0, 1, amount_fen=9)[0]
    body, path = ndjson([reversal("early", gift, 9)]), f"/v1/reversals/{gift['merchant']}/early"

    def stands(state: str) -> bool:
        platform.post("/v1/reversals", content=body, headers=NDJSON)
        found = platform.get(path)
        return found.status_code == 200 and found.json()["state"] == state

    def parked() -> list[str]:
        with donations.client("operator") as operator:
            return [one["reversal"] for one in operator.get("/v1/reversals").json()["items"]]

    eventually(lambda: stands("parked"), "its gift is not known")
    assert parked() == ["early"]
    platform.post("/v1/donations", content=ndjson([gift]), headers=NDJSON)
    eventually(lambda: counted(database) == (1, 9), "the gift is counted")
    eventually(lambda: stands("taken"), "sent again, it is taken")
    assert parked() == []
    page = database.pages.find_one({"_id": platform.get(path).json()["page"]})
    assert (page["count"], page["reversed_fen"]) == (1, {"love-parcel": 9})


def test_more_reversals_than_a_record_takes_are_all_taken(platform: httpx.Client, database: Any) -> None:
    given = gifts(0, 1_500, merchant="M00001")
    platform.post("/v1/donations", content=ndjson(given), headers=NDJSON)
    eventually(lambda: counted(database)[0] == 1_500, "the gifts are counted")
    back = [reversal(f"r-{gift['id']}", gift, gift["amount_fen"]) for gift in given]
    answer = platform.post("/v1/reversals", content=ndjson(back), headers=NDJSON)
    assert answer.json()["accepted"] == 1_500

    def taken() -> int:
        return sum(one["state"] == "taken" for page in database.pages.find() for one in page["reversals"])

    eventually(lambda: taken() == 1_500, "every one is taken")
    (last,) = database.pages.find().sort("_id", -1).limit(1)
    assert last["reversed_fen"] == {"love-parcel": sum(gift["amount_fen"] for gift in given)}


def test_nothing_that_is_a_reversal_is_refused_whole(platform: httpx.Client) -> None:
    answer = platform.post("/v1/reversals", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_accepted")
    missing = platform.get("/v1/reversals/M00000/never")
    assert (missing.status_code, missing.json()["code"]) == (404, "reversal_unknown")
