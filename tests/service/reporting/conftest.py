"""The reporting service on a real Kafka and a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pymongo import MongoClient

from pandapack.contracts.envelope import decode
from tests.service.reporting.ledger import SERVICE_KEY, ledger
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace
from tests.trusted import signed
from tests.unit.reporting.history import PARTITIONS, FakeRecord
from tests.waiting import eventually


def in_a_loop_of_its_own(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs it to its end, also where a loop runs already. Raises what it raises."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()


@dataclass
class Reporting:
    """The running service, its database, and the topics that it consumes."""

    service: Running
    servers: Servers
    namespace: str
    database: Any

    def publish(self, records: Sequence[FakeRecord]) -> None:
        """Appends events to the topics, each to its partition."""
        in_a_loop_of_its_own(lambda: self._publish(records))

    async def _publish(self, records: Sequence[FakeRecord]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.servers.kafka)
        await producer.start()
        try:
            for record in records:
                event = decode(record.value or b"")
                key, value, headers = signed(self.service.folder, event)
                await producer.send_and_wait(f"{self.namespace}.{record.topic}", value, key=key, headers=headers)
        finally:
            await producer.stop()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.service.url}{path}", trust_env=False, timeout=120, **options)

    def pipeline(self) -> dict[str, Any]:
        """What staff see of the pipeline."""
        with self.client("auditor") as auditor:
            answer: dict[str, Any] = auditor.get("/v1/pipeline").json()
            return answer

    def totals(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/v1/totals").json()
        return answer

    def await_totals(self, expected: dict[str, Any]) -> None:
        """Until they are shown, and the public log has the gifts in them, too."""

        def shown() -> bool:
            totals = self.totals()
            is_logged = not any(totals["snapshot"]["ahead"].values())
            return is_logged and {name: totals[name] for name in expected} == expected

        try:
            eventually(shown, "the totals are shown")
        except AssertionError as error:
            raise AssertionError(f"expected {expected}, shown {self.totals()}") from error

    def await_log(self) -> int:
        """Until the snapshot has all that has come; its size."""

        def whole() -> bool:
            log = self.pipeline()["log"]
            snapshot = self.totals()["snapshot"]
            is_logged = log["waiting_partitions"] == 0 and log["unread_records"] == 0
            return is_logged and snapshot["size"] >= log["size"] and not any(snapshot["ahead"].values())

        eventually(whole, "the snapshot has all that has come")
        size: int = self.totals()["snapshot"]["size"]
        return size

    def forget_offsets(self) -> None:
        """Everything is read again from its start. The service must be stopped."""
        in_a_loop_of_its_own(self._forget_offsets)

    async def _forget_offsets(self) -> None:
        for group in ("panda.reporting", "panda.reporting.archive"):
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.servers.kafka,
                group_id=f"{self.namespace}.{group}",
                enable_auto_commit=False,
            )
            await consumer.start()
            try:
                partitions = [
                    TopicPartition(f"{self.namespace}.{topic}", number)
                    for topic in ("donations.events", "procurement.events", "logistics.events")
                    for number in range(PARTITIONS)
                ]
                consumer.assign(partitions)
                await consumer.commit(dict.fromkeys(partitions, 0))
            finally:
                await consumer.stop()

    def client(self, role: str) -> httpx.Client:
        return self.service.client(role)


@contextmanager
def _reporting(stack: Servers, folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Reporting]:
    namespace = new_namespace()
    # As the services read: what only this process has seen yet is nobody else's.
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo, readConcernLevel="majority")
    with (
        ledger() as donations,
        running(
            "reporting",
            stack,
            namespace,
            folder,
            {
                "PANDA_DONATIONS_URL": donations,
                "PANDA_SERVICE_KEY": SERVICE_KEY,
                "PANDA_LOGISTICS_URL": "http://127.0.0.1:9",
                **(settings or {}),
            },
        ) as service,
    ):
        name = f"{namespace}_panda_reporting"
        yield Reporting(service, stack, namespace, client[name])
        client.drop_database(name)
    client.close()


@pytest.fixture
def reporting(stack: Servers, tmp_path: Path) -> Iterator[Reporting]:
    """One of its own."""
    with _reporting(stack, tmp_path) as service:
        yield service


@pytest.fixture(scope="module")
def shared(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    """One that tests which only read share."""
    with _reporting(stack, tmp_path_factory.mktemp("reporting")) as service:
        yield service
