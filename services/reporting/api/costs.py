"""What "Where 100 fen go" shows of a reading: by category, by country and by year."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.public_log.fold.costs import CATEGORIES, per_mille
from services.reporting.api.bars import bar_of
from services.reporting.work.readings import Reading

Json = dict[str, Any]


def shown_costs(reading: Reading) -> Json:
    """`categories` (in their own order, with a `bar`) and `years` as the tables have them, and `countries` that spent.

    A country has `shares` beside its row: per mille of what it spent, in the order of categories. `specifications` has
    the full cost of a parcel; `stock` and `net_funded_fen` are of the same snapshot.
    """
    by_name = {row["category"]: row for row in reading.categories.values["items"]}
    categories = [by_name[category] for category in CATEGORIES if by_name]
    spending = [row for row in reading.countries.values["items"] if row["spent_fen"] > 0]
    return {
        "categories": categories,
        "bar": bar_of({row["category"]: row["spent_fen"] for row in categories}),
        "countries": [{**row, "shares": [_share(row, category) for category in CATEGORIES]} for row in spending],
        "years": reading.years.values["items"],
        "specifications": reading.specifications.values["items"],
        "stock": _stock(reading),
        "net_funded_fen": reading.booked["net_funded_fen"],
    }


def _stock(reading: Reading) -> Json:
    """Units in no parcel and what was paid for them, those of which nothing is paid yet, and parcels not yet sent."""
    items = reading.items.values["items"]
    return {
        "units": sum(row["in_stock"] for row in items),
        "unpaid_units": sum(row["in_stock"] for row in items if row["in_stock_fen"] is None),
        "paid_fen": sum(row["in_stock_fen"] or 0 for row in items),
        "waiting_parcels": reading.booked["parcels"]["warehouse"],
    }


def _share(row: Json, category: str) -> int:
    return per_mille(row[f"{category}_fen"], row["spent_fen"])
