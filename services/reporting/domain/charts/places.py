"""Where: land without any border, a dot for each country, and arcs from China that thicken with parcels."""

from __future__ import annotations

import altair as alt

from services.reporting.domain.charts.capitals import HEIGHT, PLACES, SOURCE, Place
from services.reporting.domain.charts.colours import colour, tone
from services.reporting.domain.charts.land import LAND
from services.reporting.domain.charts.marks import haloed, paths, plot, written
from services.reporting.domain.charts.shares import circle
from services.reporting.domain.charts.sheets import Json, Sheet

THICK_MIN, THICK_MAX = 1.2, 9.0
"""Pixels of an arc: of a country with next to nothing, and of the one with most. Between, as the parcels are."""
BULGE = 0.16
"""How far an arc bends, of its length."""
DOT = 4.5


def places(sheet: Sheet) -> alt.LayerChart:
    """`marks`: `country`, `parcels`, `label`, `tip`. `wording`: `source`, and `others` for what has no place."""
    known = [(PLACES[mark["country"]], mark) for mark in sheet.marks if mark["country"] in PLACES]
    most = max(1, *(mark["parcels"] for mark in sheet.marks))
    arcs = [
        {
            "path": _arc(place),
            "stroke": tone("accepted"),
            "width": THICK_MIN + (THICK_MAX - THICK_MIN) * mark["parcels"] / most,
            "opacity": 0.62,
            "tip": mark["tip"],
        }
        for place, mark in known
    ]
    tips = [(SOURCE, sheet.wording["source"]), *((place, mark["tip"]) for place, mark in known)]
    rim = {"fill": colour("ink"), "stroke": colour("paper"), "width": 1.5}
    dots = [{"path": circle(place.x, place.y, DOT), "tip": tip, **rim} for place, tip in tips]
    layers = [paths([{"path": LAND, "fill": colour("land")}], HEIGHT), paths(arcs, HEIGHT), paths(dots, HEIGHT)]
    for align in ("left", "right"):
        names = [(place, mark) for place, mark in known if place.align == align]
        rows: list[Json] = [
            {"x": place.x + place.dx, "y": place.y + place.dy, "text": mark["label"]} for place, mark in names
        ]
        if rows:
            layers += haloed(rows, HEIGHT, align=align, weight=600)
    ends: list[Json] = [{"x": SOURCE.x + 10, "y": SOURCE.y, "text": sheet.wording["source"]}]
    layers += haloed(ends, HEIGHT, tint="quiet")
    if others := sheet.wording["others"]:
        layers.append(written([{"x": 0, "y": HEIGHT - 10, "text": others}], HEIGHT, tint="quiet"))
    return plot(layers, HEIGHT)


def _arc(place: Place) -> str:
    """From the source, bent towards the equator's sea."""
    dx, dy = place.x - SOURCE.x, place.y - SOURCE.y
    x, y = SOURCE.x + dx / 2 - dy * BULGE, SOURCE.y + dy / 2 + dx * BULGE
    return f"M{SOURCE.x:.1f},{SOURCE.y:.1f}Q{x:.1f},{y - 2 * dx * BULGE:.1f} {place.x:.1f},{place.y:.1f}"
