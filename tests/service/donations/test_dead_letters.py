"""Dead letters on a real Kafka and a real MongoDB: foreign rows are kept with the reason, and can be tried again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from tests.service.donations.tenant import DAY, Tenant, ndjson, reversal
from tests.service.running import Running
from tests.stack import Servers
from tests.waiting import eventually


def write_rows(servers: Servers, topic: str, rows: list[bytes], *more: tuple[str, bytes], partition: int) -> str:
    """Somebody else writes to the ledger's topic. What the rows' addresses begin with. `more`: headers."""
    value, headers = b"\n".join(rows), [("push", b"\xff"), *more]

    async def send() -> int:
        async with AIOKafkaProducer(bootstrap_servers=servers.kafka, acks="all") as producer:
            sent = await producer.send_and_wait(topic, value, key=b"0", partition=partition, headers=headers)
            return int(sent.offset)

    return f"{topic}/{partition}/{asyncio.run(send())}/"


def whose(tenant: Tenant) -> tuple[str, bytes]:
    """The header that says whose a record's lines are."""
    return "platform", tenant.name.encode()


def dead_letters(operator: httpx.Client, of: str, **query: str) -> list[dict[str, Any]]:
    """Those of one record."""
    items: list[dict[str, Any]] = operator.get("/v1/dead-letters", params={"limit": "500", **query}).json()["items"]
    return [one for one in items if one["address"].startswith(of)]


def replay(operator: httpx.Client, body: dict[str, Any], key: str) -> dict[str, Any]:
    answer = operator.post("/v1/dead-letters/replays", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_rows_of_nobodys_record_are_kept_and_are_nobodys_however_often_they_are_sent(
    stack: Servers, service: Running, tenant: Tenant
) -> None:
    (good,) = tenant.donations(0, 1)
    shard = tenant.shard(good["merchant"])
    record = write_rows(stack, service.topic("donations.pushed"), [json.dumps(good).encode()], partition=shard)
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 1, "the row is kept")
        (kept,) = dead_letters(operator, record)
        assert (kept["cause"], kept["platform"]) == ("platform_missing", None)
        answer = replay(operator, {"addresses": [kept["address"]]}, f"{record} as it is")
        assert (answer["accepted"], [one["code"] for one in answer["refused"]]) == (0, ["platform_missing"])
    assert tenant.counted() == (0, 0)


def test_foreign_rows_are_kept_with_their_reason_and_count_once_when_they_are_mended(
    stack: Servers, service: Running, tenant: Tenant
) -> None:
    (good,) = tenant.donations(0, 1)
    mended = json.dumps({**good, "amount_fen": 7})
    rows = [b"{oops", json.dumps({**good, "amount_fen": -7}).encode(), b"\xff\xfe"]
    another = 1 if tenant.shard(good["merchant"]) == 0 else 0
    record = write_rows(stack, service.topic("donations.pushed"), rows, whose(tenant), partition=another)
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 3, "all rows are kept")
        negative = dead_letters(operator, record, cause="amount_fen_invalid")
        assert [one["address"] for one in negative] == [f"{record}1"]
        address = negative[0]["address"]
        assert json.loads(operator.get(f"/v1/dead-letters/{address}").json()["text"])["amount_fen"] == -7

        still = replay(operator, {"addresses": [address], "dry_run": True}, f"{record} dry")
        assert (still["accepted"], [one["code"] for one in still["refused"]]) == (0, ["amount_fen_invalid"])
        body = {"addresses": [address], "edited": {address: mended}}
        assert replay(operator, {**body, "dry_run": True}, f"{record} dry mended")["accepted"] == 1
        assert tenant.counted() == (0, 0)

        for key in ("mended", "mended", "mended again"):
            assert replay(operator, body, f"{record} {key}")["accepted"] == 1
        eventually(lambda: tenant.counted() == (1, 7), "the mended row is counted once")
        noted = operator.get(f"/v1/dead-letters/{address}").json()["replays"]
        assert [one["edited"] for one in noted] == [mended, mended]
        assert operator.get("/v1/dead-letters/no/such/address").status_code == 404
    assert DAY in mended


def test_a_broken_reversal_is_kept_as_one_and_is_taken_when_it_is_mended(
    stack: Servers, service: Running, tenant: Tenant
) -> None:
    (good,) = tenant.donations(0, 1)
    tenant.push(ndjson([good]))
    eventually(lambda: tenant.counted()[0] == 1, "the donation is counted")
    shard, sound = tenant.shard(good["merchant"]), reversal("r-1", good, good["amount_fen"])
    rows = [json.dumps({**sound, "amount_fen": 0}).encode()]
    record = write_rows(
        stack, service.topic("donations.pushed"), rows, ("kind", b"reversal"), whose(tenant), partition=shard
    )
    with service.client("operator") as operator:
        eventually(lambda: len(dead_letters(operator, record)) == 1, "the row is kept")
        (dead_letter,) = dead_letters(operator, record)
        assert (dead_letter["kind"], dead_letter["cause"]) == ("reversal", "amount_fen_invalid")
        body = {"addresses": [dead_letter["address"]], "edited": {dead_letter["address"]: json.dumps(sound)}}
        assert replay(operator, body, f"{record} mended")["accepted"] == 1
        path = f"/v1/reversals/{good['merchant']}/r-1"
        eventually(lambda: tenant.platform.get(path).status_code == 200, "the reversal is on a page")
    assert tenant.platform.get(path).json()["state"] == "taken"
    assert tenant.counted() == (1, good["amount_fen"])


def test_only_operators_may_replay(tenant: Tenant) -> None:
    body, headers = {"addresses": ["x"]}, {"Idempotency-Key": "k"}
    answer = tenant.platform.post("/v1/dead-letters/replays", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
