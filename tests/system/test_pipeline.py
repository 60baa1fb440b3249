"""The pipeline as operators see it: exact, of all processes, and true of one that is held."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.programme import publish_programme
from pandapack.local.layout import SERVICES, Layout
from pandapack.local.stack import Stack
from pandapack.runtime.settings import EVENT_PARTITIONS
from tests.system.test_push_to_totals import donation
from tests.waiting import eventually

GROUP, TOPIC = "panda.procurement.shards", "donations.events"
HELD_S = 60.0
EXACT_S = 2.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack, in which gifts are given."""
    with Stack(Layout.on_free_ports(tmp_path_factory.mktemp("pipeline") / ".panda", keep_data=False)) as stack:
        yield stack


class Pipeline:
    """Pushes, and looks as an operator does."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.pushed = stack, 0

    def get(self, path: str) -> Any:
        key = {"Authorization": f"Bearer {self.stack.keys['operator']}"}
        answer = httpx.get(f"{self.stack.addresses['reporting']}{path}", headers=key, trust_env=False, timeout=10.0)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hop(self, group: str = GROUP, topic: str = TOPIC) -> dict[str, Any]:
        hops: list[dict[str, Any]] = self.get("/v1/pipeline")["hops"]
        return next(hop for hop in hops if (hop["group"], hop["topic"]) == (group, topic))

    def push(self) -> None:
        now = datetime.now(UTC).isoformat()
        body = {**donation(self.pushed), "at": now}
        self.pushed += 1
        answer = httpx.post(
            f"{self.stack.addresses['donations']}/v1/donations",
            json=[body],
            headers={"Authorization": f"Bearer {self.stack.keys['platform']}"},
            trust_env=False,
        )
        assert answer.status_code == 202, answer.text

    @contextmanager
    def held(self, service: str) -> Iterator[None]:
        self.stack.supervisor.signal(service, signal.SIGSTOP)
        try:
            yield
        finally:
            self.stack.supervisor.signal(service, signal.SIGCONT)

    def lag_in_the_log(self) -> int:
        """What the log holds behind the commits of procurement, asked by a client that is nobody's."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(self._lag_in_the_log())).result()

    async def _lag_in_the_log(self) -> int:
        kafka = self.stack.addresses["kafka"]
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        reader = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=None)
        await admin.start()
        await reader.start()
        try:
            partitions = [TopicPartition(TOPIC, number) for number in range(EVENT_PARTITIONS)]
            committed = await admin.list_consumer_group_offsets(GROUP, partitions=partitions)
            ends = await reader.end_offsets(partitions)
            return sum(ends[one] - max(0, committed[one].offset) for one in partitions)
        finally:
            await reader.stop()
            await admin.close()


def test_all_services_have_their_processes_there_and_a_gifts_whole_way_is_measured(stack: Stack) -> None:
    pipeline = Pipeline(stack)
    publish_programme(stack)
    eventually(lambda: all(hop["lag_s"] == 0.0 for hop in pipeline.get("/v1/pipeline")["hops"]), "nothing is late")
    pipeline.push()
    eventually(lambda: pipeline.get("/v1/pipeline")["business_lag"]["samples"] > 0, "a push was followed")
    shown = pipeline.get("/v1/pipeline")
    assert 0.0 < shown["business_lag"]["p50_s"] < 30.0
    assert {one["service"] for one in shown["instances"]} == set(SERVICES)
    assert all(one["memory_bytes"] > 10_000_000 for one in shown["instances"])
    eventually(lambda: pipeline.get("/v1/pipeline/history?minutes=1")["items"], "the pulse is kept")
    eventually(lambda: pipeline.get("/v1/pipeline")["flow"]["donations_per_s"] is not None, "the door's rate is known")


def test_a_consumer_that_is_held_is_as_late_as_it_is_and_by_what_the_log_holds(stack: Stack) -> None:
    pipeline = Pipeline(stack)
    pipeline.pushed = 1_000
    eventually(lambda: pipeline.hop()["lag_records"] == 0, "procurement has all")
    with pipeline.held("procurement"):
        began = datetime.now(UTC)
        pipeline.push()
        eventually(lambda: pipeline.hop()["lag_records"] > 0, "something waits")

        def shows_its_age() -> bool:
            hop, held_s = pipeline.hop(), (datetime.now(UTC) - began).total_seconds()
            return held_s >= HELD_S and hop["lag_s"] is not None and abs(hop["lag_s"] - held_s) <= EXACT_S

        eventually(shows_its_age, f"its age, once it has been held for {HELD_S} s", wait_s=3 * HELD_S)
        first = pipeline.get("/v1/pipeline")["hops"][0]
        assert (first["group"], first["topic"]) == (GROUP, TOPIC), "the worst comes first"
        assert pipeline.hop()["lag_records"] == pipeline.lag_in_the_log()
        held = next(one for one in pipeline.get("/v1/pipeline")["instances"] if one["service"] == "procurement")
        seen_s_ago = (datetime.now(UTC) - datetime.fromisoformat(held["seen_at"])).total_seconds()
        assert seen_s_ago > HELD_S - 3.0, "it is shown as it was seen last"
    eventually(lambda: pipeline.hop()["lag_records"] == 0, "it has caught up")
