"""Routes to the eleven countries as UN/LOCODEs. To what has no sea port a leg leads in transit through a neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from simulator.chance import draw, pick

BY_AIR = 0.08
CARRIERS = {
    "sea": ("demo-ocean-line", "demo-pacific-shipping"),
    "rail": ("demo-rail-cargo",),
    "road": ("demo-overland", "demo-highland-trucks"),
    "air": ("demo-air-cargo",),
}
PAPERS = {"sea": "BL", "rail": "CIM", "road": "CMR", "air": "AWB"}
"""Bill of lading, rail and road consignment note, air waybill."""
DAYS = {"sea": (16, 32), "rail": (6, 12), "road": (2, 5), "air": (1, 2)}


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a route."""

    mode: str
    origin: str
    destination: str


def _route(text: str) -> tuple[Leg, ...]:
    """`CNSHA sea MMRGN road MMMDL` → its two legs."""
    parts = text.split()
    ports, modes = parts[::2], parts[1::2]
    return tuple(Leg(mode, *ends) for mode, ends in zip(modes, pairwise(ports), strict=True))


ROUTES = {
    "MM": _route("CNSHA sea MMRGN road MMMDL"),
    "NP": _route("CNSHA sea INCCU road NPKTM road NPPKR"),
    "ET": _route("CNSHA sea DJJIB rail ETADD road ETBJR"),
    "KH": _route("CNSHA sea KHKOS road KHPNH"),
    "LA": _route("CNSHA sea THLCH road LAVTE road LALPQ"),
    "PK": _route("CNSHA sea PKKHI rail PKLHE"),
    "NA": _route("CNSHA sea NAWVB road NAWDH"),
    "UG": _route("CNSHA sea KEMBA road UGKLA road UGULU"),
    "MN": _route("CNTSN rail MNULN road MNCOQ"),
    "PH": _route("CNSHA sea PHMNL sea PHCEB"),
    "ZW": _route("CNSHA sea MZBEW road ZWHRE rail ZWBUQ"),
}
COUNTRIES = tuple(sorted(ROUTES))


def route_of(seed: int, round_id: str, country: str) -> tuple[Leg, ...]:
    """The legs of a round's shipment. The last one is inland, so customs stand before it."""
    usual = ROUTES[country]
    if draw(seed, "by air", round_id) >= BY_AIR:
        return usual
    inland = usual[-1]
    return (Leg("air", "CNPVG", inland.origin), inland)


def carrier_of(seed: int, round_id: str, number: int, leg: Leg) -> str:
    """Who carries a leg, the `number`-th of its route."""
    return pick(CARRIERS[leg.mode], seed, "carrier", round_id, number)
