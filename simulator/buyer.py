"""The buyer: publishes the programme and opens the needs of all countries, before the first donation is pushed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from simulator.api_client import ApiClient, Json, together
from simulator.chance import draw_int
from simulator.donations import PROGRAMME
from simulator.parties import register
from simulator.routes import COUNTRIES

PROGRAMME_FILE = Path(__file__).parents[1] / "programmes" / f"{PROGRAMME}.json"
FIRST_SPECIFICATION, NOW_SPECIFICATION = "love-parcel-v1", "love-parcel-v2"
FIRST_COUNTRIES = ("MM", "NP")
"""Where the programme began, still with the parcel of its first year."""
SMALL_SCHOOLS, SMALL_PARCELS = 8, (6, 30)
LARGE_SCHOOLS, LARGE_PARCELS = 4, (800, 1500)
"""Small schools first, so that a round reaches several; large ones last, so that a demonstration never runs dry."""
WITHOUT_PARCEL = (0, 60)
ASK_EVERY_S = 0.1


def need_of(seed: int, country: str) -> Json:
    """A country's need, school by school."""
    sizes = [SMALL_PARCELS] * SMALL_SCHOOLS + [LARGE_PARCELS] * LARGE_SCHOOLS
    schools = []
    for number, size in enumerate(sizes, 1):
        school = f"{country}-demo-school-{number:02d}"
        parcels = draw_int(*size, seed, "parcels", school)
        pupils = parcels + draw_int(*WITHOUT_PARCEL, seed, "pupils", school)
        district = f"{country} demo district {1 + number % 3}"
        schools.append({"school": school, "district": district, "pupils": pupils, "parcels": parcels})
    return {
        "need": f"need-{country}-1",
        "programme": PROGRAMME,
        "country": country,
        "specification": FIRST_SPECIFICATION if country in FIRST_COUNTRIES else NOW_SPECIFICATION,
        "schools": schools,
    }


def read_programme() -> Json:
    """The programme's content, as it is published."""
    content: Json = json.loads(PROGRAMME_FILE.read_text())
    return content


def schools_of(seed: int) -> dict[str, list[str]]:
    """Country → its schools."""
    return {country: [school["school"] for school in need_of(seed, country)["schools"]] for country in COUNTRIES}


class Buyer:
    """Prepares the programme, once an operator has registered who takes part in it."""

    def __init__(self, api: ApiClient, seed: int) -> None:
        self._api, self._seed = api, seed

    async def prepare(self) -> None:
        """Publishes and opens; returns once the fund knows all, and donations the programme.

        From then on the story does not depend on time.
        """
        path, content = f"/v1/programmes/{PROGRAMME}", read_programme()
        await register(self._api, content, schools_of(self._seed))
        if await self._api.find("procurement", "buyer", path) is None:
            await self._api.submit("procurement", "buyer", path, content, key=f"publish-{PROGRAMME}", method="PUT")
        await together(self._open(country) for country in COUNTRIES)
        is_prepared = await self._is_prepared()
        while not is_prepared:
            await asyncio.sleep(ASK_EVERY_S)
            is_prepared = await self._is_prepared()

    async def _open(self, country: str) -> None:
        need = need_of(self._seed, country)
        await self._api.submit("procurement", "buyer", "/v1/needs", need, key=need["need"])

    async def _is_prepared(self) -> bool:
        fund = await self._api.find("procurement", "buyer", f"/v1/funds/{PROGRAMME}")
        if fund is None or fund["publication"] < 1 or len(fund["needs"]) < len(COUNTRIES):
            return False
        known = self._api.items("donations", "platform", "/v1/programmes")
        return any([one["programme"] == PROGRAMME async for one in known])
