"""A line whose input is gone stops, says which, and goes on when an operator lets it, for a reason that is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from tests.service.donations.test_push import NDJSON, eventually, gifts, ndjson
from tests.service.running import Running, running
from tests.stack import Servers


@pytest.fixture
def donations(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[Running]:
    more = {"PANDA_LINES": "1", "PANDA_ACCEPT_DAYS": "36500"}
    with running("donations", stack, namespace, tmp_path, more) as service:
        yield service


def lose(servers: Servers, topic: str, records: list[bytes], kept_from: int) -> None:
    """Records come to the line's log while nobody reads it, and the log loses its front up to an offset."""

    async def write_and_lose() -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers.kafka, acks="all") as producer:
            for value in records:
                await producer.send_and_wait(topic, value, key=b"0", partition=0, headers=[("push", b"psh_x")])
        admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
        await admin.start()
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(kept_from)})
        await admin.close()

    asyncio.run(write_and_lose())


def line(client: httpx.Client) -> dict[str, Any]:
    (only,) = client.get("/v1/lines").json()["items"]
    shown: dict[str, Any] = only
    return shown


def test_a_line_stops_at_a_gap_until_an_operator_lets_exactly_that_gap_go(
    stack: Servers, namespace: str, donations: Running
) -> None:
    with donations.client("operator") as operator, donations.client("platform") as platform:
        platform.post("/v1/donations", content=ndjson(gifts(0, 3)), headers=NDJSON)
        eventually(lambda: line(operator)["donations"] == {"love-parcel": 3}, "the first gifts are counted")
        donations.kill()
        records = [ndjson(gifts(first, 2)) for first in (10, 20, 30)]
        lose(stack, f"{namespace}.donations.pushed", records, kept_from=3)
        donations.start_unready()
        eventually(lambda: answers(operator) and line(operator)["gap"] is not None, "the line says that it stopped")
        gap = line(operator)["gap"]
        assert (gap["wanted"], gap["begins"]) == (1, 3)
        assert httpx.get(f"{donations.url}/readyz", trust_env=False).status_code == 503

        def let_go(begins: int, key: str) -> httpx.Response:
            body = {"wanted": 1, "begins": begins, "reason": "the platform pushes that hour again"}
            return operator.post("/v1/lines/0/go-on", json=body, headers={"Idempotency-Key": key})

        assert let_go(2, "wrong").json()["code"] == "gap_is_another"
        assert let_go(3, "right").status_code == 200
        eventually(lambda: line(operator)["donations"] == {"love-parcel": 5}, "the line goes on behind the gap")
        (done,) = line(operator)["gone_on"]
        assert done["reason"] == "the platform pushes that hour again"
        assert let_go(3, "again").json()["code"] == "line_not_stopped"
        assert let_go(3, "right").status_code == 200
        assert platform.get("/v1/lines").status_code == 403
        assert operator.post("/v1/lines/7/go-on", json={"wanted": 1, "begins": 3, "reason": "x"}).status_code == 404


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/v1/lines").status_code == 200
    except httpx.TransportError:
        return False
