"""A round's journey: what its carriers report, with the times of the reports, in the order in which they report it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pandapack.contracts.logistics import HOLD_REASONS
from simulator.chance import draw, draw_int, pick
from simulator.routes import DAYS, PAPERS, carrier_of, route_of

PACKING_DAYS = (10, 20)
WAITING_DAYS = (1, 4)
HOLD_SHARE = 0.35
HOLD_DAYS = (2, 9)
CLEARANCE_DAYS = 1
LATE_PAPERS_SHARE = 0.2
DELIVERY_DAYS = (1, 6)
HANDOUT_DAYS = (1, 10)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a carrier posts: `path` below the shipment (or "" for its booking), and when it happened."""

    path: str
    body: Json
    at: datetime

    @property
    def key(self) -> str:
        """What it is about, within its shipment."""
        return f"{self.path or 'booking'}-{self.body.get('leg', '')}"


@dataclass(frozen=True, slots=True)
class Journey:
    """All reports of a shipment. `arrived_at` is when its last leg ends; `carriers` has each leg's."""

    shipment: str
    carriers: tuple[str, ...]
    reports: tuple[Report, ...]
    arrived_at: datetime


def shipment_of(round_id: str) -> str:
    """The shipment of a round."""
    return f"SH-{round_id}"


def journey_of(seed: int, funded_at: datetime, round_id: str, country: str, duty_fen: int) -> Journey:
    """How a round travels that was funded then. Customs stand before the last leg."""
    route, shipment = route_of(seed, round_id, country), shipment_of(round_id)
    at = funded_at + _days(PACKING_DAYS, seed, "packing", round_id)
    legs = [
        {
            "mode": leg.mode,
            "carrier": carrier_of(seed, round_id, number, leg),
            "document": f"{PAPERS[leg.mode]}-{shipment}-{number}",
            "origin": leg.origin,
            "destination": leg.destination,
        }
        for number, leg in enumerate(route, 1)
    ]
    reports = [Report("", {"shipment": shipment, "round": round_id, "legs": legs}, at)]
    for number, leg in enumerate(route, 1):
        if number == len(route):
            reports += (cleared := _customs(seed, shipment, at, duty_fen))
            at = cleared[-1].at
        at += _days(WAITING_DAYS, seed, "waiting", shipment, number)
        departure = _report("departures", at, leg=number)
        at += _days(DAYS[leg.mode], seed, "travelling", shipment, number)
        arrival = _report("arrivals", at, leg=number)
        late = draw(seed, "late papers", shipment, number) < LATE_PAPERS_SHARE
        reports += (arrival, departure) if late else (departure, arrival)
    return Journey(shipment, tuple(str(leg["carrier"]) for leg in legs), tuple(reports), at)


def delivered_at(seed: int, arrived_at: datetime, proof: str) -> datetime:
    """When a school took parcels over."""
    return arrived_at + _days(DELIVERY_DAYS, seed, "delivered", proof)


def handed_out_at(seed: int, delivered_at: datetime, handout: str) -> datetime:
    """When a school gave parcels to pupils."""
    return delivered_at + _days(HANDOUT_DAYS, seed, "handed out", handout)


def _customs(seed: int, shipment: str, at: datetime, duty_fen: int) -> list[Report]:
    at += timedelta(days=CLEARANCE_DAYS)
    reports = []
    if draw(seed, "held", shipment) < HOLD_SHARE:
        reports.append(_report("customs-holds", at, reason=pick(HOLD_REASONS, seed, "hold reason", shipment)))
        at += _days(HOLD_DAYS, seed, "held for", shipment)
    release = _report("customs-releases", at, duty_fen=duty_fen, document=f"CD-{shipment}")
    return [*reports, release]


def _report(path: str, at: datetime, **body: str | int) -> Report:
    return Report(path, {**body, "at": at.isoformat()}, at)


def _days(bounds: tuple[int, int], seed: int, *about: str | int) -> timedelta:
    return timedelta(days=draw_int(*bounds, seed, *about), minutes=draw_int(0, 1439, seed, "minute", *about))
