"""A snapshot's figures as pages show them: the sentence at the top, bars, laws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pandapack.contracts.public_log.fold.laws import Law
from services.reporting.api.bars import Bar, bar_of
from services.reporting.work.readings import Reading

STALE_S = 30.0
"""Figures that are further behind than this have a banner that tells it."""

Json = dict[str, Any]


def shown_figures(reading: Reading) -> Json:
    """What pages show of their snapshot."""
    totals = {**reading.totals.values, "snapshot": reading.stamp, **reading.fresh}
    return {
        "totals": totals,
        "headline": headline_of(totals),
        "booked": reading.booked,
        "stale": reading.lead is not None and _stale(totals),
        "money_bar": _money_bar(totals),
        "parcel_bar": _parcel_bar(totals["parcels"]),
        "laws": [_shown_law(law) for law in reading.laws],
    }


def headline_of(totals: Mapping[str, Any]) -> str:
    """The form of the sentence at the top: of one gift or more, on the way, or with one parcel or more at schools."""
    if not totals["donations"]:
        return "empty"
    given = "donation" if totals["donations"] == 1 else "donations"
    accepted = totals["parcels"]["accepted"]
    return f"{given}_{'way' if not accepted else 'parcel' if accepted == 1 else 'parcels'}"


def _stale(totals: Mapping[str, Any]) -> bool:
    behind_s = totals["behind_s"]
    return totals["donations"] > 0 and (behind_s is None or behind_s > STALE_S)


def _money_bar(totals: Mapping[str, Any]) -> Bar:
    states = ("spent", "committed", "reserved", "unallocated", "in_flight")
    return bar_of({state: totals[f"{state}_fen"] for state in states})


def _parcel_bar(parcels: Mapping[str, int]) -> Bar:
    states = ("accepted", "in_transit", "warehouse", "rejected", "damaged", "lost", "returned")
    return bar_of({state: parcels[state] for state in states})


def _shown_law(law: Law) -> Json:
    """The law with both sides as bars of one scale."""
    left_names = {name for part in law.parts for name in part.left}
    left = {name: value for name, value in law.terms.items() if name in left_names}
    right = {name: value for name, value in law.terms.items() if name not in left_names}
    scale = max(sum(left.values()), sum(right.values()))
    return {"law": law, "left": bar_of(left, scale), "right": bar_of(right, scale)}
