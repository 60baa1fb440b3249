"""Where 100 fen go, what lies in a parcel, and what pupils said: lengths and places along a line."""

from __future__ import annotations

import altair as alt

from services.reporting.domain.charts.colours import WIDTH, colour, tone
from services.reporting.domain.charts.marks import boxes, paths, plot, rules, written
from services.reporting.domain.charts.sheets import Json, Sheet

PER_MILLE = 1_000
ROW = 38
NAME_WIDTH = 150
VALUE_WIDTH = 264
BAR = 20


def costs(sheet: Sheet) -> alt.LayerChart:
    """`marks`: `of` (the category), `name`, `per_mille`, `label`, `tip`."""
    height = ROW * len(sheet.marks)
    most = max(1, *(mark["per_mille"] for mark in sheet.marks))
    bars, names, labels = list[Json](), list[Json](), list[Json]()
    for at, mark in enumerate(sheet.marks):
        y = at * ROW + ROW / 2
        end = NAME_WIDTH + (WIDTH - NAME_WIDTH - VALUE_WIDTH) * mark["per_mille"] / most
        bar = {"x": NAME_WIDTH, "x2": end, "y": y - BAR / 2, "y2": y + BAR / 2}
        bars.append({**bar, "fill": tone(mark["of"]), "tip": mark["tip"]})
        names.append({"x": NAME_WIDTH - 10, "y": y, "text": mark["name"]})
        labels.append({"x": end + 8, "y": y, "text": mark["label"]})
    base = [{"x": NAME_WIDTH, "x2": NAME_WIDTH, "y": 0, "y2": height}]
    layers = [
        boxes(bars, height),
        rules(base, height, tint="quiet"),
        written(names, height, align="right"),
        written(labels, height, weight=600),
    ]
    return plot(layers, height)


GROUP = 92
GROUP_HEAD = 22
GROUP_BAR = 30


def contents(sheet: Sheet) -> alt.LayerChart:
    """`marks`: `group` (the parcel), `of` (the category), `items`, `label`, `tip`. `wording`: each group's own line."""
    groups = list(dict.fromkeys(mark["group"] for mark in sheet.marks))
    height = GROUP * len(groups)
    most = max(sum(mark["items"] for mark in sheet.marks if mark["group"] == group) for group in groups)
    bars, heads, labels = list[Json](), list[Json](), list[Json]()
    for at, group in enumerate(groups):
        top, x = at * GROUP, 0.0
        heads.append({"x": 0, "y": top + 10, "text": sheet.wording[group]})
        for mark in (mark for mark in sheet.marks if mark["group"] == group):
            end = x + WIDTH * mark["items"] / most
            y = top + GROUP_HEAD
            bar = {"x": x, "x2": end - 2, "y": y, "y2": y + GROUP_BAR}
            bars.append({**bar, "fill": tone(mark["of"]), "tip": mark["tip"]})
            labels.append({"x": x, "y": y + GROUP_BAR + 13, "text": mark["label"]})
            x = end
    return plot([boxes(bars, height), written(heads, height, weight=600), written(labels, height)], height)


DOT_ROW = 54
AXIS = 26
RIGHT = 224
DOT = 6.5


def opinions(sheet: Sheet) -> alt.LayerChart:
    """`marks`: `name`, `share`, `low`, `high` (per mille), `label`, `tip`. A line from 0 to 100 of 100 for each."""
    height = DOT_ROW * len(sheet.marks) + AXIS
    line = WIDTH - RIGHT

    def at(per_mille: int) -> float:
        return 12 + (line - 32) * per_mille / PER_MILLE

    quarters = (0, 250, 500, 750, 1000)
    grid: list[Json] = [{"x": at(one), "x2": at(one), "y": 0, "y2": height - AXIS} for one in quarters]
    ticks: list[Json] = [{"x": at(one), "y": height - AXIS / 2, "text": f"{one // 10}%"} for one in quarters]
    names, spans, dots, labels = list[Json](), list[Json](), list[Json](), list[Json]()
    for row, mark in enumerate(sheet.marks):
        y = row * DOT_ROW + 36
        names.append({"x": 8, "y": row * DOT_ROW + 13, "text": mark["name"]})
        spans.append({"x": at(mark["low"]), "x2": at(mark["high"]), "y": y, "y2": y, "tip": mark["tip"]})
        dot = circle(at(mark["share"]), y, DOT)
        rim = {"fill": tone("accepted"), "stroke": colour("paper"), "width": 1.5}
        dots.append({"path": dot, "tip": mark["tip"], **rim})
        labels.append({"x": line + 10, "y": y, "text": mark["label"]})
    layers = [
        rules(grid, height),
        rules(spans, height, tint="bamboo", width=3),
        paths(dots, height),
        written(names, height),
        written(labels, height, weight=600),
        written(ticks, height, align="center", tint="quiet"),
    ]
    return plot(layers, height)


def circle(x: float, y: float, r: float) -> str:
    """A circle as a path."""
    return f"M{x - r:.1f},{y:.1f}a{r},{r} 0 1,0 {2 * r},0a{r},{r} 0 1,0 {-2 * r},0Z"
