"""The services' public APIs, for all players: a key for each role and party, and patience with services that restart.

What is submitted twice has the same Idempotency-Key and the same body, so that a repeat after a lost answer changes
nothing; an answer that says "known already" is then as good as the first one. Donations are pushed by the platforms'
own client (`pandapack.client`).
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

from pandapack.backoff import Backoff

ANSWER_WAIT_S = 30.0
CONNECTIONS_MAX = 16
"""Each request looks at all of them."""
AT_ONCE_MAX = 12
"""Reports of the players under way at once, so that donors' pushes are not crowded out."""
PAUSES = Backoff(first_s=0.1, max_s=1.0)
PATIENCE_S = 600.0
PAGE_ROWS = 200
KNOWN_ALREADY = frozenset(
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
        "party_known",
        "parcel_ended",
        "receipt_known",
        "released_already",
        "report_known",
        "shipment_known",
    }
)
"""Refusals that say: this was submitted before."""

Json = dict[str, Any]
T = TypeVar("T")


class RequestRefused(Exception):
    """A service says "no" to what a player is sure of. Neither patience nor a repeat helps."""


class NoAnswer(Exception):
    """A service did not answer for `PATIENCE_S`."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the services are, and a key for each role."""

    urls: dict[str, str]
    keys: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> Site:
        """From `{"urls": {service: url}, "keys": {role: key}}`. Raises OSError, ValueError, KeyError."""
        content = json.loads(file.read_text())
        return cls(urls=dict(content["urls"]), keys=dict(content["keys"]))


class ApiClient:
    """Reads and submits; a context manager. `who` is a role of the site's keys, or a party whose key is kept here."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._keys_of_parties: dict[tuple[str, str], str] = {}
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
        self._client = httpx.AsyncClient(timeout=ANSWER_WAIT_S, limits=limits, trust_env=False)
        self._submissions = asyncio.Semaphore(AT_ONCE_MAX)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def keep_key(self, service: str, party: str, key: str) -> None:
        """From now on `party` is known to the service by this key."""
        self._keys_of_parties[service, party] = key

    async def get(self, service: str, who: str, path: str, **params: str | int) -> Json:
        """One resource. Raises RequestRefused, NoAnswer."""
        found = await self.find(service, who, path, **params)
        if found is None:
            raise RequestRefused(f"{path}: there is no such thing")
        return found

    async def find(self, service: str, who: str, path: str, **params: str | int) -> Json | None:
        """One resource, or None where there is none (yet)."""
        answer = await self._answer(
            service, lambda url: self._client.get(url, params=params, headers=self._authorization(service, who)), path
        )
        if answer.status_code == 404:
            return None
        return _body_of(answer, path)

    async def items(self, service: str, who: str, path: str, **params: str) -> AsyncIterator[Json]:
        """All rows of a list, page after page."""
        after = ""
        while True:
            page = await self.get(service, who, path, **params, after=after, limit=PAGE_ROWS)
            for row in page["items"]:
                yield row
            if not page["next"]:
                return
            after = page["next"]

    async def submit(
        self, service: str, who: str, path: str, body: Json | list[Json], *, key: str, method: str = "POST"
    ) -> Json | None:
        """Reports something. None: it was known already. Raises RequestRefused, NoAnswer."""
        headers = self._authorization(service, who) | {"Idempotency-Key": key}
        async with self._submissions:
            answer = await self._answer(
                service, lambda url: self._client.request(method, url, json=body, headers=headers), path
            )
        if answer.status_code == 409 and _code_of(answer) in KNOWN_ALREADY:
            return None
        return _body_of(answer, path)

    async def is_refused(self, service: str, who: str, path: str, body: Json, *, key: str) -> bool:
        """Reports something that is wrong in itself. True: the service refused it."""
        headers = self._authorization(service, who) | {"Idempotency-Key": key}
        async with self._submissions:
            answer = await self._answer(service, lambda url: self._client.post(url, json=body, headers=headers), path)
        return 400 <= answer.status_code < 500

    def _authorization(self, service: str, who: str) -> dict[str, str]:
        key = self._keys_of_parties.get((service, who)) or self._site.keys[who]
        return {"Authorization": f"Bearer {key}"}

    async def _answer(
        self, service: str, send: Callable[[str], Awaitable[httpx.Response]], path: str
    ) -> httpx.Response:
        """The answer that is neither silence nor "later"."""
        failures, waited_s = 0, 0.0
        while True:
            try:
                answer = await send(self._site.urls[service] + path)
                if answer.status_code != 429 and answer.status_code < 500:
                    return answer
                trouble = f"{answer.status_code} {_code_of(answer)}"
            except httpx.TransportError as error:
                trouble = repr(error)
            if waited_s >= PATIENCE_S:
                raise NoAnswer(f"{service} {path}: {trouble} for {PATIENCE_S:.0f} s")
            failures += 1
            pause_s = PAUSES.pause_s(failures)
            await asyncio.sleep(pause_s)
            waited_s += pause_s


async def ask_until(holds: Callable[[], Awaitable[bool]], every_s: float) -> None:
    """Asks again and again until it is so."""
    is_so = await holds()
    while not is_so:
        await asyncio.sleep(every_s)
        is_so = await holds()


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """All at once; the first error cancels the rest and is raised."""

    async def one(waited: Awaitable[T]) -> T:
        return await waited

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(waited)) for waited in work]
    return [task.result() for task in tasks]


def _body_of(answer: httpx.Response, path: str) -> Json:
    if not answer.is_success:
        raise RequestRefused(f"{path}: {answer.status_code} {answer.text[:500]}")
    body: Json = answer.json()
    return body


def _code_of(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""
