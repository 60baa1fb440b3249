"""What "Where 100 fen go" shows of a reading: by category, by country and by year."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.public_log.fold.costs import CATEGORIES, per_mille
from services.reporting.api.bars import bar_of
from services.reporting.work.readings import Reading

Json = dict[str, Any]


def shown_costs(reading: Reading) -> Json:
    """`categories` (in their own order, with a `bar`) and `years` as the tables have them, and `countries` that spent.

    A country has `shares` beside its row: per mille of what it spent, in the order of categories.
    """
    by_name = {row["category"]: row for row in reading.categories.values["items"]}
    categories = [by_name[category] for category in CATEGORIES if by_name]
    spending = [row for row in reading.countries.values["items"] if row["spent_fen"] > 0]
    return {
        "categories": categories,
        "bar": bar_of({row["category"]: row["spent_fen"] for row in categories}),
        "countries": [{**row, "shares": [_share(row, category) for category in CATEGORIES]} for row in spending],
        "years": reading.years.values["items"],
    }


def _share(row: Json, category: str) -> int:
    return per_mille(row[f"{category}_fen"], row["spent_fen"])
