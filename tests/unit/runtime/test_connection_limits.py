"""What is no HTTP is answered all the same: whoever wrote it by hand reads why."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from pandapack.runtime.browser_policy import POLICY
from pandapack.runtime.client_addresses import Proxies
from pandapack.runtime.connection_limits import HEAD_BYTES_MAX, ConnectionLimits
from pandapack.runtime.shares import Shares
from tests.unit.runtime.test_http import app
from tests.waiting import eventually_async

HEAD = b"POST /model HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def serving(limits: type[ConnectionLimits]) -> AsyncIterator[int]:
    """The port of a small application behind these limits."""
    server = uvicorn.Server(uvicorn.Config(app(), port=0, http=limits, lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A small application behind the limits."""
    async with serving(ConnectionLimits) as port:
        yield port


async def answered(port: int, *pieces: bytes) -> tuple[int, Any]:
    """The first answer to these bytes, and that the connection is closed behind it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    whole = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = whole.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, json.loads(body) if body else None


async def test_bytes_behind_a_body_do_not_take_its_answer(port: int) -> None:
    body = b'{"name": "four"}'
    status, length = await answered(port, HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body + b" and more\r\n")
    assert (status, length) == (200, 4)


async def test_a_length_that_is_too_short_is_answered_with_what_is_wrong_with_the_body(port: int) -> None:
    status, problem = await answered(port, HEAD + b'Content-Length: 9\r\n\r\n{"name": "four"}')
    assert status == 422 and problem["code"] == "invalid_request"


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"2\r\n{}and more\r\n", b"-1\r\n"])
async def test_chunks_that_cannot_be_read_are_answered(port: int, chunk: bytes) -> None:
    status, problem = await answered(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    assert status == 400 and problem["code"] == "bad_request"
    assert "chunk" in problem["detail"] and problem["message"]["zh"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_head_beyond_its_limit_is_refused_however_it_comes(port: int, at_once: bool) -> None:
    long = b"X-Long: " + b"x" * HEAD_BYTES_MAX + b"\r\n"
    pieces = [HEAD + long + b"\r\n"] if at_once else [HEAD, long[:9_000], long[9_000:], b"\r\n"]
    status, problem = await answered(port, *pieces)
    assert (status, problem["code"]) == (431, "head_too_large")


async def test_a_path_beyond_the_limit_of_a_head_is_refused(port: int) -> None:
    status, problem = await answered(port, b"GET /" + b"x" * HEAD_BYTES_MAX + b" HTTP/1.1\r\nHost: here\r\n\r\n")
    assert (status, problem["code"]) == (431, "head_too_large")


async def test_what_is_no_request_at_all_is_answered(port: int) -> None:
    status, problem = await answered(port, b"hello\r\n\r\n")
    assert (status, problem["code"]) == (400, "bad_request")


class FewConnections(ConnectionLimits):
    """A server that has room for nine."""

    shares = Shares(9)


class BehindAProxy(FewConnections):
    """The same, behind a proxy at this machine's first address."""

    shares, proxies = Shares(9), Proxies.named("127.0.0.1")


async def connected(port: int, count: int, sender: str) -> tuple[Counter[int], list[asyncio.StreamWriter]]:
    """So many connections of a sender, each with a request: how they were answered, and what holds them open."""
    statuses, writers = Counter[int](), []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(sender, 0))
        writer.write(b"GET /model HTTP/1.1\r\nHost: here\r\n\r\n")
        statuses[int((await reader.readuntil(b"\r\n")).split()[1])] += 1
        writers.append(writer)
    return statuses, writers


async def test_more_connections_of_one_address_than_are_left_for_others_are_refused_and_another_is_served() -> None:
    async with serving(FewConnections) as port:
        greedy, held = await connected(port, 8, "127.0.0.31")
        assert greedy == {405: 4, 503: 4}
        other, more = await connected(port, 2, "127.0.0.32")
        assert other == {405: 2}
        for writer in (*held, *more):
            writer.close()
        await eventually_async(lambda: FewConnections.shares.taken == 0, "all is given back")


async def test_a_trusted_proxy_brings_the_connections_of_others_and_holds_no_share() -> None:
    async with serving(BehindAProxy) as port:
        statuses, held = await connected(port, 20, "127.0.0.1")
        assert statuses == {405: 20}
        for writer in held:
            writer.close()


async def test_what_is_refused_before_it_is_a_request_tells_browsers_the_policy(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    assert all(f"{name}: {value}\r\n" in head for name, value in POLICY.items())
