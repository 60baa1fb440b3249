"""The list of countries beside the map: one row each, in the order that a reader asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
COLUMNS = (
    *("rounds", "net_funded", "packed", "on_the_way", "accepted", "rejected", "damaged", "lost", "returned", "pupils"),
)
"""What the list can be sorted by, the most first; else it is by country."""


def shown_countries(rows: Sequence[Json], sort: str) -> list[Json]:
    """`cells`: column → its value; `country` and the rest as in `/v1/totals/country`."""
    shown = [{"country": row["country"], "cells": _cells(row)} for row in rows]
    return sorted(shown, key=lambda one: -one["cells"][sort]) if sort in COLUMNS else shown


def _cells(row: Json) -> Json:
    parcels = row["parcels"]
    return {
        "rounds": row["rounds"],
        "net_funded": row["net_funded_fen"],
        "packed": parcels["packed"],
        "on_the_way": parcels["warehouse"] + parcels["in_transit"],
        **{state: parcels[state] for state in ("accepted", "rejected", "damaged", "lost", "returned")},
        "pupils": row["pupils_reached"],
    }
