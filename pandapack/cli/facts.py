"""What the programme published, beside what a demonstration played, as reporting shows it: a row a fact.

Totals hold where they are within a hundredth of what was published times the scale, countries where they are as many
as published, shares where they are no less. Rounds and pupils are whole: of a small story one round is more than a
hundredth, and few rounds reach few countries. Such rows do not hold, and say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

PUBLISHED_FILE = Path(__file__).parents[2] / "programmes" / "love-parcel.published.json"
TOLERANCE = 0.01
FIGURES = {
    "donations": "donations",
    "raised_fen": "received_fen",
    "spent_fen": "spent_fen",
    "beneficiaries": "pupils_reached",
}
"""Fact → its figure in `GET /v1/totals`."""
SHARE_DIGITS = 4

Json = dict[str, Any]


@cache
def published() -> Json:
    """`{"totals": {fact: number}, "indicators": {indicator: share}}`."""
    content: Json = json.loads(PUBLISHED_FILE.read_text())
    return content


def donations_at(scale: int) -> int:
    """How many gifts a demonstration of 1:`scale` has."""
    return max(1, int(published()["totals"]["donations"]) // scale)


def facts(donations: int, totals: Json, indicators: Iterable[Json]) -> list[Json]:
    """All rows. `donations`: how many gifts were to be played; `indicators`: rows of `/v1/totals/indicator`."""
    known, scale = published(), donations / published()["totals"]["donations"]
    rows = [_scaled(fact, known["totals"][fact], scale, totals[figure]) for fact, figure in FIGURES.items()]
    countries = known["totals"]["countries"]
    held = totals["countries"] == countries
    rows.append(_row("countries", countries, 1, totals["countries"], holds=held))
    of_all = {row["indicator"]: row for row in indicators if row["country"] is None}
    return rows + [_share(name, least, of_all.get(name)) for name, least in known["indicators"].items()]


def _scaled(fact: str, value: int, scale: float, played: int) -> Json:
    wanted = value * scale
    return _row(fact, value, scale, played, holds=abs(played - wanted) <= TOLERANCE * wanted)


def _share(indicator: str, least: float, found: Json | None) -> Json:
    """Nobody was asked, or too few to tell: then nothing was played, and it does not hold."""
    if found is None or not found["denominator"]:
        return _row(indicator, least, 1, None, holds=False)
    share = found["numerator"] / found["denominator"]
    return _row(indicator, least, 1, round(share, SHARE_DIGITS), holds=share >= least)


def _row(fact: str, value: float, scale: float, played: float | None, *, holds: bool) -> Json:
    return {"fact": fact, "published": value, "scale": scale, "played": played, "holds": holds}
