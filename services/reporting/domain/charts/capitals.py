"""Where each country's mark stands on the map: its capital. What pages need of it without the library that draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.reporting.domain.charts.colours import WIDTH

WEST, EAST, SOUTH, NORTH = 8.0, 146.0, -36.0, 53.0
"""Degrees: from Namibia to the Philippines, from Mongolia to the Cape. Laid flat: a degree is as long everywhere."""
SCALE = WIDTH / (EAST - WEST)
HEIGHT = round((NORTH - SOUTH) * SCALE)


@dataclass(frozen=True, slots=True)
class Place:
    """A capital, in degrees; `align`: on which side its name begins; the name is `dx`, `dy` pixels from the dot."""

    longitude: float
    latitude: float
    align: str = "left"
    dx: float = 9
    dy: float = 0

    @property
    def x(self) -> float:
        return (self.longitude - WEST) * SCALE

    @property
    def y(self) -> float:
        return (NORTH - self.latitude) * SCALE


SOURCE = Place(121.5, 31.2)
"""Shanghai, from where ships leave."""
PLACES: Mapping[str, Place] = {
    "ET": Place(38.7, 9.0, "right", -9),
    "KE": Place(36.8, -1.3),
    "KH": Place(104.9, 11.6, "right", -8, 9),
    "LA": Place(102.6, 18.0, dx=10, dy=-3),
    "LK": Place(79.9, 6.9, dy=4),
    "MM": Place(96.1, 19.8, "right", -8, 9),
    "MN": Place(106.9, 47.9),
    "MW": Place(33.8, -13.9),
    "NA": Place(17.1, -22.6, dx=0, dy=16),
    "NP": Place(85.3, 27.7, "right", -9, 8),
    "PH": Place(121.0, 14.6, "right", 76, 16),
    "PK": Place(73.1, 33.7, "right", -9, -4),
    "SS": Place(31.6, 4.9, "right", -9, 0),
    "TZ": Place(35.7, -6.2),
    "UG": Place(32.6, 0.3, "right", -9, 4),
    "ZW": Place(31.0, -17.8, dx=4, dy=14),
}
"""Country (ISO 3166-1) → its capital. One that is not here is in the table, and in no picture."""
