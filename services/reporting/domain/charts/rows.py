"""The rows of each chart, from the figures of one snapshot: the very figures of `/v1/totals` and its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from pandapack.contracts.logistics import Indicator
from pandapack.contracts.public_log.fold.costs import CATEGORIES
from services.reporting.domain.charts.sheets import Json

WAITING = ("committed", "reserved", "unallocated", "in_flight")
"""What is given and not spent, from the nearest to the farthest."""
ENDS = ("accepted", "in_transit", "warehouse", "rejected", "damaged", "lost", "returned")
"""Where a packed parcel may be."""
DAYS_MAX = 62
"""So many days stand side by side as days; a longer time is shown by month."""
QUIET_PERIODS_MAX = 6
"""A longer time of nothing is no news: it would press what happened into a corner."""
FESTIVALS = ((6, 18), (9, 9), (11, 11), (12, 12))
"""Days of the year on which people buy, and so give, more than on others."""
PEAK_TIMES = 2
"""A festival is named where its day has so many times the gifts of the days around it."""
AROUND_DAYS = 7
"""Days before and behind it."""


class Reached(NamedTuple):
    """How many parcels had been handed over at the end of a period (`2021-11`, or `2021-11-11`)."""

    period: str
    parcels: int


def money_flow_rows(totals: Json, categories: Iterable[Json], countries: Sequence[Json]) -> list[Json]:
    """Given → by use, or what waits → by country. Nothing that is nothing has a row."""
    spent = {row["category"]: row["spent_fen"] for row in categories}
    uses = {category: spent.get(category, 0) for category in CATEGORIES}
    uses |= {state: totals[f"{state}_fen"] for state in WAITING} | {"reversed": totals["reversed_fen"]}
    rows = [{"from": "given", "to": use, "amount_fen": fen} for use, fen in uses.items() if fen]
    for use in (*CATEGORIES, "committed", "reserved"):
        for row in countries:
            if fen := row[f"{use}_fen"]:
                rows.append({"from": use, "to": row["country"], "amount_fen": fen})
    return rows


def parcel_flow_rows(totals: Json) -> list[Json]:
    """Packed → where each parcel is; all states have a row, once there are parcels."""
    parcels = totals["parcels"]
    if not parcels["packed"]:
        return []
    return [{"from": "packed", "to": state, "parcels": parcels[state]} for state in ENDS]


def where_rows(countries: Iterable[Json]) -> list[Json]:
    """By country of destination, those with parcels."""
    return [
        {
            "country": row["country"],
            "parcels_packed": row["parcels"]["packed"],
            "parcels_on_the_way": row["parcels"]["warehouse"] + row["parcels"]["in_transit"],
            "parcels_accepted": row["parcels"]["accepted"],
            "pupils_reached": row["pupils_reached"],
        }
        for row in countries
        if row["parcels"]["packed"]
    ]


def is_by_day(days: Sequence[Json], last: str) -> bool:
    """Whether the days from the first gift to `last` (or the last gift) are few enough to stand side by side."""
    if not days:
        return True
    end = max(days[-1]["day"], last)
    return (date.fromisoformat(end) - date.fromisoformat(days[0]["day"])).days < DAYS_MAX


def when_rows(days: Sequence[Json], reached: Sequence[Reached], *, by_day: bool) -> list[Json]:
    """By day or by month: gifts by their own day, parcels by when the log was told that a school took them.

    `days`: as `/v1/totals/day`. `reached`: of the ends of the same periods, in order; one that the log has no entry of
    is left out. `peak_day`: the festival of the period that has most gifts, where it stands out. More than
    `QUIET_PERIODS_MAX` periods in which nothing happened are left out together.
    """
    form = "%Y-%m-%d" if by_day else "%Y-%m"
    known = [row["day"][: len("2021-11-11" if by_day else "2021-11")] for row in days]
    rows = {period: _period(period) for period in _between([*known, *(one.period for one in reached)], form)}
    for period, row in zip(known, days, strict=True):
        rows[period]["donations"] += row["count"]
        rows[period]["received_fen"] += row["fen"]
    before = 0
    for one in reached:
        rows[one.period]["parcels_accepted"], before = one.parcels - before, one.parcels
    counts = {date.fromisoformat(row["day"]): row["count"] for row in days}
    for day, count in counts.items():
        row = rows[day.strftime(form)]
        if _stands_out(day, counts) and count > row["peak_donations"]:
            row |= {"peak_day": day.isoformat(), "peak_donations": count}
    return _without_quiet(list(rows.values()))


def _without_quiet(rows: Sequence[Json]) -> list[Json]:
    """All but the long stretches in which nothing was given and nothing arrived."""
    kept: list[Json] = []
    for is_quiet, alike in groupby(rows, key=lambda row: not (row["donations"] or row["parcels_accepted"])):
        periods = list(alike)
        kept += [] if is_quiet and len(periods) > QUIET_PERIODS_MAX else periods
    return kept


def _period(period: str) -> Json:
    zeros = dict.fromkeys(("donations", "received_fen", "parcels_accepted", "peak_donations"), 0)
    return {"period": period, **zeros, "peak_day": None}


def _between(periods: Sequence[str], form: str) -> list[str]:
    """All periods from the first to the last of these."""
    if not periods:
        return []
    first, last = (date.fromisoformat(f"{one}-01"[: len("2021-11-11")]) for one in (min(periods), max(periods)))
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return list(dict.fromkeys(day.strftime(form) for day in days))


def _stands_out(day: date, counts: Mapping[date, int]) -> bool:
    if (day.month, day.day) not in FESTIVALS:
        return False
    around = [counts.get(day + timedelta(days=n), 0) for n in range(-AROUND_DAYS, AROUND_DAYS + 1) if n]
    return counts[day] * len(around) >= PEAK_TIMES * sum(around)


def costs_rows(categories: Iterable[Json]) -> list[Json]:
    """Where 100 fen go: by category, in their own order."""
    by_name = {row["category"]: row for row in categories}
    return [by_name[category] for category in CATEGORIES if category in by_name]


def contents_rows(contents: Iterable[Json]) -> list[Json]:
    """By parcel, in the order in which they came, and category: how many items it has, and how many pieces."""
    found = dict[tuple[str, str, str], Json]()
    for line in sorted(contents, key=lambda one: (one["effective_from"], one["specification"], one["position"])):
        names = ("specification", "effective_from", "category")
        key = (line["effective_from"], line["specification"], line["category"])
        row = found.setdefault(key, {**{name: line[name] for name in names}, "items": 0, "units": 0})
        row["items"] += 1
        row["units"] += line["quantity"]
    return list(found.values())


def indicator_rows(indicators: Iterable[Json]) -> list[Json]:
    """The indicators of all countries together, those that may be shown, in the order of the questions."""
    names = ("indicator", "numerator", "denominator", "share_per_mille", "low_per_mille", "high_per_mille")
    found = {row["indicator"]: row for row in indicators if row.get("country") is None}
    return [
        {name: found[one][name] for name in names}
        for one in Indicator
        if one in found and found[one]["share_per_mille"] is not None
    ]
