"""Reports of carriers and schools that come before their turn: how a round comes so far, and how it is mended.

A programme of its own, so that the other kinds' fund stays as it was. Its round is bought, packed, booked and paid by
whoever was ordered; what left the fund for it is told to the ground once it is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pandapack.cli.drills.ground import Ground
from pandapack.contracts.procurement import Category
from tests.unit.procurement.programme import SMALL

Json = dict[str, Any]
PROGRAMME, COUNTRY, PARCELS = "parked-parcel", "KH", 4
OFFICE, WAREHOUSE, CARRIER, SCHOOL = "demo-office", "demo-warehouse", "demo-overland", "KH-parked-1"
CONTENT = {
    **SMALL,
    "policy": {**SMALL["policy"], "round_code": "PARK"},
    "catalogue": [{**offer, "supplier": OFFICE} for offer in SMALL["catalogue"]],
    "suppliers": [{"id": OFFICE, "name": "Demo Office"}],
}
"""One supplier sells all goods and renders all services."""
NEED = {
    "need": "need-parked",
    "programme": PROGRAMME,
    "country": COUNTRY,
    "specification": "small",
    "schools": [{"school": SCHOOL, "district": "Kandal", "pupils": PARCELS, "parcels": PARCELS}],
}
LEG = {"mode": "road", "carrier": CARRIER, "document": "CMR-PARK", "origin": "CNKMG", "destination": "KHPNH"}
PARTIES = (
    ("procurement", OFFICE, "supplier"),
    ("procurement", WAREHOUSE, "warehouse"),
    ("logistics", OFFICE, "supplier"),
    ("logistics", CARRIER, "carrier"),
    ("logistics", SCHOOL, "school"),
)
GAUGE = "panda_parked_reports"
ORDERED = 6
"""Orders of the round: of all goods, and of each service."""


@dataclass
class Trip:
    """A round of which parcels are to go to one school. `keys`: (service, party) → its key. `at`: RFC 3339."""

    ground: Ground
    round: str = ""
    at: str = ""
    keys: dict[tuple[str, str], str] = field(default_factory=dict)

    def register(self) -> None:
        """Everybody who takes part has a key of its own."""
        for service, party, kind in PARTIES:
            body: Json = {"party": party, "kind": kind, "name": party}
            schools = {"schools": [SCHOOL]} if kind == "school" else {}
            self.ground.ask(service, "operator", "POST", "/v1/parties", body=body | schools)
            made = self.ground.ask(service, "operator", "POST", f"/v1/parties/{party}/keys", body={"name": "a drill"})
            self.keys[service, party] = made["key"]

    def ask(self, service: str, party: str, method: str, path: str, body: Json | None = None) -> Json:
        """What a service answers to a party."""
        return self.ground.ask(service, self.keys[service, party], method, f"/v1{path}", body=body)

    def staff(self, service: str, path: str) -> Json:
        """What staff see; empty while there is nothing."""
        return self.ground.look(service, "auditor", f"/v1{path}") or {}

    def orders(self, status: str = "") -> list[Json]:
        shown = self.staff(
            "procurement", f"/orders?round={self.round}&limit=100" + (f"&status={status}" if status else "")
        )
        return list(shown.get("items", ()))

    def report(self, path: str, **body: Any) -> Json:
        """The carrier's or the school's report, to logistics; its time is the trip's."""
        party = CARRIER if path.startswith("/shipments") else SCHOOL
        return self.ask("logistics", party, "POST", path, {**body, "at": self.at})


def fund(trip: Trip) -> None:
    """The buyer publishes a programme and opens a need, and one gift pays for its round."""
    ground = trip.ground
    ground.ask("procurement", "buyer", "PUT", f"/v1/programmes/{PROGRAMME}", body=CONTENT)
    ground.until(
        lambda: PROGRAMME in [one["programme"] for one in _programmes(ground)], "donations lists the second programme"
    )
    ground.ask("procurement", "buyer", "POST", "/v1/needs", body=NEED)
    ground.until(lambda: _next_round(trip), "the fund knows the need")
    (row,) = ground.give(1)
    reserved_fen = _next_round(trip)["reserved_fen"]
    ground.fen += reserved_fen - row["amount_fen"]
    ground.push([row | {"programme": PROGRAMME, "amount_fen": reserved_fen}])
    ground.until(lambda: _rounds(trip), "the round is funded")
    trip.round = _rounds(trip)[0]["round"]


def _programmes(ground: Ground) -> list[Json]:
    shown: list[Json] = ground.ask("donations", "platform", "GET", "/v1/programmes")["items"]
    return shown


def _next_round(trip: Trip) -> Json:
    return trip.staff("procurement", f"/funds/{PROGRAMME}").get("next_round") or {}


def _rounds(trip: Trip) -> list[Json]:
    return list(trip.staff("procurement", f"/rounds?programme={PROGRAMME}").get("items", ()))


def buy_and_pack(trip: Trip) -> None:
    """The office confirms and invoices, the warehouse receives and packs."""
    trip.ground.until(lambda: len(trip.orders("placed")) == ORDERED, "all orders are placed")
    for order in trip.orders():
        path = f"/orders/{order['order']}"
        invoice = {"invoice": f"INV-{order['order']}", "amount_fen": order["amount_fen"]}
        if order["category"] == Category.GOODS:
            trip.ask("procurement", OFFICE, "POST", f"{path}/confirmation", {"prices": {}})
            lines = [
                {"item": line["item"], "counted": line["outstanding"], "rejected": 0, "lot": "L-1"}
                for line in order["lines"]
            ]
            trip.ask("procurement", WAREHOUSE, "POST", f"{path}/receipts", {"receipt": "GRN-1", "lines": lines})
        if order["category"] not in (Category.FREIGHT, Category.INSURANCE, Category.DUTY):
            trip.ask("procurement", OFFICE, "POST", f"{path}/invoices", invoice)
    shown = f"/rounds/{trip.round}"
    trip.ground.until(lambda: trip.staff("procurement", shown).get("packable") == PARCELS, "all parcels can be packed")
    trip.ask("procurement", WAREHOUSE, "POST", f"{shown}/kitting", {"lot": "LOT-1", "parcels": PARCELS})
    trip.ground.until(lambda: _consignment(trip).get("stored") == PARCELS, "logistics has the parcels")
    trip.at = datetime.now(UTC).isoformat()


def ship(trip: Trip) -> None:
    """The office books the shipment, and says what its services cost."""
    costs = {order["category"]: order["amount_fen"] for order in trip.orders()}
    shipment = f"SH-{trip.round}"
    booking = {"shipment": shipment, "round": trip.round, "legs": [LEG]}
    trip.ask("logistics", OFFICE, "POST", "/shipments", booking)
    for category in ("freight", "insurance"):
        cost = {"category": category, "fen": costs[category], "document": f"{category}-1"}
        trip.ask("logistics", OFFICE, "POST", f"/consignments/{trip.round}/costs", cost)
    released = {"duty_fen": costs["duty"], "document": "CD-1", "at": trip.at}
    trip.ask("logistics", OFFICE, "POST", f"/shipments/{shipment}/customs-releases", released)


def report_too_early(ground: Ground) -> Trip:
    """The carrier reports an arrival before its departure, and the school a handout before its delivery."""
    trip = Trip(ground)
    trip.register()
    fund(trip)
    buy_and_pack(trip)
    ship(trip)
    arrival = trip.report(f"/shipments/SH-{trip.round}/arrivals", leg=1)
    handout = {"handout": "HO-1", "school": SCHOOL, "parcels": PARCELS, "girls": PARCELS, "boys": 0}
    handed_out = trip.report(f"/consignments/{trip.round}/handouts", **handout)
    assert arrival["parked"] and handed_out["parked"]
    return trip


def _consignment(trip: Trip) -> Json:
    return trip.staff("logistics", f"/consignments/{trip.round}")


def _is_due(trip: Trip, step: str, *waiting: str) -> bool:
    """Whether the journey names this step as the next, and these kinds of reports as what waits."""
    told = trip.ground.panda("journey", "consignment", trip.round)
    return [one["kind"] for one in told["parked"] or ()] == [*waiting] and (told["next"] or {}).get("step") == step


def _needs_person(trip: Trip) -> bool:
    """Whether the operations page's list has the shipment and the consignment."""
    items = (trip.ground.look("reporting", "operator", "/v1/needs") or {"items": []})["items"]
    return {f"parked/{trip.round}", f"parked/SH-{trip.round}"} <= {one["id"] for one in items}


def shows_parked(ground: Ground, trip: Trip) -> bool:
    """Logistics counts both reports that wait, `/ops` lists them, and the journey says whose turn it is."""
    is_counted = counted(ground, "logistics", GAUGE) == 2
    return is_counted and _is_due(trip, "leg_departed", "handout", "arrival") and _needs_person(trip)


def counted(ground: Ground, service: str, gauge: str) -> float | None:
    """What a gauge of a service says; None while it does not answer."""
    lines = ground.metrics(service).splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{gauge} ")), None)


def report_what_is_due(ground: Ground, trip: Trip) -> None:
    """The carrier reports its departure, and once the journey asks for it, the school its delivery. Nothing waits then.

    That ends the round: what it spent has left the fund.
    """
    shipment = f"/shipments/SH-{trip.round}"
    trip.report(f"{shipment}/departures", leg=1)
    moved = trip.staff("logistics", shipment)
    assert (moved["parked"], moved["status"]) == ([], "arrived"), "applied in the same moment"
    ground.until(lambda: _is_due(trip, "parcels_delivered", "handout"), "the journey asks for the delivery")
    offices = {"gave": "carrier's depot", "received": "school office", "document": "0" * 64}
    proof = {"delivery": "POD-1", "school": SCHOOL, "accepted": list(range(1, PARCELS + 1)), **offices}
    assert not trip.report(f"/consignments/{trip.round}/deliveries", **proof)["parked"]
    done = _consignment(trip)
    assert (done["parked"], done["turned_down"], done["closed"]) == ([], [], True)
    ground.until(lambda: counted(ground, "logistics", GAUGE) == 0, "no report waits any more, as the metrics have it")
    ended = f"/rounds/{trip.round}"
    ground.until(lambda: trip.staff("procurement", ended).get("status") == "closed", "the round is over")
    ground.spent_fen += trip.staff("procurement", ended)["spent_fen"]
