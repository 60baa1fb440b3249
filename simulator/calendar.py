"""When things happen: each round's journey is counted from the day on which it was funded, as reporting shows it."""

from __future__ import annotations

import asyncio
from datetime import datetime

from simulator.api_client import ApiClient

ASK_EVERY_S = 0.2


class Calendar:
    """The days on which rounds were funded, in the services' own business time: they never change once known."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._funded_at: dict[str, datetime] = {}
        self._asking = asyncio.Lock()

    async def funded_at(self, round_id: str) -> datetime:
        """When the round was funded. Waits until reporting shows it."""
        while round_id not in self._funded_at:
            async with self._asking:
                if round_id not in self._funded_at:
                    await self._ask()
            if round_id not in self._funded_at:
                await asyncio.sleep(ASK_EVERY_S)
        return self._funded_at[round_id]

    async def _ask(self) -> None:
        async for row in self._api.items("reporting", "auditor", "/v1/totals/round"):
            if row["funded_at"]:
                self._funded_at[row["round"]] = datetime.fromisoformat(row["funded_at"])
