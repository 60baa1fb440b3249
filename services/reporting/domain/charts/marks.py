"""What all drawings share: marks at places that are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from services.reporting.domain.charts.colours import FONT, FONT_SIZE, WIDTH, colour

Json = dict[str, Any]
HALO = 4


def across(name: str, width: float = WIDTH) -> alt.X:
    """A place from the left, in pixels."""
    return alt.X(f"{name}:Q", scale=alt.Scale(domain=[0, width], range=[0, width]), axis=None)


def down(name: str, height: float) -> alt.Y:
    """A place from the top, in pixels."""
    return alt.Y(f"{name}:Q", scale=alt.Scale(domain=[0, height], range=[0, height]), axis=None)


def _marks(rows: Sequence[Json]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(rows)))


def _tips(rows: Sequence[Json]) -> tuple[Json, Json]:
    """For a mark and its encoding: what each mark says to whoever points at it, where rows have a `tip`."""
    if not any("tip" in row for row in rows):
        return {}, {}
    return {"aria": True}, {"description": alt.Description("tip:N")}


def written(
    rows: Sequence[Json],
    height: float,
    *,
    align: str = "left",
    tint: str = "ink",
    weight: int = 400,
    size: int = FONT_SIZE,
    halo: float = 0,
) -> alt.Chart:
    """Texts (`text`) at `x`, `y` of each row: the middle of a line. `halo`: pixels of a rim in their own colour."""
    mark: Any = {"align": align, "baseline": "middle", "fill": colour(tint), "fontSize": size, "fontWeight": weight}
    if halo:
        mark |= {"stroke": colour(tint), "strokeWidth": halo, "strokeJoin": "round", "opacity": 0.85}
    drawn: alt.Chart = (
        _marks(rows).mark_text(**mark).encode(x=across("x"), y=down("y", height), text=alt.Text("text:N"))
    )
    return drawn


def haloed(rows: Sequence[Json], height: float, **form: Any) -> list[alt.Chart]:
    """Texts that lie over a drawing: paper around each letter keeps them readable."""
    return [written(rows, height, **{**form, "tint": "paper", "halo": HALO}), written(rows, height, **form)]


def boxes(rows: Sequence[Json], height: float) -> alt.Chart:
    """Rectangles from `x`, `y` to `x2`, `y2`, each in its `fill`, with its `tip` where there are any."""
    mark, tips = _tips(rows)
    fill = alt.Fill("fill:N", scale=None, legend=None)
    drawn: alt.Chart = (
        _marks(rows)
        .mark_rect(**mark)
        .encode(x=across("x"), x2="x2:Q", y=down("y", height), y2="y2:Q", fill=fill, **tips)
    )
    return drawn


def rules(rows: Sequence[Json], height: float, *, tint: str = "line", width: float = 1) -> alt.Chart:
    """Lines from `x`, `y` to `x2`, `y2`, each with its `tip` where there are any."""
    form, tips = _tips(rows)
    mark: Any = {"stroke": colour(tint), "strokeWidth": width, **form}
    drawn: alt.Chart = (
        _marks(rows).mark_rule(**mark).encode(x=across("x"), x2="x2:Q", y=down("y", height), y2="y2:Q", **tips)
    )
    return drawn


def plot(layers: Sequence[alt.Chart], height: float) -> alt.LayerChart:
    """The layers over each other, on nothing."""
    none: Any = alt.AutoSizeParams(type="none")
    whole: alt.LayerChart = (
        alt.layer(*layers)
        .properties(width=WIDTH, height=height, padding=0, background="transparent", autosize=none)
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None, fill=None)
    )
    return whole


def paths(rows: Sequence[Json], height: float) -> alt.Chart:
    """Shapes of any form: `path` as SVG writes it, in pixels; `fill`, `stroke` (with `width`), `opacity`, `tip`.

    A symbol's path is drawn at its own size where the symbol's area is 4: so Vega-Lite draws what it has no mark for.
    """
    given = [{"x": 0, "y": 0, "fill": None, "stroke": None, "width": 0, "opacity": 1, **row} for row in rows]
    mark, tips = _tips(rows)
    drawn: alt.Chart = (
        _marks(given)
        .mark_point(size=4, **mark)
        .encode(
            x=across("x"),
            y=down("y", height),
            shape=alt.Shape("path:N", scale=None, legend=None),
            fill=alt.Fill("fill:N", scale=None, legend=None),
            stroke=alt.Stroke("stroke:N", scale=None, legend=None),
            strokeWidth=alt.StrokeWidth("width:Q", scale=None, legend=None),
            opacity=alt.Opacity("opacity:Q", scale=None, legend=None),
            **tips,
        )
    )
    return drawn
