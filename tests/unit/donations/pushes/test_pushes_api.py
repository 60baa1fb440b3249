"""How a push is answered over HTTP: 202 says that all of it is in Kafka, and whatever is not says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import bson
import httpx
import pytest
from fastapi import FastAPI

from pandapack.contracts.pages import page_id
from pandapack.contracts.pushed import TRACE_HEADER
from pandapack.runtime.auth import Keys, NewKey, Role
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.http import install_problems
from pandapack.runtime.store import Command, Store
from services.donations.door.api.bodies import BodyBudget
from services.donations.door.api.door import Entrance
from services.donations.door.work.admission import Admission
from services.donations.ledger.store.gaps import SHARD_GAPS
from services.donations.ledger.store.pages import Pages
from services.donations.platforms.domain.platforms import Terms, register
from services.donations.platforms.store.platforms import PLATFORMS, Platforms
from services.donations.platforms.store.secrets import SecretSealer
from services.donations.pushes.api.bodies import LINES_A_PUSH_MAX
from services.donations.pushes.api.listing import push_list_router
from services.donations.pushes.api.pushes import PushEntrance, Showing, pushes_router
from services.donations.pushes.domain.push import push_id
from services.donations.pushes.domain.refusals import RefusedPush
from services.donations.pushes.store import REFUSALS_A_PLATFORM_MAX, Pushes, RefusedPushes
from services.donations.pushes.work.book import PushBook
from services.donations.pushes.work.push_service import FAILURES_BYTES_MAX
from services.donations.pushes.work.refusals import NOTED_A_PLATFORM_MAX, RefusalNotes
from tests.trusted import marks
from tests.unit.donations.pushes.pushing import AT, KafkaInMemory, donation_lines, push_service

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class PushApi:
    """`POST /v1/donations` as the registered platform `tb` uses it."""

    def __init__(self) -> None:
        clock, chance = FixedClock(AT), SeededChance(1)
        self.kafka, self.rows, self._keys = KafkaInMemory(), MemoryRows("pushes"), MemoryRows("keys")
        self._documents = Store(PLATFORMS, MemoryDocuments("platforms"), clock=clock, chance=chance)
        platforms = Platforms(self._documents, SecretSealer("", chance))
        self._app = FastAPI()
        self._app.state.keys = Keys(self._keys, clock, chance)
        install_problems(self._app)
        pushes, self.pages = Pushes(self.rows), MemoryRows("pages")
        refused = RefusedPushes(MemoryRows("refused_pushes"))
        self.notes = RefusalNotes(refused, clock)
        gaps = Store(SHARD_GAPS, MemoryDocuments("shard_gaps"), clock=clock, chance=chance)
        book = PushBook(push_service(self.kafka, self.rows), pushes, Pages(self.pages), gaps)

        async def pushes_of(tests_of: str) -> PushBook:
            assert not tests_of, "no test key was made"
            return book

        door = PushEntrance(Entrance(Admission(platforms, clock), BodyBudget()), self.notes)
        self._app.include_router(pushes_router(pushes_of, door, Showing(pushes_of)))
        self._app.include_router(push_list_router(pushes_of, refused))
        self._key = ""

    async def _register(self) -> str:
        """The platform's first key."""
        decide = partial(register, terms=Terms(name="tb"), sealed=SEALED, at=AT)
        await self._documents.change("tb", decide, Command("register", "digest"))
        key: str = await self._app.state.keys.add(NewKey(role=Role.PLATFORM, name="tb"), owner="tb")
        return key

    async def post(self, body: bytes, headers: Mapping[str, str] | None = None, wait: str = "") -> httpx.Response:
        self._key = self._key or await self._register()
        sent = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/x-ndjson", **(headers or {})}
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            params = {"wait": wait} if wait else {}
            return await client.post("/v1/donations", content=body, headers=sent, params=params)

    async def listed(self, **params: str) -> httpx.Response:
        await self.notes.run()
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/v1/pushes", params=params, headers={"Authorization": f"Bearer {self._key}"})


BODY = b"\n".join(donation_lines())
SEALED = SecretSealer("", SeededChance(2)).seal(b"s" * 32, "tb")
KEY = {"Idempotency-Key": "k"}


async def test_202_says_that_every_shard_of_the_ledger_has_its_part() -> None:
    api = PushApi()
    answer = await api.post(BODY)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 40)
    assert sorted(shard for shard, _ in api.kafka.sent) == [0, 1, 2, 3]


@pytest.mark.parametrize(("given", "carried"), [(TRACE, [TRACE.encode()]), ("00-x", []), ("", [])])
async def test_the_trace_that_a_push_comes_with_goes_with_its_records_where_it_is_one(
    given: str, carried: list[bytes]
) -> None:
    api = PushApi()
    await api.post(b"\n".join(donation_lines(1)), {"traceparent": given})
    (headers,) = api.kafka.headers
    assert [content for name, content in headers if name == TRACE_HEADER] == carried
    ((shard, value),) = api.kafka.sent
    assert marks().is_marked(shard, headers, value)
    assert not marks().is_marked(shard, [one for one in headers if one[0] != TRACE_HEADER], value) or not carried


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


@pytest.mark.parametrize("good", [0, 1])
async def test_of_very_many_refused_lines_the_first_are_named_within_a_bound_and_the_others_counted(good: int) -> None:
    api, broken = PushApi(), LINES_A_PUSH_MAX - good
    answer = await api.post(b"\n".join([*donation_lines()[:good], *[b"{}"] * broken]), KEY)
    told = answer.json()
    assert answer.status_code == (202 if good else 422)
    assert (told["rejected"], len(told["failures"]) + told["failures_more"]) == (broken, broken)
    assert [one["index"] for one in told["failures"]] == list(range(good, good + len(told["failures"])))
    assert len(told["failures"]) > 100
    assert len(answer.content) < FAILURES_BYTES_MAX + 2_000
    for kept in await api.rows.find({}):
        assert len(bson.encode(kept)) < 2 * FAILURES_BYTES_MAX


async def test_of_few_refused_lines_each_is_named() -> None:
    told = (await PushApi().post(b"\n".join([*donation_lines()[:1], *[b"{}"] * 100]))).json()
    assert (len(told["failures"]), told["failures_more"]) == (100, 0)


async def test_waiting_shows_the_push_judged_with_what_was_not_counted_by_index() -> None:
    api = PushApi()
    first = {"programme": "p", "amount_fen": 1, "at_us": 1_636_603_200_000_000, "page": 3, "row": 8}
    duplicate, conflict = [
        [id_of(KEY), index, kind, f"tb:M{index}", "7", "2021-11-11", fen, None, *first_of(first)]
        for index, kind, fen in ((31, "duplicate", 1), (4, "conflict", 5))
    ]
    for shard in range(4):
        row = {"_id": page_id(shard, 0), "shard": shard, "anchor": {"offset": 0}, "findings": [], "pushes": []}
        await api.pages.insert(row)
    await api.pages.set(page_id(1, 0), {"findings": [duplicate, conflict], "pushes": [id_of(KEY)]})
    answer = await api.post(BODY, KEY, wait="5s")
    view = answer.json()
    assert (answer.status_code, view["state"], view["accepted"], view["counted"]) == (202, "judged", 40, 38)
    assert (view["duplicates"], view["conflicts"], view["findings_truncated"]) == (1, 1, False)
    shown = [(one["index"], one["kind"], one["merchant"], one["amount_fen"]) for one in view["findings"]]
    assert shown == [(4, "conflict", "M4", 5), (31, "duplicate", "M31", 1)]
    page, at = page_id(1, 3), "2021-11-11T04:00:00+00:00"
    assert view["findings"][0]["first"] == {"amount_fen": 1, "programme": "p", "page": page, "row": 8, "at": at}


async def test_where_the_time_passes_the_push_is_shown_accepted() -> None:
    answer = await PushApi().post(BODY, KEY, wait="1s")
    assert (answer.status_code, answer.json()["state"], answer.json()["counted"]) == (202, "accepted", None)


async def test_a_wait_that_is_no_number_of_seconds_up_to_the_limit_is_refused_before_anything_is_taken() -> None:
    api = PushApi()
    for wait in ("0s", "31s", "5", "5m", "1.5s", "-1s", "٣s"):
        refused = await api.post(BODY, wait=wait)
        assert (refused.status_code, refused.json()["code"]) == (422, "wait_invalid")
        assert "such as ?wait=5s" in refused.json()["detail"]
    assert api.kafka.sent == []


def id_of(headers: Mapping[str, str]) -> str:
    return push_id("tb", headers["Idempotency-Key"])


def first_of(first: Mapping[str, Any]) -> list[Any]:
    return [first[name] for name in ("programme", "amount_fen", "at_us", "page", "row")]


async def test_a_platforms_pushes_are_listed_those_that_were_refused_among_them() -> None:
    api = PushApi()
    await api.post(BODY, KEY)
    await api.post(b"{\n{}")
    await api.post(
        BODY, {"webhook-id": "m", "webhook-timestamp": str(int(AT.timestamp())), "webhook-signature": "v1,x"}
    )
    items = (await api.listed()).json()["items"]
    shown = {(one["status"], one["code"], one["state"], one["accepted"], one["rejected"]) for one in items}
    assert shown == {
        (202, None, "accepted", 40, 0),
        (422, "nothing_accepted", "refused", 0, 2),
        (401, "signature_wrong", "refused", 0, None),
    }
    (signed,) = [one["signed"] for one in items if one["signed"]]
    assert signed["content_begins"].startswith(f"m.{int(AT.timestamp())}.")
    assert "v1," not in json.dumps({name: value for name, value in signed.items() if name != "algorithm"})


async def test_the_list_goes_on_where_it_was_cut_and_has_each_push_once() -> None:
    api = PushApi()
    for number in range(5):
        await api.post(BODY, {"Idempotency-Key": str(number)})
        await api.post(b"{%d" % number)
    seen = list[tuple[str | None, str | None]]()
    params = {"limit": "3"}
    while params:
        answer = (await api.listed(**params)).json()
        seen += [(one["push_id"], one["code"]) for one in answer["items"]]
        params = {"limit": "3", "after": answer["next"]} if answer["next"] else {}
    assert len(seen) == 10
    assert len({id for id, _ in seen if id}) == 5


async def test_a_platform_that_is_refused_without_end_keeps_its_last_refusals_alone() -> None:
    api = PushApi()
    for _ in range(NOTED_A_PLATFORM_MAX + 5):
        await api.post(b"{")
    assert len((await api.listed()).json()["items"]) == NOTED_A_PLATFORM_MAX
    rows = MemoryRows("refused_pushes")
    refused = RefusedPush("tb", "req", AT, AT, 422, "nothing_accepted", "none")
    store = RefusedPushes(rows)
    for number in range(REFUSALS_A_PLATFORM_MAX + 3):
        opened = AT + timedelta(seconds=number)
        await store.add("tb", [replace(refused, opened=opened)])
    found = await store.newest_of("tb", None, 2 * REFUSALS_A_PLATFORM_MAX)
    assert len(found) == REFUSALS_A_PLATFORM_MAX
    assert found[-1][1].opened == AT + timedelta(seconds=3)


async def test_of_another_platforms_pushes_nothing_is_listed() -> None:
    api = PushApi()
    await api.post(BODY, KEY)
    assert (await api.listed(platform="other")).json() == {"items": [], "next": None}
    assert len((await api.listed(platform="tb")).json()["items"]) == 1
    assert (await api.listed(after="x")).json()["code"] == "after_invalid"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "0000-00-00T00:00:00Z"])
async def test_a_time_at_the_ends_of_the_calendar_is_a_line_s_failure(at: str) -> None:
    line = json.dumps({**json.loads(donation_lines()[0]), "at": at}).encode()
    answer = await PushApi().post(line)
    assert (answer.status_code, answer.json()["code"], answer.json()["rejected"]) == (422, "nothing_accepted", 1)
