"""What hostile or broken clients send: each gets its answer, healthy ones are served, and memory stays bounded."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from pandapack.runtime.connection_limits import HEAD_BYTES_MAX, HEAD_READ_S_MAX
from services.donations.door.api.bodies import BODIES_BYTES_MAX
from services.donations.pushes.api.bodies import BODY_BYTES_MAX
from tests.pushed import columns_of
from tests.service.donations.tenant import NDJSON, Tenant, fen_of, ndjson, tenant_on
from tests.service.running import Running, running
from tests.stack import Servers, new_namespace
from tests.trusted import door_of
from tests.waiting import eventually, eventually_async

MIB = 1024 * 1024
GROWTH_MIB_MAX = 400
"""128 MiB of bodies, what becomes of them while they are read, and the connections."""
CONNECTIONS = 10_000
SENDERS = tuple(f"127.0.0.{number}" for number in range(1, 5))
"""Addresses that they come from: no one may hold all of them."""
PUSHING_EACH = 5
"""Of so many connections one pushes, and the others ask how the service is."""
OPENED_AT_ONCE = 500
LORIS = 400
UNFINISHED = 40
ANSWER_WAIT_S = 60.0
ATTEMPTS_MAX = 60


@pytest.fixture(scope="module")
def service(stack: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {"PANDA_SHARDS": "2", "PANDA_ACCEPT_DAYS": "36500"}
    with running("donations", stack, new_namespace(), tmp_path_factory.mktemp("abuse"), settings) as service:
        yield service


@pytest.fixture(scope="module", autouse=True)
def idle_mib(service: Running) -> float:
    """The most memory that the process had before anybody called it, whichever test comes first."""
    return peak_mib(service)


def peak_mib(service: Running) -> float:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def head(key: str, *headers: str) -> bytes:
    lines = (
        "POST /v1/donations HTTP/1.1",
        "host: donations",
        f"authorization: Bearer {key}",
        "content-type: application/x-ndjson",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n"


async def opened(service: Running, sender: str = SENDERS[0]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx.URL(service.url)
    return await asyncio.open_connection(url.host, url.port, local_addr=(sender, 0))


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and JSON of one answer."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    return int(first.split()[1]), headers, json.loads(await reader.readexactly(int(headers["content-length"])))


def test_records_with_headers_that_are_null_or_no_text_count_nothing_and_no_shard_stops(
    stack: Servers, tenant: Tenant
) -> None:
    topic, merchants = tenant.service.topic("donations.pushed"), [tenant.merchant_on(shard) for shard in range(2)]
    whose, door = ("platform", tenant.name.encode()), door_of(tenant.service.folder)

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=stack.kafka, acks="all")
        await producer.start()
        odd: list[list[tuple[str, Any]]] = [[("push", None)], [("push", b"\xff\xfe")], [("\u0000", b"")], [], [whose]]
        odd += [[whose, ("mark", None), ("mark-key", b"\xff")], [("platform", None)], [("platform", b"a:b")]]
        for number, some in enumerate(odd):
            for shard, merchant in enumerate(merchants):
                lines = ndjson(tenant.donations(10 * number, 2, merchant=merchant)).splitlines()
                value = columns_of(*lines, platform=tenant.name)
                await producer.send_and_wait(topic, value, key=b"k", partition=shard, headers=some)
                marked = [*door.mark(shard, [whose], value), *some]
                await producer.send_and_wait(topic, value, key=b"k", partition=shard, headers=marked if some else [])
        empty: list[bytes | None] = [None, b"", b"\xff\x00", b"\n\n"]
        for nothing in empty:
            await producer.send_and_wait(topic, nothing, key=b"k", partition=0, headers=[("push", None)])
        await producer.stop()

    asyncio.run(write())
    assert tenant.push(ndjson(tenant.donations(100, 20))).status_code == 202
    eventually(lambda: tenant.counted()[0] >= 20, "both shards recorded what came behind")
    assert tenant.counted()[0] == 20
    assert tenant.platform.get("/readyz").json()["stopped"] == []


def test_a_body_of_a_gigabyte_is_refused_while_it_streams_and_by_its_announced_length(
    tenant: Tenant, idle_mib: float
) -> None:
    async def streamed() -> tuple[int, str, int]:
        reader, writer = await opened(tenant.service)
        writer.write(head(tenant.key, "transfer-encoding: chunked") + b"\r\n")
        answer, sent = asyncio.create_task(answer_of(reader)), 0
        while sent < 1024 * MIB and not answer.done():
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            sent += 65_536
        status, _, body = await answer
        writer.close()
        return status, body["code"], sent

    async def announced() -> tuple[int, str]:
        reader, writer = await opened(tenant.service)
        writer.write(head(tenant.key, f"content-length: {1024 * MIB}", "expect: 100-continue") + b"\r\n")
        status, _, body = await answer_of(reader)
        writer.close()
        return status, body["code"]

    status, code, sent = asyncio.run(streamed())
    assert (status, code) == (413, "body_too_large") and sent < 100 * MIB
    assert asyncio.run(announced()) == (413, "body_too_large")
    assert tenant.push(ndjson(tenant.donations(0, 1))).status_code == 202
    assert peak_mib(tenant.service) - idle_mib < GROWTH_MIB_MAX


def test_gzip_bombs_are_inflated_no_further_than_a_push_may_be(tenant: Tenant, idle_mib: float) -> None:
    service, bomb = tenant.service, gzip.compress(bytes(BODY_BYTES_MAX * 200), 9)
    assert len(bomb) < BODY_BYTES_MAX
    headers = {**NDJSON, "Content-Encoding": "gzip", "Authorization": f"Bearer {tenant.key}"}

    async def thrown() -> list[int]:
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, trust_env=False) as client:
            answers = await asyncio.gather(*(client.post("/v1/donations", content=bomb) for _ in range(50)))
        return [answer.status_code for answer in answers]

    statuses = asyncio.run(thrown())
    assert set(statuses) <= {413, 429} and 413 in statuses
    assert peak_mib(tenant.service) - idle_mib < GROWTH_MIB_MAX


def test_slow_clients_hold_nothing_up_and_are_sent_away(tenant: Tenant) -> None:
    body = ndjson(tenant.donations(0, 100))

    async def attacked() -> tuple[int, list[int]]:
        slow = [await opened(tenant.service) for _ in range(2 * LORIS)]
        for number, (_, writer) in enumerate(slow):
            begun = head(tenant.key, f"content-length: {BODY_BYTES_MAX}") + b"\r\n" + b"{"
            writer.write(begun if number % 2 else begun[:40])
        reader, writer = await opened(tenant.service)
        writer.write(head(tenant.key, f"content-length: {len(body)}") + b"\r\n" + body)
        status, *_ = await answer_of(reader)
        heads = [reader for reader, _ in slow[::2]]
        wait_s = HEAD_READ_S_MAX + ANSWER_WAIT_S
        refused = await asyncio.wait_for(asyncio.gather(*map(answer_of, heads)), wait_s)
        for _, one in [*slow, (reader, writer)]:
            one.close()
        return status, [status for status, *_ in refused]

    status, refused = asyncio.run(attacked())
    assert status == 202
    assert refused == [408] * LORIS
    eventually(lambda: tenant.counted()[0] == 100, "the healthy client's donations are counted")


def test_a_head_without_end_is_refused(tenant: Tenant) -> None:
    heads = [b"x-more: " + b"y" * 2 * HEAD_BYTES_MAX, b"a: b\r\n" * 200, b"\x00\x01 nonsense\r\n\r\n"]

    async def sent(more: bytes) -> int:
        reader, writer = await opened(tenant.service)
        writer.write(head(tenant.key) + more)
        status, headers, _ = await answer_of(reader)
        writer.close()
        assert "retry-after" not in headers, "the same head never fits"
        return status

    assert [asyncio.run(sent(more)) for more in heads] == [431, 431, 400]


def test_ten_thousand_connections_at_once_are_all_answered_and_their_donations_counted_once(
    tenant: Tenant, idle_mib: float
) -> None:
    lines = tenant.donations(0, CONNECTIONS // PUSHING_EACH)

    async def answered(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], number: int) -> set[int]:
        (reader, writer), statuses = connection, set[int]()
        request = b"GET /healthz HTTP/1.1\r\nhost: donations\r\n\r\n"
        if number % PUSHING_EACH == 0:
            body = ndjson([lines[number // PUSHING_EACH]])
            request = head(tenant.key, f"content-length: {len(body)}") + b"\r\n" + body
        for _ in range(ATTEMPTS_MAX):
            writer.write(request)
            try:
                status, headers, _ = await answer_of(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                assert statuses, "the first answer comes on the connection that was opened"
                reader, writer = await opened(tenant.service, SENDERS[number % 4])  # it had waited too long in between
                continue
            statuses.add(status)
            if status in (200, 202):
                break
            await asyncio.sleep(float(headers["retry-after"]))
        return statuses

    async def flood() -> set[int]:
        connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        for begin in range(0, CONNECTIONS, OPENED_AT_ONCE):
            some = range(begin, min(CONNECTIONS, begin + OPENED_AT_ONCE))
            connections += await asyncio.gather(*(opened(tenant.service, SENDERS[at % 4]) for at in some))
        statuses = await asyncio.gather(*map(answered, connections, range(CONNECTIONS)))
        for _, writer in connections:
            writer.close()
        assert not [some for some in statuses if not some & {200, 202}]
        return set().union(*statuses)

    # 408: on a busy machine a request can be on its way for longer than one may be; it is said again.
    assert asyncio.run(flood()) <= {200, 202, 408, 429, 503}
    expected = (len(lines), fen_of(lines))
    eventually(lambda: tenant.counted() == expected, "each donation is counted once")
    assert peak_mib(tenant.service) - idle_mib < GROWTH_MIB_MAX


def test_a_large_body_where_none_is_wanted_is_refused_before_it_fills_the_memory(own_service: Running) -> None:
    before_mib = peak_mib(own_service)

    async def sent(key: str, length: str) -> tuple[int, str]:
        """The answer, which comes although the body is not sent to its end."""
        reader, writer = await opened(own_service)
        lines = ["POST /v1/keys HTTP/1.1", "host: donations", "content-type: application/json", length]
        lines += [f"authorization: Bearer {key}"] if key else []
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        answer = asyncio.create_task(answer_of(reader))
        for _ in range(200 * MIB // 65_536):
            if answer.done():
                break
            writer.write(b"x" * 65_536 if "length" in length else b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        status, _, body = await answer
        writer.close()
        return status, body["code"]

    operator, chunked, announced = own_service.keys["operator"], "transfer-encoding: chunked", "content-length: 8388608"
    assert [asyncio.run(sent("", length)) for length in (announced, chunked)] == [(401, "key_unknown")] * 2
    assert [asyncio.run(sent(operator, length)) for length in (announced, chunked)] == [(413, "body_too_large")] * 2
    assert peak_mib(own_service) - before_mib < GROWTH_MIB_MAX / 4


def test_unfinished_bodies_of_one_platform_leave_room_for_another(service: Running, tenant: Tenant) -> None:
    """Forty, each as large as a push may be but for its last byte: three times what may be held."""

    async def begin(answers: list[asyncio.Task[Any]]) -> asyncio.StreamWriter:
        reader, writer = await opened(service)
        answers.append(asyncio.create_task(answer_of(reader)))
        writer.write(head(tenant.key, f"content-length: {BODY_BYTES_MAX}") + b"\r\n" + b"x" * (BODY_BYTES_MAX - 1))
        sent = asyncio.create_task(writer.drain())
        await asyncio.wait([sent, answers[-1]], return_when=asyncio.FIRST_COMPLETED)
        return writer

    async def attacked(another: Tenant, body: bytes) -> tuple[list[int], int]:
        answers: list[asyncio.Task[Any]] = []
        writers = [await begin(answers) for _ in range(UNFINISHED)]
        held = BODIES_BYTES_MAX // 2 // BODY_BYTES_MAX
        await eventually_async(
            lambda: sum(one.done() for one in answers) >= UNFINISHED - held, "the others are refused"
        )
        refused = [one.result()[0] for one in answers if one.done()]
        reader, writer = await opened(service)
        writer.write(head(another.key, f"content-length: {len(body)}") + b"\r\n" + body)
        status, *_ = await answer_of(reader)
        for one in answers:
            one.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
        for one_writer in (*writers, writer):
            one_writer.close()
        return refused, status

    with tenant_on(service, "whose room is left") as another:
        refused, status = asyncio.run(attacked(another, ndjson(another.donations(0, 1))))
    assert (set(refused), status) == ({429}, 202)
