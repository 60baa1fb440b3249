"""What the trade waits for: held invoices, orders that nobody takes, customs, proofs, parked reports, idle money.

Times are business time. Terms are what each trade takes at its slowest: whoever is told earlier learns to look away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.reporting.domain.needs.matters import Costs, Kind, Matter
from services.reporting.domain.needs.stops import moment

Json = Mapping[str, Any]
ORDER_DAYS_MAX = 7
"""A supplier confirms or declines an order within a week: its price is one of a catalogue that it gave itself."""
CUSTOMS_DAYS_MAX = 5
"""Customs clear school goods within a working week; from then on the warehouse charges for each day."""
PROOF_DAYS_MAX = 30
"""From the last port to the last school, and its signed sheet, it takes weeks of bad roads, and no month."""
MONEY_DAYS_MAX = 30
"""Money that no round takes for a month waits for a need, or for a price that fits: nobody else will find out."""
CONFLICT_DAYS_SHOWN = 7
"""A conflict stays in the books for good: it needs a person while the platform can still say what it meant."""


def held_invoices(orders: Iterable[Json], since: Mapping[str, datetime]) -> list[Matter]:
    """Orders with an invoice that a treasurer decides on. `since`: order → when the invoice was held."""
    return [
        Matter(
            Kind.INVOICE_HELD,
            f"invoice/{one['order']}/{one['held']['invoice']}",
            "procurement",
            {
                "order": one["order"],
                "invoice": one["held"]["invoice"],
                "amount_fen": int(one["held"]["amount_fen"]),
                "why": one["held"]["reason"],
            },
            since=since.get(one["order"]),
            costs=Costs(fen=int(one["held"]["amount_fen"])),
            reason=one["held"]["reason"],
        )
        for one in orders
        if one.get("held")
    ]


def untaken_orders(orders: Iterable[Json], since: Mapping[str, datetime], now: datetime) -> list[Matter]:
    """Orders that were placed, and confirmed by nobody for `ORDER_DAYS_MAX`. `since`: order → when it was placed."""
    latest = now - timedelta(days=ORDER_DAYS_MAX)
    return [
        Matter(
            Kind.ORDER_UNTAKEN,
            f"order/{one['order']}",
            "procurement",
            {"order": one["order"], "supplier": one["supplier"], "round": one["round"]},
            since=since[one["order"]],
            costs=Costs(fen=int(one["amount_fen_max"])),
        )
        for one in orders
        if one["order"] in since and since[one["order"]] <= latest
    ]


def long_in_customs(shipments: Iterable[Json], rounds: Mapping[str, Json], now: datetime) -> list[Matter]:
    """Shipments that customs have held for `CUSTOMS_DAYS_MAX`. `rounds`: the open rounds by name."""
    found = list[Matter]()
    for one in shipments:
        held = [moment(stop["held_at"]) for stop in one["customs"] if stop["released_at"] is None]
        since = min((at for at in held if at is not None), default=None)
        if since is None or since > now - timedelta(days=CUSTOMS_DAYS_MAX):
            continue
        values = {"shipment": one["shipment"], "country": one["country"], "days": (now - since).days}
        costs = _costs_of(rounds.get(one["round"]))
        found.append(
            Matter(Kind.CUSTOMS_LONG, f"customs/{one['shipment']}", "logistics", values, since=since, costs=costs)
        )
    return found


def overdue_proofs(consignments: Iterable[Json], rounds: Mapping[str, Json], now: datetime) -> list[Matter]:
    """Consignments that arrived `PROOF_DAYS_MAX` ago, and of which schools have not accounted for every parcel."""
    found = list[Matter]()
    for one in consignments:
        since = moment(one["arrived_at"])
        missing = one["round_parcels"] - sum(school["handed_out"] + school["rejected"] for school in one["schools"])
        if since is None or one["closed"] or missing <= 0 or since > now - timedelta(days=PROOF_DAYS_MAX):
            continue
        values = {"round": one["round"], "country": one["country"], "parcels": missing, "days": (now - since).days}
        costs = Costs(_fen_of(rounds.get(one["round"])), parcels=missing, pupils=missing)
        found.append(Matter(Kind.PROOF_OVERDUE, f"proof/{one['round']}", "logistics", values, since=since, costs=costs))
    return found


def parked_reports(consignments: Iterable[Json]) -> list[Matter]:
    """Deliveries and handouts that came before what they are about."""
    return [
        Matter(
            Kind.REPORTS_PARKED,
            f"parked/{one['round']}",
            "logistics",
            {"round": one["round"], "reports": len(one["parked"]), "school": str(one["parked"][0]["school"])},
        )
        for one in consignments
        if one["parked"]
    ]


def parked_movements(shipments: Iterable[Json]) -> list[Matter]:
    """Departures and arrivals that carriers reported before their turn."""
    return [
        Matter(
            Kind.MOVEMENTS_PARKED,
            f"parked/{one['shipment']}",
            "logistics",
            {"shipment": one["shipment"], "reports": len(one["parked"]), "leg": str(one["parked"][0]["leg"])},
            command=f"panda journey shipment {one['shipment']}",
        )
        for one in shipments
        if one["parked"]
    ]


def reversal_matters(state: str, reversals: Iterable[Json], now: datetime) -> list[Matter]:
    """Reversals in one state, as one matter: parked ones, and conflicts of the last `CONFLICT_DAYS_SHOWN`."""
    kind = Kind.REVERSALS_PARKED if state == "parked" else Kind.REVERSAL_CONFLICTS
    oldest = None if state == "parked" else now - timedelta(days=CONFLICT_DAYS_SHOWN)
    times, fen = list[datetime](), 0
    for one in reversals:
        at = moment(one["at"])
        if at is not None and (oldest is None or at >= oldest):
            times.append(at)
            fen += int(one["amount_fen"])
    if not times:
        return []
    values = {"reversals": len(times), "amount_fen": fen}
    return [Matter(kind, f"reversals/{state}", "donations", values, since=min(times), costs=Costs(fen=fen))]


def impossible_headcounts(rounds: Iterable[Json]) -> list[Matter]:
    """Rounds in work of which schools told more pupils than are enrolled."""
    return [
        Matter(
            Kind.HEADCOUNT_IMPOSSIBLE,
            f"headcount/{row['round']}",
            "reporting",
            {"round": row["round"], "country": row["country"], "pupils": int(row["pupils_over_reported"])},
            costs=Costs(pupils=int(row["pupils_over_reported"])),
        )
        for row in rounds
        if row["pupils_over_reported"]
    ]


def idle_money(fund: Json, last_funded: datetime | None, now: datetime) -> list[Matter]:
    """A fund that could pay no round for `MONEY_DAYS_MAX`. `last_funded`: when a round of it was funded last."""
    fen = int(fund["unallocated_fen"])
    if fen <= 0 or last_funded is None or last_funded > now - timedelta(days=MONEY_DAYS_MAX):
        return []
    coming = fund["next_round"]
    values = {"programme": fund["programme"], "unallocated_fen": fen, "days": (now - last_funded).days}
    costs = Costs(fen=fen, parcels=None if coming is None else int(coming["parcels"]))
    return [Matter(Kind.MONEY_IDLE, f"idle/{fund['programme']}", "procurement", values, since=last_funded, costs=costs)]


def _costs_of(row: Json | None) -> Costs:
    if row is None:
        return Costs()
    parcels = int(row["parcels_planned"])
    return Costs(_fen_of(row), parcels=parcels, pupils=parcels)


def _fen_of(row: Json | None) -> int | None:
    return None if row is None else int(row["funded_fen"])
