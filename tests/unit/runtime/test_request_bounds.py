"""A request is bounded before it is parsed, and parsed after it is allowed: key, size, share, time, depth, number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Form, Request
from pydantic import BaseModel

from pandapack.runtime.auth import Caller, Keys, NewKey, Role, caller_of, needs
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.http import FAILURE_CHARACTERS_MAX, FAILURES_LISTED_MAX, RequestMarks, install_problems
from pandapack.runtime.request_bounds import (
    BODIES_BYTES_MAX,
    BODY_BYTES_MAX,
    BODY_VALUES_MAX,
    BodyBound,
    Bounds,
    RequestBounds,
    check_bounds,
)
from pandapack.runtime.strict import Strictness
from tests.waiting import eventually_async

LARGER = {"PUT /v1/{shelf}/numbers": BodyBound(values_max=30_000)}
STREAM = frozenset({"/v1/stream"})


class Numbers(BaseModel):
    """A body of numbers."""

    numbers: tuple[int, ...] = ()
    by_name: dict[str, int] = {}


def _router() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/numbers", dependencies=[Depends(needs(Role.CARRIER, Role.BUYER))])
    async def post_numbers(body: Numbers) -> int:
        return len(body.numbers)

    @router.put("/{shelf}/numbers")
    async def put_numbers(body: Numbers, _: Annotated[Caller, Depends(caller_of)]) -> int:
        return len(body.numbers)

    @router.post("/stream", dependencies=[Depends(needs(Role.BUYER))])
    async def post_stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @router.post("/open")
    async def post_open(body: Numbers) -> int:
        return len(body.numbers)

    return router


@dataclass
class Site:
    """A small application behind its bounds, with keys in memory."""

    keys: Keys = field(
        default_factory=lambda: Keys(
            MemoryRows("keys"), FixedClock(datetime(2021, 11, 11, tzinfo=UTC)), SeededChance(1)
        )
    )

    def __post_init__(self) -> None:
        self.app = FastAPI()
        self.app.state.keys = self.keys
        install_problems(self.app)
        self.bounds = Bounds(STREAM, LARGER)
        self.app.add_middleware(RequestBounds, of=self.app, bounds=self.bounds)
        self.app.add_middleware(RequestMarks, chance=SeededChance(2))
        self.app.include_router(_router(), dependencies=[Depends(Strictness(self.app, STREAM))])

        @self.app.post("/form", include_in_schema=False)
        async def post_form(word: Annotated[str, Form()]) -> str:
            return word

    async def key(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.keys.add(NewKey(role=role, name='of a test'))}"}

    async def ask(
        self, method: str, path: str, content: Any, headers: dict[str, str] | None = None, client: str = "198.51.100.1"
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(client, 1))
        json = {"Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as browser:
            return await browser.request(method, path, content=content, headers={**json, **(headers or {})})


@dataclass
class Watched:
    """A body that tells how much of it was read."""

    chunks: int
    size: int = 64 * 1024
    read: int = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.chunks):
            self.read += 1
            yield b"1," * (self.size // 2)


@pytest.mark.parametrize(
    ("method", "path", "role", "status", "code"),
    [
        ("POST", "/v1/numbers", None, 401, "key_unknown"),
        ("PUT", "/v1/a/numbers", None, 401, "key_unknown"),
        ("POST", "/v1/stream", None, 401, "key_unknown"),
        ("POST", "/v1/numbers", Role.AUDITOR, 403, "role_not_allowed"),
        ("POST", "/v1/numbers", Role.CARRIER, 403, "party_missing"),
        ("POST", "/v1/stream", Role.AUDITOR, 403, "role_not_allowed"),
        ("POST", "/nothing", None, 404, "not_found"),
        ("DELETE", "/v1/numbers", None, 405, "method_not_allowed"),
    ],
)
async def test_of_a_body_that_may_not_come_nothing_is_read(
    method: str, path: str, role: Role | None, status: int, code: str
) -> None:
    site, body = Site(), Watched(128)
    answer = await site.ask(method, path, body, await site.key(role) if role else None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert body.read == 0


async def test_whoever_may_is_read_and_each_route_is_found_behind_its_names() -> None:
    site = Site()
    buyer = await site.key(Role.BUYER)
    for method, path in (("POST", "/v1/numbers"), ("PUT", "/v1/a/numbers"), ("POST", "/v1/open")):
        answer = await site.ask(method, path, b'{"numbers": [1, 2]}', buyer)
        assert (answer.status_code, answer.json()) == (200, 2), path
    assert (await site.ask("POST", "/v1/stream", Watched(16), buyer)).json() == 16 * 64 * 1024


async def test_a_body_is_refused_by_its_announced_length_before_a_byte_of_it_is_read() -> None:
    site, body = Site(), Watched(128)
    headers = {**await site.key(Role.BUYER), "Content-Length": f"{BODY_BYTES_MAX + 1}"}
    answer = await site.ask("POST", "/v1/numbers", body, headers)
    assert (answer.status_code, answer.json()["code"], body.read) == (413, "body_too_large", 0)
    assert answer.json()["limit"] == BODY_BYTES_MAX


async def test_a_body_without_a_length_is_read_no_further_than_its_bound() -> None:
    site, body = Site(), Watched(1_000)
    answer = await site.ask("POST", "/v1/numbers", body, await site.key(Role.BUYER))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert body.read <= BODY_BYTES_MAX // body.size + 1


@pytest.mark.parametrize("number", ['"x"', "1.5", "null", "[]"])
async def test_of_very_many_wrong_numbers_no_more_are_looked_at_than_a_body_may_hold(number: str) -> None:
    site, buyer = Site(), None
    buyer = await site.key(Role.BUYER)
    wrong = ",".join([number] * 1_200_000).encode()
    answer = await site.ask("POST", "/v1/numbers", b'{"numbers": [' + wrong + b"]}", buyer)
    assert answer.status_code == 413 and len(answer.content) < 2_000
    wide = ",".join(["1"] * (BODY_VALUES_MAX + 1)).encode()
    answer = await site.ask("POST", "/v1/numbers", b'{"numbers": [' + wide + b"]}", buyer)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_values")
    assert answer.json()["limit"] == BODY_VALUES_MAX


async def test_of_what_is_wrong_with_a_body_ten_are_told_and_the_others_counted() -> None:
    site, wrong = Site(), 20_000
    body = b'{"numbers": [' + ",".join(['"x"'] * wrong).encode() + b"]}"
    refused = await site.ask("PUT", "/v1/a/numbers", body, await site.key(Role.BUYER))
    told = refused.json()
    assert (refused.status_code, told["code"]) == (422, "invalid_request")
    assert (len(told["errors"]), told["errors_more"]) == (FAILURES_LISTED_MAX, wrong - FAILURES_LISTED_MAX)
    assert len(refused.content) < 4_000


async def test_a_name_of_any_length_is_told_no_further_than_it_is_shown() -> None:
    site = Site()
    body = b'{"by_name": {"' + b"n" * 200_000 + b'": "x"}}'
    refused = await site.ask("POST", "/v1/numbers", body, await site.key(Role.BUYER))
    assert refused.status_code == 422 and len(refused.content) < 2_000
    assert all(len(one["detail"]) <= FAILURE_CHARACTERS_MAX for one in refused.json()["errors"])


@pytest.mark.parametrize("name", [r"\ud800", r"\uDFFF x", r"\ud83d\u0041"])
async def test_half_of_a_utf_16_pair_is_refused_by_name_and_a_whole_one_is_taken(name: str) -> None:
    site = Site()
    buyer = await site.key(Role.BUYER)
    refused = await site.ask("POST", "/v1/numbers", f'{{"by_name": {{"{name}": 1}}}}'.encode(), buyer)
    assert (refused.status_code, refused.json()["code"]) == (422, "text_unpaired")
    taken = await site.ask("POST", "/v1/numbers", rb'{"by_name": {"\ud83d\udc3c": 1}}', buyer)
    assert taken.status_code == 200


async def test_whoever_holds_many_unfinished_bodies_is_asked_to_wait_and_others_are_served() -> None:
    site, ended = Site(), asyncio.Event()
    greedy = await site.key(Role.BUYER)

    async def unfinished() -> AsyncIterator[bytes]:
        yield b" " * BODY_BYTES_MAX
        await ended.wait()

    share = BODIES_BYTES_MAX // 2 // BODY_BYTES_MAX
    under_way = [asyncio.create_task(site.ask("POST", "/v1/numbers", unfinished(), greedy)) for _ in range(200)]
    await eventually_async(lambda: sum(one.done() for one in under_way) == 200 - share, "those beyond are refused")
    refused = [one.result() for one in under_way if one.done()]
    told = {(one.status_code, one.json()["code"], one.headers["retry-after"]) for one in refused}
    assert told == {(429, "busy", "1")}
    assert (await site.ask("POST", "/v1/open", b'{"numbers": [1]}', client="198.51.100.2")).json() == 1
    ended.set()
    await asyncio.gather(*under_way)
    assert (await site.ask("POST", "/v1/open", b'{"numbers": [1]}')).json() == 1


FOREIGN: Sequence[dict[str, str]] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://here.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://here"},
)
OWN: Sequence[dict[str, str]] = (
    {},
    {"Origin": "http://here"},
    {"Origin": "http://here", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_form_of_another_site_is_refused_before_it_is_read(headers: dict[str, str]) -> None:
    answer = await Site().ask("POST", "/form", b"word=a", {**FORM, **headers})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_foreign")


@pytest.mark.parametrize("headers", OWN)
async def test_a_form_of_our_own_is_read(headers: dict[str, str]) -> None:
    assert (await Site().ask("POST", "/form", b"word=a", {**FORM, **headers})).json() == "a"


async def test_a_program_with_a_key_is_no_form_whatever_it_says_of_itself() -> None:
    site = Site()
    headers = {**await site.key(Role.BUYER), "Origin": "https://elsewhere.example"}
    assert (await site.ask("POST", "/v1/numbers", b"{}", headers)).status_code == 200


def test_bounds_of_a_route_that_there_is_not_are_found_when_the_application_is_made() -> None:
    site = Site()
    check_bounds(site.app, site.bounds)
    with pytest.raises(AssertionError, match="POST /v1/nothing"):
        check_bounds(site.app, Bounds(larger={"POST /v1/nothing": BodyBound()}))


@pytest.mark.parametrize("body", [b'{"numbers": [1', b"\xff", b"{", b'{"numbers": 1}'])
async def test_a_body_that_is_none_is_refused_only_after_its_key(body: bytes) -> None:
    site = Site()
    assert (await site.ask("POST", "/v1/numbers", body)).status_code == 401
    assert (await site.ask("POST", "/v1/numbers", body, await site.key(Role.BUYER))).status_code in (400, 422)
