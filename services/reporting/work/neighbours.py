"""The other services, asked by HTTP with the service key. What does not answer is unknown, never zero."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.errors import Unavailable
from services.reporting.settings import Settings

ANSWER_WAIT_S = 10.0
PLATFORMS_WAIT_S = 2.0
"""The public page is not kept waiting for longer, and is shown without them."""
INSTANCES_WAIT_S = 1.5
"""Answered from what is known, in a few milliseconds; asked again every two seconds."""
CONNECTIONS_MAX = 50
PAGE_ROWS = 500
Json = dict[str, Any]


class NeighbourUnavailable(Unavailable):
    """Another service did not answer, or not with what it should."""


class Neighbours:
    """donations, procurement and logistics."""

    def __init__(self, settings: Settings) -> None:
        self.urls = {
            "donations": settings.donations_url,
            "procurement": settings.procurement_url,
            "logistics": settings.logistics_url,
        }
        self._headers = {"Authorization": f"Bearer {settings.service_key}"}
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        self._client = httpx.AsyncClient(
            headers=self._headers,
            timeout=ANSWER_WAIT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            trust_env=False,
        )

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def donation(self, merchant: str, id: str, day: str) -> Json | Refusal:
        """Where the ledger has a donation; refused where it has none. Raises NeighbourUnavailable.

        `merchant`: as on the ledger, `platform:merchant`.
        """
        return await self._of_donation(f"/v1/donations/{merchant}/{id}", day)

    async def proof(self, merchant: str, id: str, day: str) -> Json | Refusal:
        """How a donation leads to the root of its page; refused where there is none. Raises NeighbourUnavailable."""
        return await self._of_donation(f"/v1/proofs/{merchant}/{id}", day)

    async def holder(self, programme: str, shard: int, fen: int) -> Json | Refusal:
        """The merchant, id and day of the gift that has a fen; refused where none has. Raises NeighbourUnavailable."""
        return await self._found(f"/v1/shards/{shard}/fen/{fen}", {"programme": programme})

    async def instances(self, service: str) -> list[Json] | None:
        """The processes of a service; None where it does not answer, or not to this one's key."""
        assert self._client is not None, "started with the service"
        try:
            answer = await self._client.get(f"{self.urls[service]}/v1/instances", timeout=INSTANCES_WAIT_S)
        except httpx.HTTPError:
            return None
        body = _json_of(answer) if answer.status_code == 200 else None
        return None if body is None else list(body["items"])

    async def push(self, id: str) -> Json | Refusal:
        """What became of a push; refused where there is none. Raises NeighbourUnavailable."""
        return await self._found(f"/v1/pushes/{quote(id, safe='')}", {})

    async def reversal(self, merchant: str, id: str) -> Json | Refusal:
        """What became of a reversal; refused where there is none. Raises NeighbourUnavailable."""
        return await self._found(f"/v1/reversals/{merchant}/{id}", {})

    async def settlement(self, id: str) -> Json | Refusal:
        """A settlement with its statements; refused where there is none. Raises NeighbourUnavailable."""
        return await self._found(f"/v1/settlements/{quote(id, safe='')}", {})

    async def parked(self, round: str) -> list[Json]:
        """Reports of schools (`kind` delivery, handout) and carriers (departure, arrival) on a round's parcels that
        logistics keeps until their turn comes. Raises NeighbourUnavailable.
        """
        (answer, body), moving = await asyncio.gather(
            self._asked("logistics", f"/v1/consignments/{round}", {}),
            self.rows("logistics", "/v1/shipments", ANSWER_WAIT_S, round=round, parked="true"),
        )
        if answer.status_code == 404:
            return []
        if answer.status_code != 200 or body is None:
            raise _unavailable("logistics", f"status {answer.status_code}")
        movements = [{"kind": move["move"], "leg": move["leg"]} for one in moving for move in one["parked"]]
        return [*body.get("parked", []), *movements]

    async def _of_donation(self, path: str, day: str) -> Json | Refusal:
        return await self._found(path, {"day": day})

    async def _found(self, path: str, asked: Mapping[str, str]) -> Json | Refusal:
        answer, body = await self._ledger(path, asked)
        if answer.status_code == 200 and body is not None:
            return body
        if answer.status_code == 404 and body is not None:
            code, detail = str(body.get("code", "not_found")), str(body.get("detail", ""))
            return Refusal(code, detail, RefusalKind.NOT_FOUND)
        raise _unavailable("donations", f"status {answer.status_code}")

    async def platforms(self) -> list[str]:
        """The ids of the registered platforms, in order. Raises NeighbourUnavailable."""
        found, after = list[str](), ""
        while True:
            asked = {"after": after, "limit": str(PAGE_ROWS)}
            answer, body = await self._ledger("/v1/platforms", asked, wait_s=PLATFORMS_WAIT_S)
            if answer.status_code != 200 or body is None:
                raise _unavailable("donations", f"status {answer.status_code}")
            found += [one["platform"] for one in body["items"]]
            if not body["next"]:
                return found
            after = body["next"]

    async def rows(self, service: str, path: str, wait_s: float, **asked: str) -> list[Json]:
        """The first page of a list of a service, as the service key sees it. Raises NeighbourUnavailable."""
        answer, body = await self._asked(service, path, asked, wait_s=wait_s)
        if answer.status_code != 200 or body is None or not isinstance(body.get("items"), list):
            raise _unavailable(service, f"{path} answers {answer.status_code}")
        found: list[Json] = body["items"]
        return found

    async def one(self, service: str, path: str, wait_s: float) -> Json | None:
        """One thing of a service; None where there is none. Raises NeighbourUnavailable."""
        answer, body = await self._asked(service, path, {}, wait_s=wait_s)
        if answer.status_code == 404:
            return None
        if answer.status_code != 200 or body is None:
            raise _unavailable(service, f"{path} answers {answer.status_code}")
        return body

    async def _ledger(
        self, path: str, params: Mapping[str, str], *, wait_s: float = ANSWER_WAIT_S
    ) -> tuple[httpx.Response, Json | None]:
        return await self._asked("donations", path, params, wait_s=wait_s)

    async def _asked(
        self, service: str, path: str, params: Mapping[str, str], *, wait_s: float = ANSWER_WAIT_S
    ) -> tuple[httpx.Response, Json | None]:
        assert self._client is not None, "started with the service"
        try:
            answer = await self._client.get(f"{self.urls[service]}{path}", params=params, timeout=wait_s)
        except httpx.TransportError as error:
            raise _unavailable(service, repr(error)) from error
        return answer, _json_of(answer)


def _json_of(answer: httpx.Response) -> Json | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _unavailable(name: str, reason: str) -> NeighbourUnavailable:
    return NeighbourUnavailable(f"the {name} service does not answer ({reason})")
