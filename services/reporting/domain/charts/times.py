"""When: gifts and parcels handed over, period by period, one above the other."""

from __future__ import annotations

import altair as alt

from services.reporting.domain.charts.colours import FONT_SIZE, WIDTH, tone
from services.reporting.domain.charts.marks import boxes, plot, rules, written
from services.reporting.domain.charts.sheets import Json, Sheet

PANEL = 150
"""The height of the bars of a panel, in pixels."""
HEAD = 56
"""Above them: what the panel shows, and the names of its peaks."""
FOOT = 30
GAP = 18
BAR_MAX = 48
"""No bar is wider, however few there are."""
EDGE = 32
"""No name stands nearer to the edge with its middle."""
HEIGHT = 2 * (HEAD + PANEL) + GAP + FOOT
NAMES_APART = 48
"""Pixels between the middles of two names; of two that are nearer the later one stays."""
PLACES_MAX = 14
"""So many names stand under the bars at most."""


def times(sheet: Sheet) -> alt.LayerChart:
    """`marks`: `name` (of the period), `donations`, `parcels_accepted`; `peak` (its name) where there is one;
    `tip_donations`, `tip_parcels_accepted`: what each bar says to whoever points at it.

    `wording`: `donations`, `parcels` (what a panel shows), `most_donations`, `most_parcels` (which bar is the highest).
    """
    rows = sheet.marks
    width = WIDTH / len(rows)
    wording, second = sheet.wording, 2 * HEAD + PANEL + GAP
    layers = [
        *_panel(rows, "donations", wording["donations"], wording["most_donations"], HEAD, width),
        *_panel(rows, "parcels_accepted", wording["parcels"], wording["most_parcels"], second, width),
        written(_names(rows, width), HEIGHT, align="center", tint="quiet"),
    ]
    peaks = _peaks(rows, width)
    for align in ("left", "center"):
        if own := [peak for peak in peaks if peak["align"] == align]:
            layers.append(written(own, HEIGHT, align=align, weight=600, size=FONT_SIZE - 1))
    return plot(layers, HEIGHT)


def _panel(rows: list[Json], of: str, title: str, most: str, top: float, width: float) -> list[alt.Chart]:
    pad = max(min(1.5, width / 8), (width - BAR_MAX) / 2)
    base = top + PANEL
    bars: list[Json] = [
        {
            "x": at * width + pad,
            "x2": (at + 1) * width - pad,
            "y": _top(row[of], rows, of, top),
            "y2": base,
            "tip": row[f"tip_{of}"],
        }
        for at, row in enumerate(rows)
        if row[of] > 0
    ]
    fill = tone("accepted" if of == "parcels_accepted" else "in_transit")
    head: list[Json] = [{"x": 0, "y": top - HEAD + 10, "text": title}]
    best: list[Json] = [{"x": WIDTH, "y": top - HEAD + 10, "text": most}]
    return [
        boxes([{**bar, "fill": fill} for bar in bars], HEIGHT),
        rules([{"x": 0, "x2": WIDTH, "y": base, "y2": base}], HEIGHT, tint="quiet"),
        written(head, HEIGHT, weight=600),
        written(best, HEIGHT, align="right", tint="quiet"),
    ]


def _top(value: int, rows: list[Json], of: str, top: float) -> float:
    most: int = max(1, *(row[of] for row in rows))
    return top + PANEL - max(0, value) * PANEL / most


def _names(rows: list[Json], width: float) -> list[Json]:
    """Under the bars, as many as have room beside each other."""
    named = [(at, row["name"]) for at, row in enumerate(rows) if row["name"]]
    placed: list[Json] = []
    for at, name in reversed(named[:: -(-len(named) // PLACES_MAX) or 1]):
        x = min(max((at + 0.5) * width, EDGE), WIDTH - EDGE)
        if not placed or placed[-1]["x"] - x >= NAMES_APART:
            placed.append({"x": x, "y": HEIGHT - FOOT / 2, "text": name})
    return placed[::-1]


def _peaks(rows: list[Json], width: float) -> list[Json]:
    """Over each peak its name; beside a higher bar it begins with its own."""
    tops = [_top(row["donations"], rows, "donations", HEAD) for row in rows]
    placed = []
    for at, row in enumerate(rows):
        if row["peak"]:
            y = tops[at] - 10
            is_beside = at > 0 and tops[at - 1] < y + FONT_SIZE / 2
            x = at * width + 1 if is_beside else min(max((at + 0.5) * width, EDGE), WIDTH - EDGE)
            placed.append({"x": x, "y": y, "text": row["peak"], "align": "left" if is_beside else "center"})
    return placed
