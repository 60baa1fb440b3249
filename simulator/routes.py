"""Ways to the eleven countries as UN/LOCODEs. To what has no sea port a leg leads in transit through a neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from simulator.chance import draw, pick

BY_AIR = 0.08
CARRIERS = {
    "sea": ("Demo Ocean Line", "Demo Pacific Shipping"),
    "rail": ("Demo Rail Cargo",),
    "road": ("Demo Overland", "Demo Highland Trucks"),
    "air": ("Demo Air Cargo",),
}
PAPERS = {"sea": "BL", "rail": "CIM", "road": "CMR", "air": "AWB"}
"""Bill of lading, rail and road consignment note, air waybill."""
DAYS = {"sea": (16, 32), "rail": (6, 12), "road": (2, 5), "air": (1, 2)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """One leg of a way."""

    mode: str
    origin: str
    destination: str


def _way(told: str) -> tuple[Stretch, ...]:
    """`CNSHA sea MMRGN road MMMDL` → its two legs."""
    words = told.split()
    places, modes = words[::2], words[1::2]
    return tuple(Stretch(mode, *ends) for mode, ends in zip(modes, pairwise(places), strict=True))


WAYS = {
    "MM": _way("CNSHA sea MMRGN road MMMDL"),
    "NP": _way("CNSHA sea INCCU road NPKTM road NPPKR"),
    "ET": _way("CNSHA sea DJJIB rail ETADD road ETBJR"),
    "KH": _way("CNSHA sea KHKOS road KHPNH"),
    "LA": _way("CNSHA sea THLCH road LAVTE road LALPQ"),
    "PK": _way("CNSHA sea PKKHI rail PKLHE"),
    "NA": _way("CNSHA sea NAWVB road NAWDH"),
    "UG": _way("CNSHA sea KEMBA road UGKLA road UGULU"),
    "MN": _way("CNTSN rail MNULN road MNCOQ"),
    "PH": _way("CNSHA sea PHMNL sea PHCEB"),
    "ZW": _way("CNSHA sea MZBEW road ZWHRE rail ZWBUQ"),
}
COUNTRIES = tuple(sorted(WAYS))


def way_of(seed: int, round_id: str, country: str) -> tuple[Stretch, ...]:
    """The legs of a round's shipment. The last one is inland, so customs stand before it."""
    usual = WAYS[country]
    if draw(seed, "by air", round_id) >= BY_AIR:
        return usual
    inland = usual[-1]
    return (Stretch("air", "CNPVG", inland.origin), inland)


def carrier_of(seed: int, round_id: str, leg: int, stretch: Stretch) -> str:
    """Who carries a leg."""
    return pick(CARRIERS[stretch.mode], seed, "carrier", round_id, leg)
