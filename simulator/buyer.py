"""The buyer: publishes the programme before the first gift, and opens each chapter's needs as they come in."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from simulator.api_client import ApiClient, Json, ask_until
from simulator.chapters import Need, need_of, schools_of
from simulator.donations import PROGRAMME
from simulator.parties import register

PROGRAMME_FILE = Path(__file__).parents[1] / "programmes" / f"{PROGRAMME}.json"
ASK_EVERY_S = 0.15


def read_programme() -> Json:
    """The programme's content, as it is published."""
    content: Json = json.loads(PROGRAMME_FILE.read_text())
    return content


class Buyer:
    """Prepares the programme, once an operator has registered who takes part in it, and says what is needed."""

    def __init__(self, api: ApiClient, seed: int) -> None:
        self._api, self._seed = api, seed

    async def prepare(self) -> None:
        """Publishes; returns once the fund knows the programme, and donations, too."""
        path, content = f"/v1/programmes/{PROGRAMME}", read_programme()
        await register(self._api, content, schools_of())
        if await self._api.find("procurement", "buyer", path) is None:
            await self._api.submit("procurement", "buyer", path, content, key=f"publish-{PROGRAMME}", method="PUT")
        await ask_until(self._is_prepared, ASK_EVERY_S)

    async def open(self, needs: tuple[Need, ...]) -> None:
        """Opens needs one after the other: the fund must have heard of each before the next, or it would choose."""
        for need in needs:
            body = need_of(self._seed, need, PROGRAMME)
            await self._api.submit("procurement", "buyer", "/v1/needs", body, key=need.id)
            await ask_until(partial(self._is_known, need), ASK_EVERY_S)

    async def met(self, needs: tuple[Need, ...]) -> None:
        """Waits until rounds are funded for all of them."""
        if needs:
            await ask_until(partial(self._is_met, needs[-1]), ASK_EVERY_S)

    async def _is_met(self, need: Need) -> bool:
        return int((await self._fund())["rounds"]) >= need.number

    async def _is_known(self, need: Need) -> bool:
        fund = await self._fund()
        return fund["rounds"] >= need.number or any(one["need"] == need.id for one in fund["needs"])

    async def _fund(self) -> Json:
        return await self._api.get("procurement", "buyer", f"/v1/funds/{PROGRAMME}")

    async def _is_prepared(self) -> bool:
        fund = await self._api.find("procurement", "buyer", f"/v1/funds/{PROGRAMME}")
        if fund is None or fund["publication"] < 1:
            return False
        known = self._api.items("donations", "platform", "/v1/programmes")
        return any([one["programme"] == PROGRAMME async for one in known])
