"""The HTTP of all players: one client, a key for each role, and patience with services that restart.

What is told twice is told with the same Idempotency-Key and the same body, so that a repeat after a lost answer changes
nothing; an answer that says "known already" is then as good as the first one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

ANSWER_WAIT_S = 30.0
CONNECTIONS_MAX = 32
AT_ONCE_MAX = 12
"""Reports of the players under way at once, so that donors' pushes are not crowded out."""
PAUSE_FIRST_S = 0.1
PAUSE_MAX_S = 1.0
PATIENCE_S = 600.0
PAGE_ROWS = 200
NDJSON = "application/x-ndjson"
KNOWN = frozenset(
    {
        "already_confirmed",
        "consignment_closed",
        "cost_known",
        "delivery_known",
        "handout_known",
        "held_already",
        "lot_known",
        "movement_known",
        "need_known",
        "order_closed",
        "parcel_ended",
        "receipt_known",
        "released_already",
        "report_known",
        "shipment_known",
    }
)
"""Refusals that say: this was told before."""

Json = dict[str, Any]
T = TypeVar("T")


class Refused(Exception):
    """A service says "no" to what a player is sure of. Neither patience nor a repeat helps."""


class OutOfPatience(Exception):
    """A service did not answer for `PATIENCE_S`."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the services are, and a key for each role."""

    urls: dict[str, str]
    keys: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> Site:
        """From `{"urls": {service: url}, "keys": {role: key}}`. Raises OSError, ValueError, KeyError."""
        told = json.loads(file.read_text())
        return cls(urls=dict(told["urls"]), keys=dict(told["keys"]))


class Desk:
    """Asks and tells; a context manager."""

    def __init__(self, site: Site) -> None:
        self._site = site
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
        self._client = httpx.AsyncClient(timeout=ANSWER_WAIT_S, limits=limits, trust_env=False)
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, service: str, role: str, path: str, **asked: str | int) -> Json:
        """One resource. Raises Refused, OutOfPatience."""
        found = await self.find(service, role, path, **asked)
        if found is None:
            raise Refused(f"{path}: there is no such thing")
        return found

    async def find(self, service: str, role: str, path: str, **asked: str | int) -> Json | None:
        """One resource, or None where there is none (yet)."""
        answer = await self._answer(
            service, lambda url: self._client.get(url, params=asked, headers=self._head(role)), path
        )
        if answer.status_code == 404:
            return None
        return _body_of(answer, path)

    async def items(self, service: str, role: str, path: str, **asked: str) -> AsyncIterator[Json]:
        """All rows of a list, page after page."""
        after = ""
        while True:
            page = await self.get(service, role, path, **asked, after=after, limit=PAGE_ROWS)
            for row in page["items"]:
                yield row
            if not page["next"]:
                return
            after = page["next"]

    async def tell(
        self, service: str, role: str, path: str, body: Json, *, key: str, method: str = "POST"
    ) -> Json | None:
        """Reports something. None: it was known already. Raises Refused, OutOfPatience."""
        head = self._head(role) | {"Idempotency-Key": key}
        async with self._turns:
            answer = await self._answer(
                service, lambda url: self._client.request(method, url, json=body, headers=head), path
            )
        if answer.status_code == 409 and _code_of(answer) in KNOWN:
            return None
        return _body_of(answer, path)

    async def push(self, body: bytes, *, key: str) -> Json:
        """Donations as NDJSON. The answer counts lines: `accepted`, `rejected`."""
        head = self._head("platform") | {"Idempotency-Key": key, "Content-Type": NDJSON}
        path = "/v1/donations"
        answer = await self._answer("donations", lambda url: self._client.post(url, content=body, headers=head), path)
        if answer.status_code == 422 and _code_of(answer) == "nothing_accepted":
            told: Json = answer.json()
            return told
        return _body_of(answer, path)

    def _head(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._site.keys[role]}"}

    async def _answer(
        self, service: str, send: Callable[[str], Awaitable[httpx.Response]], path: str
    ) -> httpx.Response:
        """The answer that is neither silence nor "later"."""
        pause_s, waited_s = PAUSE_FIRST_S, 0.0
        while True:
            try:
                answer = await send(self._site.urls[service] + path)
                if answer.status_code != 429 and answer.status_code < 500:
                    return answer
                said = f"{answer.status_code} {_code_of(answer)}"
            except httpx.TransportError as error:
                said = repr(error)
            if waited_s >= PATIENCE_S:
                raise OutOfPatience(f"{service} {path}: {said} for {PATIENCE_S:.0f} s")
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, PAUSE_MAX_S)


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """All at once; the first error cancels the rest and is raised."""

    async def one(waited: Awaitable[T]) -> T:
        return await waited

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(waited)) for waited in work]
    return [task.result() for task in tasks]


def _body_of(answer: httpx.Response, path: str) -> Json:
    if not answer.is_success:
        raise Refused(f"{path}: {answer.status_code} {answer.text[:500]}")
    body: Json = answer.json()
    return body


def _code_of(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""
