"""The other services, asked by HTTP with the service key. What does not answer is unknown, never zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.errors import Unavailable
from services.reporting.settings import Settings

ANSWER_WAIT_S = 10.0
PLATFORMS_WAIT_S = 2.0
"""The public page is not kept waiting for longer, and is shown without them."""
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

    async def _of_donation(self, path: str, day: str) -> Json | Refusal:
        answer, body = await self._ledger(path, {"day": day})
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

    async def _ledger(
        self, path: str, params: Mapping[str, str], *, wait_s: float = ANSWER_WAIT_S
    ) -> tuple[httpx.Response, Json | None]:
        assert self._client is not None, "started with the service"
        try:
            answer = await self._client.get(f"{self.urls['donations']}{path}", params=params, timeout=wait_s)
        except httpx.TransportError as error:
            raise _unavailable("donations", repr(error)) from error
        return answer, _json_of(answer)


def _json_of(answer: httpx.Response) -> Json | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _unavailable(name: str, reason: str) -> NeighbourUnavailable:
    return NeighbourUnavailable(f"the {name} service does not answer ({reason})")
