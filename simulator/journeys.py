"""A round's journey: what its carriers report, with the times of the reports, in the order in which they report it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.chance import draw, draw_int, pick
from simulator.routes import DAYS, PAPERS, carrier_of, way_of

PACKING_DAYS = (10, 20)
WAITING_DAYS = (1, 4)
HOLD_SHARE = 0.35
HOLD_DAYS = (2, 9)
CLEARANCE_DAYS = 1
LATE_PAPERS_SHARE = 0.2
BOOKED_LATE_SHARE = 0.1
DELIVERY_DAYS = (1, 6)
HANDOUT_DAYS = (1, 10)
HOLD_REASONS = ("documents are incomplete", "physical inspection", "exemption certificate is awaited")

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
    """All reports of a shipment. `arrived_at` is when its last leg ends."""

    shipment: str
    reports: tuple[Report, ...]
    arrived_at: datetime


def shipment_of(round_id: str) -> str:
    """The shipment of a round."""
    return f"SH-{round_id}"


def journey_of(seed: int, funded_at: datetime, round_id: str, country: str, duty_fen: int) -> Journey:
    """How a round travels that was funded then. Customs stand before the last leg."""
    way, shipment = way_of(seed, round_id, country), shipment_of(round_id)
    at = funded_at + _days(PACKING_DAYS, seed, "packing", round_id)
    legs = [
        {
            "mode": stretch.mode,
            "carrier": carrier_of(seed, round_id, leg, stretch),
            "document": f"{PAPERS[stretch.mode]}-{shipment}-{leg}",
            "origin": stretch.origin,
            "destination": stretch.destination,
        }
        for leg, stretch in enumerate(way, 1)
    ]
    reports = [Report("", {"shipment": shipment, "round": round_id, "legs": legs}, at)]
    for leg, stretch in enumerate(way, 1):
        if leg == len(way):
            reports += (cleared := _customs(seed, shipment, at, duty_fen))
            at = cleared[-1].at
        at += _days(WAITING_DAYS, seed, "waiting", shipment, leg)
        gone = _report("departures", at, leg=leg)
        at += _days(DAYS[stretch.mode], seed, "travelling", shipment, leg)
        come = _report("arrivals", at, leg=leg)
        late = draw(seed, "late papers", shipment, leg) < LATE_PAPERS_SHARE
        reports += (come, gone) if late else (gone, come)
    if draw(seed, "booked late", shipment) < BOOKED_LATE_SHARE:
        reports[0], reports[1] = reports[1], reports[0]  # the first movement is reported before the booking
    return Journey(shipment, tuple(reports), at)


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


def _days(span: tuple[int, int], seed: int, *about: str | int) -> timedelta:
    return timedelta(days=draw_int(*span, seed, *about), minutes=draw_int(0, 1439, seed, "minute", *about))
