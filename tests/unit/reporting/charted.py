"""Charts of three made years in eleven countries, and of a made history, without a drawing process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any, cast

import vl_convert

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.tree import append
from services.reporting.api.chart_sheets import View, view_of
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.charts import pictures, rows
from services.reporting.domain.charts.drawing import specification
from services.reporting.domain.charts.rows import Reached
from services.reporting.domain.charts.sheets import ChartName, Json, Sheet
from services.reporting.work.drawing.drawer import NotDrawn
from services.reporting.work.drawing.orders import Drawn, Order
from services.reporting.work.snapshots import Snapshot, Snapshots
from tests.unit.contracts.test_public_fold import entries
from tests.unit.reporting.history import SourceEvent, programme
from tests.unit.reporting.world import stores_in_memory

PARCELS = {
    "MM": 226,
    "NP": 182,
    "ET": 140,
    "KH": 120,
    "LA": 88,
    "PK": 80,
    "NA": 60,
    "UG": 44,
    "MN": 30,
    "PH": 21,
    "ZW": 9,
}
"""Thousands of parcels by country."""
PER_MILLE = {"goods": 720, "freight": 130, "insurance": 10, "duty": 30, "monitoring": 30, "administration": 80}
INDICATORS = ("likes_parcel_very_much", "knows_and_likes_china_better", "items_help_study_and_life_very_much")
FESTIVALS = {(6, 18): 8, (9, 9): 5, (11, 11): 30, (12, 12): 9}
"""Day → how many times an ordinary day's gifts."""
DAY_COUNT = 2_000_000


def countries() -> list[Json]:
    """As `/v1/totals/country`, as far as charts read it."""
    found = []
    for country, n in PARCELS.items():
        fen = {f"{category}_fen": n * 11_000 * share for category, share in PER_MILLE.items()}
        ends = {"in_transit": n * 5, "warehouse": n * 2, "rejected": n, "damaged": 3, "lost": 4, "returned": 0}
        parcels = {"packed": n * 1000 + sum(ends.values()), "accepted": n * 1000, **ends}
        waits = {"committed_fen": n * 100_000, "reserved_fen": n * 50_000}
        found.append({"country": country, **fen, **waits, "parcels": parcels, "pupils_reached": n * 990})
    return found


def categories() -> list[Json]:
    """As `/v1/totals/category`."""
    return [
        {"category": one, "spent_fen": sum(row[f"{one}_fen"] for row in countries()), "per_mille": share}
        for one, share in PER_MILLE.items()
    ]


def totals() -> Json:
    """As `/v1/totals`, as far as charts read it."""
    every = countries()
    fen = {f"{name}_fen": sum(row[f"{name}_fen"] for row in every) for name in ("committed", "reserved")}
    parcels = {state: sum(row["parcels"][state] for row in every) for state in every[0]["parcels"]}
    return {**fen, "unallocated_fen": 7_000_000, "in_flight_fen": 12_000, "reversed_fen": 400_000, "parcels": parcels}


def days() -> list[Json]:
    """As `/v1/totals/day`: three years with their festivals."""
    first, last = date(2019, 2, 1), date(2022, 3, 22)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    counts = {day: DAY_COUNT * FESTIVALS.get((day.month, day.day), 1) for day in every}
    return [{"day": day.isoformat(), "count": count, "fen": 5 * count} for day, count in counts.items()]


def reached() -> list[Reached]:
    """Month by month."""
    months = [f"{year}-{month:02d}" for year in range(2019, 2023) for month in range(1, 13)]
    return [Reached(month, 26_000 * at) for at, month in enumerate(months[5:39], 1)]


def contents() -> list[Json]:
    """As the table of contents has them: 61 items, and 102."""
    parts = (
        ("v1", "2019-02-01", {"learning": 40, "living": 21}),
        ("v2", "2020-08-01", {"learning": 40, "living": 21, "hygiene": 41}),
    )
    return [
        {"specification": name, "effective_from": since, "category": category, "position": at, "quantity": 2}
        for name, since, by_category in parts
        for category, items in by_category.items()
        for at in range(items)
    ]


def indicators() -> list[Json]:
    """As `/v1/totals/indicator`, with one of a country and one that may not be shown."""
    shown = {"numerator": 310, "denominator": 370, "share_per_mille": 838, "low_per_mille": 797, "high_per_mille": 872}
    hidden = dict.fromkeys(shown)
    return [
        *({"indicator": one, "country": None, **shown} for one in INDICATORS),
        {"indicator": INDICATORS[0], "country": "NP", **shown},
        {"indicator": "in_use", "country": None, **hidden},
    ]


def rows_of(name: ChartName) -> list[Json]:
    """The rows of a chart of the three years."""
    found: dict[ChartName, list[Json]] = {
        ChartName.MONEY_FLOW: rows.money_flow_rows(totals(), categories(), countries()),
        ChartName.PARCEL_FLOW: rows.parcel_flow_rows(totals()),
        ChartName.WHERE: rows.where_rows(countries()),
        ChartName.WHEN: rows.when_rows(days(), reached(), by_day=False),
        ChartName.COSTS: rows.costs_rows(categories()),
        ChartName.CONTENTS: rows.contents_rows(contents()),
        ChartName.PUPILS: rows.indicator_rows(indicators()),
    }
    return found[name]


class OfThreeYears:
    """A snapshot's size and time."""

    size, at = 48_211, "2022-03-22T12:03:07Z"


@cache
def view(name: ChartName, language: Language) -> View:
    """The chart of the three years."""
    return view_of(name, rows_of(name), PageTexts(language), cast(Any, OfThreeYears()))


@cache
def drawn(name: ChartName, language: Language) -> Drawn:
    """Its plot."""
    return drawn_of(view(name, language).sheet)


_drawn: dict[bytes, Drawn] = {}


def drawn_of(sheet: Sheet) -> Drawn:
    """As the drawing process draws it, in this one; once, whoever asks."""
    if sheet.drawn_of not in _drawn:
        svg = vl_convert.vegalite_to_svg(specification(sheet))
        height = re.search(r'height="([\d.]+)"', svg)
        assert height is not None
        _drawn[sheet.drawn_of] = Drawn(plot=pictures.plain(svg), height=float(height[1]))
    return _drawn[sheet.drawn_of]


class InThisProcess:
    """Stands in for the drawing process."""

    def __init__(self) -> None:
        self.is_dead = False
        self.orders = 0

    async def draw(self, order: Order) -> Drawn:
        if self.is_dead:
            raise NotDrawn("dead")
        self.orders += 1
        return Drawn(png=b"\x89PNG") if order.plot is not None else drawn_of(order.sheet)


async def snapshots(events: Sequence[SourceEvent] = ()) -> Snapshots:
    """Those of a log of the made history, or of other events."""
    stores, new = stores_in_memory(), entries(events or programme())
    head = await stores.public_log.head()
    await stores.public_log.keep(head.size, new, {})
    assert await stores.public_log.move(replace(head, edge=append(head.edge, [leaf_hash(one) for one in new]).edge))
    found = Snapshots(stores.public_log, stores.snapshots)
    while await found.follow():
        pass
    return found


async def earlier(of: Snapshots, size: int) -> Snapshot:
    """A snapshot of before."""
    found = await of.as_of_size(size)
    assert isinstance(found, Snapshot)
    return found
