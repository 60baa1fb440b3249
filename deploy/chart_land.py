"""Makes `services/reporting/domain/charts/land.py`: land without any border, for the map of charts.

Usage: `python deploy/chart_land.py land-110m.json`, which is Natural Earth's land at 1:110 million (public domain), as
the npm package `world-atlas` 2.0.2 (ISC) has it as TopoJSON; its SHA-256 is looked at. The land is cut to the part of
the world that parcels cross, laid flat, and thinned out to what can be seen.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

SHA256 = "ead5f68119c49a9250902e7da303bcb209341bbb8fefe7369a439b48b704658a"
TARGET = Path(__file__).parents[1] / "services/reporting/domain/charts/land.py"
WEST, EAST, SOUTH, NORTH = 8.0, 146.0, -36.0, 53.0
"""As in `places.py`."""
WIDTH = 720
SCALE = WIDTH / (EAST - WEST)
TOLERANCE = 0.7
"""Pixels by which a coast may be off."""
AREA_MIN = 12.0
"""Square pixels of an island that is seen."""
LINE_CHARACTERS = 100

Point = tuple[float, float]


def main() -> None:
    """Reads the one file and writes the other."""
    content = Path(sys.argv[1]).read_bytes()
    if sha256(content).hexdigest() != SHA256:
        sys.exit(f"{sys.argv[1]} is another file than the one that the map was made of")
    whole = [ring for ring in rings_of(json.loads(content)) if not is_around(ring)]
    rings = [thinned([flat(point) for point in cut(ring)]) for ring in whole]
    path = "".join(written(ring) for ring in rings if len(ring) > 3 and abs(area(ring)) >= AREA_MIN)
    parts = [path[at : at + LINE_CHARACTERS] for at in range(0, len(path), LINE_CHARACTERS)]
    text = "\n".join(f'    "{part}"' for part in parts)
    TARGET.write_text(
        '"""Land without any border, as an SVG path; made by `deploy/chart_land.py`, and not by hand.\n\n'
        "Natural Earth, 1:110 million, public domain; from world-atlas 2.0.2 (ISC, Michael Bostock), land-110m.json,\n"
        f'SHA-256 {SHA256}.\n"""\n\nLAND = (\n{text}\n)\n'
    )
    print(f"{len(path)} bytes, {sum(map(len, rings))} points")


def rings_of(topology: dict) -> list[list[Point]]:  # type: ignore[type-arg]
    """The outer rings, in degrees; inner seas stay land's own holes."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)
    found = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            for ring in polygon:
                points = []
                for number in ring:
                    own = arcs[number] if number >= 0 else arcs[~number][::-1]
                    points += own[1 if points else 0 :]
                found.append(points)
    return found


def is_around(ring: list[Point]) -> bool:
    """Whether it crosses the line of date, as some islands of the south do."""
    xs, ys = zip(*ring, strict=True)
    return min(xs) < -179 and max(xs) > 179 and max(ys) < 0


def cut(ring: list[Point]) -> list[Point]:
    """What of a ring lies within the map (Sutherland and Hodgman)."""
    for axis, bound, is_lower in ((0, WEST, True), (0, EAST, False), (1, SOUTH, True), (1, NORTH, False)):
        kept: list[Point] = []
        for at, point in enumerate(ring):
            before = ring[at - 1]
            inside, was = ((one[axis] >= bound) == is_lower or one[axis] == bound for one in (point, before))
            if inside != was:
                part = (bound - before[axis]) / (point[axis] - before[axis])
                kept.append((before[0] + part * (point[0] - before[0]), before[1] + part * (point[1] - before[1])))
            if inside:
                kept.append(point)
        ring = kept
    return ring


def flat(point: Point) -> Point:
    """Pixels from the upper left corner."""
    return (point[0] - WEST) * SCALE, (NORTH - point[1]) * SCALE


def thinned(points: list[Point]) -> list[Point]:
    """Without the points that nobody would miss (Ramer, Douglas and Peucker)."""
    if len(points) < 3:
        return points
    (x, y), (x2, y2) = points[0], points[-1]
    length = ((x2 - x) ** 2 + (y2 - y) ** 2) ** 0.5

    def off(point: Point) -> float:
        if length < 1e-9:
            return ((point[0] - x) ** 2 + (point[1] - y) ** 2) ** 0.5
        return abs((x2 - x) * (y - point[1]) - (x - point[0]) * (y2 - y)) / length

    farthest = max(range(1, len(points) - 1), key=lambda at: off(points[at]))
    if off(points[farthest]) <= TOLERANCE:
        return [points[0], points[-1]]
    return thinned(points[: farthest + 1])[:-1] + thinned(points[farthest:])


def area(ring: list[Point]) -> float:
    """In square pixels; negative where the ring runs the other way."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


def written(ring: list[Point]) -> str:
    """Whole pixels, each step from the point before."""
    whole = [(round(x), round(y)) for x, y in ring]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(whole)]
    return f"M{whole[0][0]},{whole[0][1]}l" + " ".join(f"{dx},{dy}" for dx, dy in steps if (dx, dy) != (0, 0)) + "Z"


if __name__ == "__main__":
    main()
