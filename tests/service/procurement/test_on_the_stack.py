"""Procurement on a real Kafka and a real MongoDB: donations become a round, and a round becomes parcels."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from pandapack.contracts.donations import shard_source
from pandapack.contracts.envelope import envelop
from tests.service.procurement.world import need
from tests.service.running import Running, running
from tests.stack import Servers
from tests.trusted import signed
from tests.unit.procurement.programme import PROGRAMME, SMALL, donations
from tests.waiting import eventually


def get(service: Running, path: str) -> Any:
    with service.client("operator") as client:
        answer = client.get(f"/v1{path}")
        return answer.json() if answer.status_code == 200 else None


def command(service: Running, method: str, path: str, body: Any) -> Any:
    with service.client("operator") as client:
        answer = client.request(method, f"/v1{path}", json=body, headers={"Idempotency-Key": f"{method} {path}"})
        assert answer.is_success, answer.text
        return answer.json()


def publish_donations(service: Running, *fen: int) -> None:
    """A shard publishes, in order, that so many fen were recorded; each event twice."""

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=service.env["PANDA_KAFKA"]) as producer:
            front = 0
            for number, one in enumerate(fen, 1):
                event = donations(0, front, front + one)
                front += one
                envelope = envelop(event, source=shard_source(0), number=number, at=datetime(2020, 3, 1, tzinfo=UTC))
                for _ in range(2):
                    key, value, headers = signed(service.folder, envelope)
                    await producer.send_and_wait(service.topic("donations.events"), value, key=key, headers=headers)

    asyncio.run(send())


def test_donations_become_packed_parcels(stack: Servers, namespace: str, tmp_path: Path) -> None:
    with running("procurement", stack, namespace, tmp_path) as service:
        command(service, "PUT", f"/programmes/{PROGRAMME}", SMALL)
        command(service, "POST", "/needs", need("NP", "small", 6, 6))
        eventually(lambda: (get(service, f"/funds/{PROGRAMME}") or {}).get("next_round"), "the fund plans a round")
        publish_donations(service, 500, 400)
        eventually(lambda: get(service, "/rounds/R-000001"), "a round is funded")
        service.kill()
        service.start_again()
        orders = eventually(
            lambda: (found := get(service, "/orders?category=goods")["items"])[1:] and found, "orders are placed"
        )
        for order in orders:
            path = f"/orders/{order['order']}"
            amount_fen = command(service, "POST", f"{path}/confirmation", {"prices": {}})["amount_fen"]
            lines = [{"item": line["item"], "counted": line["quantity"], "lot": "L"} for line in order["lines"]]
            command(service, "POST", f"{path}/receipts", {"receipt": "GRN-1", "lines": lines})
            command(service, "POST", f"{path}/invoices", {"invoice": f"INV-{order['order']}", "amount_fen": amount_fen})
        eventually(lambda: get(service, "/rounds/R-000001")["packable"] == 4, "the goods are in stock")
        packed = command(service, "POST", "/rounds/R-000001/kitting", {"lot": "LOT-1", "parcels": 4})
        assert packed["last_serial"] == "R-000001-0004"
        fund = get(service, f"/funds/{PROGRAMME}")
        assert (fund["applied_fen"], fund["unallocated_fen"], fund["rounds"]) == (900, 42, 1)
