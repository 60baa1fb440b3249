"""Rivers of money and of parcels: each arm is as thick as what flows in it. Vega-Lite has none: the layout is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from services.reporting.domain.charts.colours import WIDTH, tone
from services.reporting.domain.charts.marks import boxes, haloed, paths, plot, written
from services.reporting.domain.charts.sheets import Json, Sheet

SLOT = 19
"""Every node has room for its name, however thin it is."""
GAP = 5
NODE = 10
"""The width of a node."""
THICKNESS_MIN = 0.8
"""What is there is seen."""
LEAN = 1.15
"""Middle nodes stand rather left: right of them are their names."""
STEPS = 24
"""Halvings in search of the scale: a millionth of a pixel."""
ARM_OPACITY = 0.42
"""So names are read over the arms."""
SOURCE_WIDTH = 126
"""For the name of where all comes from, left of its node."""
MONEY_HEIGHT, PARCEL_HEIGHT = 460, 300
TARGET_WIDTH, PARCEL_TARGET_WIDTH = 182, 290
"""For the names right of the last nodes, also in letters wider than the bundled ones."""


@dataclass(frozen=True, slots=True)
class Node:
    """Where it stands, and what it is called. `top` is its own; its name stands in the `middle` of its slot.

    `tip`: its exact figure, for whoever points at it.
    """

    x: float
    top: float
    thickness: float
    middle: float
    label: str
    tip: str
    fill: str


@dataclass(frozen=True, slots=True)
class Arm:
    """From the right edge of a node to the left edge of another: `y` is where it begins and ends, at its upper side."""

    x: float
    y: float
    x2: float
    y2: float
    thickness: float
    fill: str
    tip: str

    @property
    def path(self) -> str:
        """As SVG writes it."""
        middle, low, low2 = (self.x + self.x2) / 2, self.y + self.thickness, self.y2 + self.thickness
        there = f"C{middle:.1f},{self.y:.1f} {middle:.1f},{self.y2:.1f} {self.x2:.1f},{self.y2:.1f}"
        back = f"C{middle:.1f},{low2:.1f} {middle:.1f},{low:.1f} {self.x:.1f},{low:.1f}"
        return f"M{self.x:.1f},{self.y:.1f}{there}L{self.x2:.1f},{low2:.1f}{back}Z"


def flow(sheet: Sheet) -> alt.LayerChart:
    """`marks`: `from`, `to`, `value`, `tip`. `wording`: name of each node → its label; `tip_NAME`: its exact figure."""
    is_money = any(mark["from"] == "given" for mark in sheet.marks)
    height = MONEY_HEIGHT if is_money else PARCEL_HEIGHT
    last = WIDTH - (TARGET_WIDTH if is_money else PARCEL_TARGET_WIDTH)
    columns = columns_of(sheet.marks)
    nodes, arms = laid_out(sheet.marks, columns, sheet.wording, height, last)
    source = [node for node in nodes.values() if node.x == SOURCE_WIDTH]
    rest = [node for node in nodes.values() if node.x != SOURCE_WIDTH]
    lines = [
        {"x": node.x - 8, "y": node.middle + 18 * (at - 0.5), "text": text}
        for node in source
        for at, text in enumerate(node.label.split("\n"))
    ]
    layers = [
        paths([{"path": arm.path, "fill": arm.fill, "opacity": ARM_OPACITY, "tip": arm.tip} for arm in arms], height),
        boxes(
            [
                {
                    "x": one.x,
                    "x2": one.x + NODE,
                    "y": one.top,
                    "y2": one.top + one.thickness,
                    "fill": one.fill,
                    "tip": one.tip,
                }
                for one in nodes.values()
                if one.thickness
            ],
            height,
        ),
        written(lines, height, align="right", weight=600),
        *haloed([{"x": one.x + NODE + 7, "y": one.middle, "text": one.label} for one in rest], height),
    ]
    return plot(layers, height)


def columns_of(marks: Sequence[Json]) -> list[list[str]]:
    """Nodes by how far they are from where all comes from, in the order in which they come up."""
    depth = dict[str, int]()
    for mark in marks:
        depth.setdefault(mark["from"], 0)
        depth[mark["to"]] = max(depth.get(mark["to"], 0), depth[mark["from"]] + 1)
    return [[name for name, own in depth.items() if own == at] for at in range(max(depth.values()) + 1)]


def laid_out(
    marks: Sequence[Json], columns: Sequence[Sequence[str]], labels: Mapping[str, str], height: float, last_x: float
) -> tuple[dict[str, Node], list[Arm]]:
    """Each node and arm at its place, none over another, all of one scale."""
    values = {name: _value(name, marks) for column in columns for name in column}
    scale = _scale([[values[name] for name in column] for column in columns], height)
    nodes = dict[str, Node]()
    for at, column in enumerate(columns):
        x = SOURCE_WIDTH + (last_x - SOURCE_WIDTH) * (at / (len(columns) - 1)) ** LEAN
        slots = [max(SLOT, values[name] * scale) for name in column]
        top = (height - sum(slots) - GAP * (len(slots) - 1)) / 2 if len(column) == 1 else 0.0
        for name, slot in zip(column, slots, strict=True):
            thick = max(values[name] * scale, THICKNESS_MIN) if values[name] > 0 else 0.0
            middle = top + slot / 2
            nodes[name] = Node(x, middle - thick / 2, thick, middle, labels[name], labels[f"tip_{name}"], tone(name))
            top += slot + GAP
    return nodes, _arms(marks, nodes, scale)


def _value(name: str, marks: Sequence[Json]) -> int:
    """What flows through a node: the more of what comes and what goes."""
    return max(sum(max(0, int(mark["value"])) for mark in marks if mark[end] == name) for end in ("to", "from"))


def _scale(columns: Sequence[Sequence[int]], height: float) -> float:
    """Pixels a unit: the most with which every column fits."""
    low, high = 0.0, height / max(1, *(max(column) for column in columns))
    for _ in range(STEPS):
        middle = (low + high) / 2
        fits = all(
            sum(max(SLOT, value * middle) for value in column) + GAP * (len(column) - 1) <= height for column in columns
        )
        low, high = (middle, high) if fits else (low, middle)
    return low


def _arms(marks: Sequence[Json], nodes: Mapping[str, Node], scale: float) -> list[Arm]:
    left, right = ({name: node.top for name, node in nodes.items()} for _ in range(2))
    order = {name: at for at, name in enumerate(nodes)}
    arms = []
    for mark in sorted(marks, key=lambda mark: (order[mark["from"]], order[mark["to"]])):
        if mark["value"] <= 0:
            continue
        begin, end, exact = nodes[mark["from"]], nodes[mark["to"]], mark["value"] * scale
        fill = tone(mark["from"] if mark["from"] not in ("given", "packed") else mark["to"])
        y, y2 = right[mark["from"]], left[mark["to"]]
        arms.append(Arm(begin.x + NODE, y, end.x, y2, max(exact, THICKNESS_MIN), fill, mark["tip"]))
        right[mark["from"]] += exact
        left[mark["to"]] += exact
    return arms
