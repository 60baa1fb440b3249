"""Sparks: an hour of a figure as a line, drawn into the page itself by `templates/ops/spark.html`, which has its size.

A time of which nothing is known is a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
WIDTH, HEIGHT = 120, 24
POINTS_MAX = 60
"""A point a minute: the highest of it, so that no peak is lost."""


class History:
    """`/v1/pipeline/history`, row by row; whatever is missing in a row was not known then."""

    def __init__(self, rows: Sequence[Json]) -> None:
        self._rows = rows

    def of_hop(self, hop: Json, figure: str) -> str:
        """The line of a hop's figure; "": there is none."""
        names = ("from", "to", "group", "topic")

        def value(row: Json) -> float | None:
            same = [one for one in row.get("hops") or () if all(one.get(name) == hop[name] for name in names)]
            found: float | None = same[0].get(figure) if same else None
            return found

        return self._line(value)

    def of_flow(self, figure: str) -> str:
        """The line of a figure of the flow."""
        return self._line(lambda row: (row.get("flow") or {}).get(figure))

    def of_business_lag(self, figure: str) -> str:
        """The line of the business lag's `p50_s` or `p99_s`."""
        return self._line(lambda row: (row.get("business_lag") or {}).get(figure))

    def _line(self, value: Callable[[Json], float | None]) -> str:
        return line([value(row) for row in self._rows])


def line(values: Sequence[float | None]) -> str:
    """The path of an SVG of `WIDTH` × `HEIGHT`; "" where fewer than two values are known."""
    points = _highest(values)
    known = [one for one in points if one is not None]
    if len(known) < 2:
        return ""
    top = max(*known, 0.0) or 1.0
    steps, pen = list[str](), "M"
    for place, one in enumerate(points):
        if one is None:
            pen = "M"
            continue
        x = WIDTH * place / (len(points) - 1)
        y = HEIGHT - 1 - (HEIGHT - 2) * max(0.0, one) / top
        steps.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(steps)


def _highest(values: Sequence[float | None]) -> list[float | None]:
    """At most `POINTS_MAX` points, each the highest that is known of its time."""
    size = max(1, -(-len(values) // POINTS_MAX))
    parts = (values[first : first + size] for first in range(0, len(values), size))
    return [max((one for one in part if one is not None), default=None) for part in parts]
