"""One reader takes nothing from the others: streams, tables, traces, and whoever forges where it comes from."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from pandapack.runtime.sessions import COOKIE, SESSION_S_MAX
from services.reporting.api import TABLES_A_BURST_MAX
from services.reporting.api.trace import TRACES_A_BURST_MAX
from services.reporting.work.streams import STREAMS_MAX
from tests.service.reporting.conftest import Reporting
from tests.service.reporting.ledger import DAY
from tests.waiting import eventually, eventually_async

OTHERS = "127.0.0.1"
GREEDY, FORGING, COUNTING = "127.0.0.21", "127.0.0.22", "127.0.0.23"


@contextmanager
def reader_at(reporting: Reporting, address: str) -> Iterator[httpx.Client]:
    """A client at an address of its own."""
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=reporting.service.url, transport=transport, timeout=30) as client:
        yield client


async def stream_at(reporting: Reporting, address: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
    """A live stream, opened: status, what comes, and what holds it open."""
    url = httpx.URL(reporting.service.url)
    reader, writer = await asyncio.open_connection(url.host, url.port, local_addr=(address, 0))
    writer.write(b"GET /v1/events HTTP/1.1\r\nhost: reporting\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    return int(head.split()[1]), reader, writer


def test_a_thousand_streams_of_one_client_leave_figures_and_streams_to_another(reporting: Reporting) -> None:
    async def flood() -> tuple[Counter[int], dict[str, object], int, bytes]:
        greedy = [await stream_at(reporting, GREEDY) for _ in range(STREAMS_MAX)]
        async with httpx.AsyncClient(base_url=reporting.service.url, trust_env=False, timeout=30) as other:
            totals = (await other.get("/v1/totals")).json()
        status, reader, writer = await stream_at(reporting, OTHERS)
        event = await asyncio.wait_for(reader.readuntil(b"data: "), 30)
        for _, _, one in (*greedy, (status, reader, writer)):
            one.close()
        return Counter(status for status, *_ in greedy), totals, status, event

    statuses, totals, status, event = asyncio.run(flood())
    assert statuses[503] >= STREAMS_MAX - STREAMS_MAX // 2 and statuses[200] > 100
    assert set(statuses) == {200, 503}
    assert "donations" in totals and status == 200 and b"event: totals" in event

    async def again() -> bool:
        status, _, writer = await stream_at(reporting, GREEDY)
        writer.close()
        return status == 200

    asyncio.run(eventually_async(again, "who left gave back what was held"))


def test_rotating_x_forwarded_for_passes_no_limit(reporting: Reporting) -> None:
    with reader_at(reporting, FORGING) as client:
        answers = [
            client.get(f"/v1/trace/shop/M0/nix?day={DAY}", headers={"X-Forwarded-For": f"198.51.100.{n}"})
            for n in range(TRACES_A_BURST_MAX + 30)
        ]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[429] > 0 and statuses[404] >= TRACES_A_BURST_MAX


def test_tables_without_a_key_are_limited_by_address_and_with_one_are_not(reporting: Reporting) -> None:
    with reader_at(reporting, COUNTING) as client:
        found = eventually(
            lambda: next((one for _ in range(50) if (one := client.get("/v1/totals/day")).status_code == 429), None),
            f"beyond {TABLES_A_BURST_MAX} tables at once one waits",
        )
        assert found.json()["code"] == "too_many_readings" and int(found.headers["retry-after"]) >= 1
        with_key = {"Authorization": f"Bearer {reporting.service.keys['auditor']}"}
        assert client.get("/v1/totals/day", headers=with_key).status_code == 200
        assert client.get("/v1/totals").status_code == 200
    assert reporting.get("/v1/totals/day").status_code == 200


def test_a_session_is_kept_as_a_digest_leaves_by_itself_and_is_over_after_a_log_out(reporting: Reporting) -> None:
    with httpx.Client(base_url=reporting.service.url, trust_env=False) as browser:
        answer = browser.post("/login", data={"key": reporting.service.keys["operator"], "next": "/ops"})
        assert answer.status_code == 303 and "HttpOnly" in answer.headers["set-cookie"]
        token = browser.cookies[COOKIE]
        kept = list(reporting.database["sessions"].find())
        assert kept and token not in json.dumps(kept, default=str)
        assert (kept[-1]["ends"] - kept[-1]["made"]).total_seconds() == SESSION_S_MAX
        indexes = reporting.database["sessions"].index_information().values()
        assert [one["expireAfterSeconds"] for one in indexes if "expireAfterSeconds" in one] == [0]
        assert browser.get("/ops").status_code == 200
        foreign = browser.post("/logout", headers={"Origin": "https://evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "origin_foreign")
        assert browser.get("/ops").status_code == 200
        assert browser.post("/logout").status_code == 303
        assert browser.get("/ops", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 303
