"""How a push is answered over HTTP: 202 says that all of it is in Kafka, and whatever is not says why."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from fastapi import FastAPI

from pandapack.runtime.auth import Keys, NewKey, Role
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.http import install_problems
from pandapack.runtime.store import Store
from services.donations.ledger.store.gaps import SHARD_GAPS
from services.donations.ledger.store.pages import Pages
from services.donations.platforms.store.platforms import PLATFORMS, Platforms
from services.donations.platforms.store.secrets import SecretSealer
from services.donations.pushes.api.bodies import BodyBudget
from services.donations.pushes.api.pushes import pushes_router
from services.donations.pushes.store import Pushes
from services.donations.pushes.work.admission import Admission
from tests.unit.donations.pushes.pushing import AT, KafkaInMemory, donation_lines, push_service


class PushApi:
    """`POST /v1/donations` as a platform that is not registered uses it."""

    def __init__(self) -> None:
        clock, chance = FixedClock(AT), SeededChance(1)
        self.kafka, self.rows, self._keys = KafkaInMemory(), MemoryRows("pushes"), MemoryRows("keys")
        platforms = Platforms(
            Store(PLATFORMS, MemoryDocuments("platforms"), clock=clock, chance=chance), SecretSealer("", chance)
        )
        self._app = FastAPI()
        self._app.state.keys = Keys(self._keys, clock, chance, "secret")
        install_problems(self._app)
        router = pushes_router(
            push_service(self.kafka, self.rows),
            Admission(platforms, clock),
            BodyBudget(),
            Pushes(self.rows),
            Pages(MemoryRows("pages")),
            Store(SHARD_GAPS, MemoryDocuments("shard_gaps"), clock=clock, chance=chance),
        )
        self._app.include_router(router)
        self._key = ""

    async def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        self._key = self._key or await self._app.state.keys.add(NewKey(role=Role.PLATFORM, name="a platform"))
        sent = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/x-ndjson", **(headers or {})}
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/v1/donations", content=body, headers=sent)


BODY = b"\n".join(donation_lines())
KEY = {"Idempotency-Key": "k"}


async def test_202_says_that_every_shard_of_the_ledger_has_its_part() -> None:
    api = PushApi()
    answer = await api.post(BODY)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 40)
    assert sorted(shard for shard, _ in api.kafka.sent) == [0, 1, 2, 3]


async def test_one_shard_that_kafka_does_not_acknowledge_means_no_202_and_a_repeat_sends_all_again() -> None:
    api = PushApi()
    api.kafka.refusing = frozenset({2})
    failed = await api.post(BODY, KEY)
    assert (failed.status_code, failed.json()["code"]) == (503, "unavailable")
    api.kafka.refusing, api.kafka.sent = frozenset(), []
    repeated = await api.post(BODY, KEY)
    assert (repeated.status_code, repeated.json()["accepted"], len(api.kafka.sent)) == (202, 40, 4)


async def test_a_repeat_gets_the_earlier_answer_and_another_body_409() -> None:
    api = PushApi()
    first, again, other = [await api.post(body, KEY) for body in (BODY, BODY, BODY + b"\n{")]
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_push_of_which_nothing_is_accepted_is_answered_422_and_names_each_line() -> None:
    answer = await PushApi().post(b"{\n{}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["status"], problem["accepted"]) == ("nothing_accepted", 422, 0)
    assert [failure["index"] for failure in problem["failures"]] == [0, 1]
