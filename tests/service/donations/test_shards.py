"""A shard whose input is gone stops, shows where, and resumes when an operator lets it, for a reason that is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from tests.pushed import columns_of
from tests.service.donations.tenant import NDJSON, PROGRAMME, donations, ndjson
from tests.service.programmes import publish
from tests.service.running import Running, running
from tests.stack import Servers
from tests.trusted import door_of
from tests.waiting import eventually

SETTINGS = {"PANDA_SHARDS": "1", "PANDA_ACCEPT_DAYS": "36500"}


def lose(servers: Servers, service: Running, records: list[bytes], kept_from: int) -> None:
    """Records come to the shard's log while nobody reads it, and the log loses its front up to an offset."""

    topic, given = service.topic("donations.pushed"), [("push", b"psh_x"), ("platform", b"local")]

    async def write_and_lose() -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers.kafka, acks="all") as producer:
            for value in records:
                headers = door_of(service.folder).mark(0, given, value)
                await producer.send_and_wait(topic, value, key=b"0", partition=0, headers=headers)
        admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
        await admin.start()
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(kept_from)})
        await admin.close()

    asyncio.run(write_and_lose())


def the_shard(client: httpx.Client) -> dict[str, Any]:
    (only,) = client.get("/v1/shards").json()["items"]
    shown: dict[str, Any] = only
    return shown


def test_a_shard_stops_at_a_gap_until_an_operator_lets_exactly_that_gap_go(
    stack: Servers, namespace: str, tmp_path: Path
) -> None:
    with (
        running("donations", stack, namespace, tmp_path, SETTINGS) as service,
        service.client("operator") as operator,
        service.client("platform") as platform,
    ):
        publish(service, [PROGRAMME])
        platform.post("/v1/donations", content=ndjson(donations(0, 3)), headers=NDJSON)
        eventually(lambda: the_shard(operator)["donations"] == {PROGRAMME: 3}, "the first donations are counted")
        service.kill()
        records = [columns_of(*ndjson(donations(first, 2)).splitlines(), platform="local") for first in (10, 20, 30)]
        lose(stack, service, records, kept_from=3)
        service.start_unready()
        eventually(lambda: answers(operator) and the_shard(operator)["gap"] is not None, "the shard shows its gap")
        gap = the_shard(operator)["gap"]
        assert (gap["wanted"], gap["begins"]) == (1, 3)
        ready = httpx.get(f"{service.url}/readyz", trust_env=False, timeout=120)
        assert (ready.status_code, ready.json()["stopped"][0]["partition"]) == (200, 0), (
            "what is not this shard goes on"
        )

        def resume(begins: int, key: str) -> httpx.Response:
            body = {"wanted": 1, "begins": begins, "reason": "the platform pushes that hour again"}
            return operator.post("/v1/shards/0/resume", json=body, headers={"Idempotency-Key": key})

        assert resume(2, "wrong").json()["code"] == "gap_is_another"
        assert resume(3, "right").status_code == 200
        eventually(lambda: the_shard(operator)["donations"] == {PROGRAMME: 5}, "the shard resumes behind the gap")
        (done,) = the_shard(operator)["resumptions"]
        assert done["reason"] == "the platform pushes that hour again"
        assert resume(3, "again").json()["code"] == "shard_not_stopped"
        assert resume(3, "right").status_code == 200
        assert platform.get("/v1/shards").status_code == 403
        assert operator.post("/v1/shards/7/resume", json={"wanted": 1, "begins": 3, "reason": "x"}).status_code == 404


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/v1/shards").status_code == 200
    except httpx.TransportError:
        return False
