"""What can be claimed once is claimed by a write, and no stranger's word begins a document."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from pandapack.contracts.logistics import CostIncurred
from pandapack.runtime.store import Store
from tests.service.logistics.depot import AT, BOOKING, LEGS, PARTNER, SEA, booked, departed, proof, stocked
from tests.unit.logistics.reports_of import BROKER, FORWARDER, INSURER, ROUND, SCHOOLS, SHIPMENT

AT_ONCE = 20
SCHOOL = f"school@{PARTNER}"
HANDOUT = {"handout": "H-1", "school": SCHOOLS[0].school, "parcels": 1, "girls": 1, "boys": 0, "at": AT}
FREIGHT = {"category": "freight", "fen": 1_000, "document": "F-1"}
LOSS = {"report": "W-1", "ordinals": [1], "now": "lost", "reason": "theft", "at": AT}


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def count(store: Store[Any]) -> int:
    return len(await store.find({}))


async def test_of_twenty_bookings_of_a_round_one_wins() -> None:
    depot = await stocked()
    legs = [[{**LEGS[0], "document": f"BL-{number}"}, LEGS[1]] for number in range(AT_ONCE)]
    answers = await asyncio.gather(
        *(depot.send(f"supplier@{FORWARDER}", "POST", "/shipments", {**BOOKING, "legs": own}) for own in legs)
    )
    assert sorted(map(told, answers)) == [(201, ""), *[(409, "shipment_known")] * (AT_ONCE - 1)]
    assert await count(depot.stores.shipments) == 1


async def test_a_round_has_one_shipment_under_its_own_name() -> None:
    depot = await booked()
    for name in ("SH-R-000008", f"{SHIPMENT}-2", "S-1"):
        answer = await depot.send(f"supplier@{FORWARDER}", "POST", "/shipments", {**BOOKING, "shipment": name})
        assert told(answer) == (422, "shipment_misnamed")
    assert await count(depot.stores.shipments) == 1


@pytest.mark.parametrize("who", [f"supplier@{FORWARDER}", "operator"])
async def test_a_shipment_of_a_round_that_does_not_exist_is_booked_by_nobody(who: str) -> None:
    depot = await stocked()
    ahead = {**BOOKING, "shipment": "SH-R-000008", "round": "R-000008"}
    assert told(await depot.send(who, "POST", "/shipments", ahead)) == (404, "round_unknown")
    for path, body in (
        ("departures", {"leg": 1, "at": AT}),
        ("arrivals", {"leg": 1, "at": AT}),
        ("customs-holds", {"reason": "papers", "at": AT}),
        ("customs-releases", {"duty_fen": 1, "document": "D-1", "at": AT}),
    ):
        carrier = who if who == "operator" or path.startswith("customs") else f"carrier@{SEA}"
        assert told(await depot.send(carrier, "POST", f"/shipments/SH-R-000008/{path}", body))[0] == 404
    assert await count(depot.stores.shipments) == 0


@pytest.mark.parametrize(
    ("who", "path", "body"),
    [
        (SCHOOL, "deliveries", proof()),
        (SCHOOL, "handouts", HANDOUT),
        (f"supplier@{FORWARDER}", "costs", {**FREIGHT, "fen": 10**12}),
        ("operator", "costs", FREIGHT),
        ("operator", "deliveries", proof()),
        ("operator", "handouts", HANDOUT),
        ("operator", "write-offs", LOSS),
    ],
)
async def test_reports_of_rounds_that_do_not_exist_begin_no_consignment(who: str, path: str, body: Any) -> None:
    depot = await stocked()
    for number in range(200):
        answer = await depot.send(who, "POST", f"/consignments/GHOST-{number}/{path}", body)
        assert told(answer) == (404, "round_unknown")
    assert await count(depot.stores.consignments) == 1


async def test_of_twenty_customs_releases_one_is_paid() -> None:
    depot = await departed()
    answers = await asyncio.gather(
        *(
            depot.send(
                f"supplier@{BROKER}",
                "POST",
                f"/shipments/{SHIPMENT}/customs-releases",
                {"duty_fen": 100 + number, "document": f"D-{number}", "at": AT},
            )
            for number in range(AT_ONCE)
        )
    )
    assert sorted(map(told, answers)) == [(200, ""), *[(409, "released_already")] * (AT_ONCE - 1)]
    costs = [event for event in await depot.come_to_rest() if isinstance(event, CostIncurred)]
    won = next(number for number, answer in enumerate(answers) if answer.is_success)
    assert [(one.fen, one.document) for one in costs] == [(100 + won, f"D-{won}")]


async def test_a_cost_above_its_order_is_refused_and_the_right_one_is_taken() -> None:
    depot = await stocked()
    path, insurance = f"/consignments/{ROUND}/costs", {**FREIGHT, "category": "insurance"}
    answer = await depot.send(f"supplier@{INSURER}", "POST", path, {**insurance, "fen": 10**12})
    assert told(answer) == (422, "cost_above_ordered")
    await depot.post(f"supplier@{INSURER}", path, insurance)
