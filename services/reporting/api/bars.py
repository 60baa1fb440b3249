"""A stacked bar as numbers: SVG attributes, since a strict policy forbids styles in the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WIDTH = 1000
"""A whole bar, in units of its own view box."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part: `[x, x + width)` of `WIDTH`."""

    name: str
    value: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Parts in order; those of zero have no width and stay in the list."""

    segments: tuple[Segment, ...]
    total: int

    @property
    def width(self) -> int:
        return WIDTH


def bar_of(values: Mapping[str, int], scale: int | None = None) -> Bar:
    """`scale` is the value of the whole width; else the parts fill it. Less than nothing has no width."""
    whole = scale or sum(max(0, value) for value in values.values())
    segments, x = [], 0.0
    for name, value in values.items():
        width = max(0, value) * WIDTH / whole if whole > 0 else 0.0
        segments.append(Segment(name, value, round(x, 2), round(width, 2)))
        x += width
    return Bar(tuple(segments), sum(values.values()))
