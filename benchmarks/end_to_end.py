"""HTTP push accepted (acks=all) → counted in reporting's totals, with everything and the load on this machine."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from benchmarks.load import bodies
from pandapack.local.stack import Stack

LINES_A_PUSH = 2_000
PUSHES_AT_ONCE = 8
ASK_EVERY_S = 0.1
SETTLE_WAIT_S = 300.0


@dataclass(frozen=True)
class EndToEnd:
    """Donations a second: taken by HTTP, and visible in the totals, both from the first push on."""

    donations: int
    http_in_per_s: float
    end_to_end_per_s: float


async def measure(stack: Stack, donations: int, *, days: int, first: int = 0) -> EndToEnd:
    """Pushes `donations` as fast as they are taken and waits until reporting shows them all."""
    prepared = list(bodies(donations, LINES_A_PUSH, days=days, first=first))
    headers = {"Authorization": f"Bearer {stack.keys['platform']}", "Content-Type": "application/x-ndjson"}
    async with (
        httpx.AsyncClient(
            base_url=stack.addresses["donations"], headers=headers, timeout=60.0, trust_env=False
        ) as push,
        httpx.AsyncClient(base_url=stack.addresses["reporting"], timeout=60.0, trust_env=False) as read,
    ):
        before = await _shown(read)
        began_s = time.perf_counter()
        await _push_all(push, prepared)
        pushed_s = time.perf_counter() - began_s
        while await _shown(read) < before + donations:
            if time.perf_counter() - began_s > SETTLE_WAIT_S:
                raise TimeoutError(f"{donations} donations were not counted within {SETTLE_WAIT_S} s")
            await asyncio.sleep(ASK_EVERY_S)
        counted_s = time.perf_counter() - began_s
    return EndToEnd(donations, round(donations / pushed_s), round(donations / counted_s))


async def _shown(read: httpx.AsyncClient) -> int:
    return int((await read.get("/v1/totals")).raise_for_status().json()["donations"])


async def _push_all(push: httpx.AsyncClient, prepared: list[bytes]) -> None:
    waiting = iter(prepared)

    async def worker() -> None:
        for body in waiting:
            answer = await push.post("/v1/donations", content=body)
            while answer.status_code in (429, 503):
                await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
                answer = await push.post("/v1/donations", content=body)
            answer.raise_for_status()

    await asyncio.gather(*(worker() for _ in range(PUSHES_AT_ONCE)))
