"""Acts of the operations page on their way to the service that owns them, with the key of who acts.

So that service decides whether it is allowed, and notes who did it: this one has no power of its own over it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import httpx

from services.reporting.work.neighbours import NeighbourUnavailable

FORWARD_WAIT_S = 10.0
"""A dry run of thousands of letters takes a second or two; whatever takes longer is done as a job."""
CONNECTIONS_MAX = 10
IDEMPOTENCY_KEY = "Idempotency-Key"
OWN = "reporting"
OWN_URL = "http://reporting"
"""Of the application itself, which is called without a network."""

Json = dict[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An act as it is sent. `repeat_key`: the same act has the same, so that a form that is sent twice acts once."""

    service: str
    method: str
    path: str
    body: Json
    repeat_key: str


class Forwarding:
    """`urls`: service → where it answers. `transport`: how to get there; None: by HTTP."""

    def __init__(self, urls: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._urls, self._transport = dict(urls), transport
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        self._client = httpx.AsyncClient(
            timeout=FORWARD_WAIT_S, limits=limits, trust_env=False, transport=self._transport
        )

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, act: Forwarded, key: str, own: App) -> tuple[int, object]:
        """The service's status and its JSON, None where it has none. `own`: this service's application.

        Raises NeighbourUnavailable.
        """
        headers = {"Authorization": f"Bearer {key}", IDEMPOTENCY_KEY: act.repeat_key}
        if act.service == OWN:
            transport = httpx.ASGITransport(own, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, timeout=FORWARD_WAIT_S) as client:
                return await self._sent(client, OWN_URL, act, headers)
        assert self._client is not None, "started with the service"
        return await self._sent(self._client, self._urls[act.service], act, headers)

    @staticmethod
    async def _sent(
        client: httpx.AsyncClient, url: str, act: Forwarded, headers: Mapping[str, str]
    ) -> tuple[int, object]:
        body = act.body if act.body or act.method == "POST" else None
        try:
            answer = await client.request(act.method, f"{url}/{act.path}", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise NeighbourUnavailable(f"the {act.service} service does not answer ({error!r})") from error
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None
