"""Dead letters on a real Kafka and a real MongoDB: foreign rows are kept with the reason, and can be tried again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from pandapack.contracts.donations import line_of
from tests.service.donations.test_push import DAY, NDJSON, counted, eventually, gifts, ndjson
from tests.service.donations.test_reversals import database, donations, platform, reversal
from tests.service.running import Running
from tests.stack import Servers

__all__ = ["database", "donations", "platform"]
GOOD = gifts(0, 1)[0]
MENDED = json.dumps({**GOOD, "amount_fen": 7})


def write_rows(servers: Servers, topic: str, rows: list[bytes], *more: tuple[str, bytes], partition: int = 0) -> None:
    """Somebody else writes to the ledger's topic."""
    value, headers = b"\n".join(rows), [("push", b"\xff"), *more]

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers.kafka, acks="all") as producer:
            await producer.send_and_wait(topic, value, key=b"0", partition=partition, headers=headers)

    asyncio.run(send())


def replay(operator: httpx.Client, body: dict[str, Any], key: str) -> dict[str, Any]:
    answer = operator.post("/v1/dead-letters/replays", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_foreign_rows_are_kept_with_their_reason_and_count_once_when_they_are_mended(
    stack: Servers, namespace: str, donations: Running, database: Any
) -> None:
    topic = f"{namespace}.donations.pushed"
    write_rows(stack, topic, [b"{oops", json.dumps({**GOOD, "amount_fen": -7}).encode(), b"\xff\xfe"])
    with donations.client("operator") as operator:

        def letters(**asked: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = operator.get("/v1/dead-letters", params=asked).json()["items"]
            return found

        eventually(lambda: len(letters()) == 3, "all rows are kept")
        negative = letters(cause="amount_fen_invalid")
        assert [one["place"] for one in negative] == [f"{topic}/0/0/1"]
        place = negative[0]["place"]
        assert json.loads(operator.get(f"/v1/dead-letters/{place}").json()["text"])["amount_fen"] == -7

        still = replay(operator, {"places": [place], "dry_run": True}, "dry")
        assert (still["accepted"], [one["code"] for one in still["refused"]]) == (0, ["amount_fen_invalid"])
        body = {"places": [place], "edited": {place: MENDED}}
        assert replay(operator, {**body, "dry_run": True}, "dry mended")["accepted"] == 1
        assert counted(database) == (0, 0)

        for key in ("mended", "mended", "mended again"):
            assert replay(operator, body, key)["accepted"] == 1
        eventually(lambda: counted(database) == (1, 7), "the mended row is counted once")
        noted = operator.get(f"/v1/dead-letters/{place}").json()["replays"]
        assert [one["edited"] for one in noted] == [MENDED, MENDED]
        assert operator.get("/v1/dead-letters/no/such/place").status_code == 404
    assert DAY in MENDED


def test_a_broken_reversal_is_kept_as_one_and_is_taken_when_it_is_mended(
    stack: Servers, namespace: str, donations: Running, platform: httpx.Client, database: Any
) -> None:
    platform.post("/v1/donations", content=ndjson([GOOD]), headers=NDJSON)
    eventually(lambda: counted(database)[0] == 1, "the gift is counted")
    line, whole = line_of(GOOD["merchant"], lines=2), reversal("r-1", GOOD, GOOD["amount_fen"])
    rows = [json.dumps({**whole, "amount_fen": 0}).encode()]
    write_rows(stack, f"{namespace}.donations.pushed", rows, ("kind", b"reversal"), partition=line)
    with donations.client("operator") as operator:

        def letters() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = operator.get("/v1/dead-letters").json()["items"]
            return found

        eventually(lambda: len(letters()) == 1, "the row is kept")
        letter = letters()[0]
        assert (letter["kind"], letter["cause"]) == ("reversal", "amount_fen_invalid")
        body = {"places": [letter["place"]], "edited": {letter["place"]: json.dumps(whole)}}
        assert replay(operator, body, "mended")["accepted"] == 1
        path = f"/v1/reversals/{GOOD['merchant']}/r-1"
        eventually(lambda: platform.get(path).status_code == 200, "the reversal is on a page")
    assert platform.get(path).json()["state"] == "taken"
    assert counted(database) == (1, GOOD["amount_fen"])


def test_only_operators_may_replay(platform: httpx.Client) -> None:
    answer = platform.post("/v1/dead-letters/replays", json={"places": ["x"]}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
