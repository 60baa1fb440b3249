"""Bodies are bounded in size, time, depth and number before anything reads them; what is wrong with them is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel

from pandapack.contracts.nesting import NESTING_MAX
from pandapack.runtime import http, request_bounds
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.request_bounds import Bounds, RequestBounds


class Named(BaseModel):
    """A body."""

    name: str


def app() -> FastAPI:
    app = FastAPI()
    http.install_problems(app)
    app.add_middleware(RequestBounds, of=app, bounds=Bounds(frozenset({"/stream"})))
    app.add_middleware(http.RequestMarks, chance=SeededChance(1))

    @app.post("/model")
    async def model(body: Named) -> int:
        return len(body.name)

    router = APIRouter()

    @router.put("/model")
    async def put_model() -> int:
        return 0

    app.include_router(router)

    @app.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    return app


async def chunks(count: int, pause_s: float = 0.0, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    yield b'{"name": "'
    for _ in range(count):
        await asyncio.sleep(pause_s)
        yield b"x" * size
    yield b'"}'


async def posted(path: str, body: AsyncIterator[bytes]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://here") as client:
        return await client.post(path, content=body, headers={"Content-Type": "application/json"})


async def test_a_body_that_fits_is_read() -> None:
    answer = await posted("/model", chunks(2))
    assert (answer.status_code, answer.json()) == (200, 128 * 1024)


async def test_a_body_that_is_too_large_is_refused_and_one_for_a_stream_is_not() -> None:
    too_many = request_bounds.BODY_BYTES_MAX // (64 * 1024) + 1
    answer = await posted("/model", chunks(too_many))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert (await posted("/stream", chunks(too_many))).status_code == 200


async def test_a_body_that_is_too_slow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bounds, "BODY_READ_S_MAX", 0.05)
    answer = await posted("/model", chunks(1_000, pause_s=0.01, size=1))
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")


@pytest.mark.parametrize("nested", [b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[" * 5_000])
async def test_a_body_that_nests_too_deeply_is_refused_and_its_limit_named(nested: bytes) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in (b'{"name": "x", "more": ', nested[:4_000], nested[4_000:], b"}"):
            yield piece

    answer = await posted("/model", body())
    assert (answer.status_code, answer.json()["code"]) == (422, "nested_too_deeply")
    assert str(NESTING_MAX) in answer.json()["detail"]


async def test_brackets_in_a_text_are_no_nesting() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"name": "' + b"[" * 5_000 + b'"}'

    assert (await posted("/model", body())).json() == 5_000


@pytest.mark.parametrize("charset", ["gbk", '"GB18030"', "utf-16"])
async def test_a_charset_that_would_be_read_wrong_is_refused(charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://here") as client:
        answer = await client.post("/model", content=b'{"name": "x"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "charset_unknown")
    with pytest.raises(http.HTTPException, match="UTF-8"):
        http.media_type_of({"content-type": headers["Content-Type"]})


@pytest.mark.parametrize(
    "type", ["application/json; charset=UTF-8", 'Application/JSON;charset="utf-8"', "application/json"]
)
async def test_utf_8_may_be_named_or_not(type: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://here") as client:
        answer = await client.post("/model", content='{"name": "店铺"}'.encode(), headers={"Content-Type": type})
    assert answer.json() == 2
    assert http.media_type_of({"content-type": type}) == "application/json"


async def test_a_body_that_is_no_text_is_refused_by_name() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"name": "\xff"}'

    answer = await posted("/model", body())
    assert (answer.status_code, answer.json()["code"]) == (400, "body_unreadable")


async def test_a_method_that_a_path_does_not_take_is_answered_with_those_that_it_takes() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://here") as client:
        answer = await client.delete("/model")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST, PUT"
    assert answer.json()["detail"] == "/model takes POST, PUT"
