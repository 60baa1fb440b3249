"""Whether other services answer: asked again and again, so that whoever wants to know is told at once.

A process that is held cannot say so itself; whoever waits for it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from pandapack.runtime.clock import Clock
from pandapack.runtime.loops import every

ASK_PAUSE_S = 1.0
ANSWER_WAIT_S = 2.0
"""`/readyz` is answered from what is known, in a few milliseconds; one that takes so long is held, or drowning."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A service and what it answered last at `/readyz`; None where it did not. `silent_since`: wall time, then."""

    service: str
    readiness: Json | None
    silent_since: datetime | None = None

    def as_json(self) -> Json:
        """As `/readyz` of who asks tells it."""
        since = self.silent_since and self.silent_since.isoformat(timespec="seconds")
        return {"service": self.service, "answers": self.readiness is not None, "silent_since": since}


class NeighbourWatch:
    """Asks `/readyz` of some services, all at once. `urls`: service → where it answers."""

    def __init__(self, urls: Mapping[str, str], clock: Clock) -> None:
        self._urls, self._clock = dict(urls), clock
        self._client: httpx.AsyncClient | None = None
        self._loop = every(ASK_PAUSE_S, self._ask, name="ask-neighbours")
        self._known: dict[str, Neighbour] = {}

    async def start(self) -> None:
        self._client = httpx.AsyncClient(timeout=ANSWER_WAIT_S, trust_env=False)
        await self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        if self._client is not None:
            await self._client.aclose()

    @property
    def neighbours(self) -> list[Neighbour]:
        """As they were found last; those that were not asked yet are missing."""
        return [self._known[name] for name in self._urls if name in self._known]

    async def _ask(self) -> None:
        for name, readiness in zip(self._urls, await asyncio.gather(*map(self._readiness, self._urls)), strict=True):
            before = self._known.get(name)
            silent_since = None
            if readiness is None:
                silent_since = (before.silent_since if before else None) or self._clock.wall()
            self._known[name] = Neighbour(name, readiness, silent_since)

    async def _readiness(self, name: str) -> Json | None:
        """None: it does not answer, or another than it does."""
        assert self._client is not None, "started with the service"
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):  # the client's own is for each step of an answer
                answer = await self._client.get(f"{self._urls[name]}/readyz")
                body = answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError):
            return None
        return body if isinstance(body, dict) and body.get("service") == name else None
