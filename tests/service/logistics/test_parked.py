"""What waits for its turn is told while it waits, and no longer."""

from __future__ import annotations

from pandapack.runtime.telemetry import PARKED_REPORTS
from services.logistics.work import tell_parked
from tests.service.logistics.depot import AT, PARTNER, SEA, Depot, booked, proof
from tests.unit.logistics.reports_of import ROUND, SCHOOLS, SHIPMENT

CARRIER, SCHOOL = f"carrier@{SEA}", f"school@{PARTNER}"
HANDOUT = {"handout": "H-1", "school": SCHOOLS[0].school, "parcels": 1, "girls": 1, "boys": 0, "at": AT}


async def told(depot: Depot) -> float:
    await tell_parked(depot.stores)
    return PARKED_REPORTS._value.get()


async def test_reports_of_carriers_and_schools_are_counted_until_their_turn_has_come() -> None:
    depot = await booked()
    assert await told(depot) == 0
    assert (await depot.post(CARRIER, f"/shipments/{SHIPMENT}/arrivals", {"leg": 1, "at": AT}))["parked"]
    assert await told(depot) == 1
    for path, body in (("deliveries", proof()), ("handouts", HANDOUT), ("handouts", {**HANDOUT, "handout": "H-2"})):
        assert (await depot.post(SCHOOL, f"/consignments/{ROUND}/{path}", body))["parked"]
    assert await told(depot) == 4
    await depot.post(CARRIER, f"/shipments/{SHIPMENT}/departures", {"leg": 1, "at": AT})
    assert await told(depot) == 3
    await depot.come_to_rest()
    assert await told(depot) == 0
