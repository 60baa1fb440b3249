"""Party by party: each acts on its own legs, deliveries and costs, and learns of others' what it would of nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.logistics import CostIncurred
from tests.service.logistics.depot import (
    AT,
    BOOKING,
    LEGS,
    OTHER_CARRIER,
    OTHER_PARTNER,
    PARTNER,
    ROAD,
    SEA,
    Depot,
    booked,
    departed,
    loss,
    proof,
    stocked,
)
from tests.unit.logistics.reports_of import BROKER, FORWARDER, INSURER, ROUND, SCHOOLS, SHIPMENT, WAREHOUSE

FIRST, SECOND = (share.school for share in SCHOOLS)
MOVEMENT = {"leg": 1, "at": AT}
HOLD = {"reason": "papers", "at": AT}
RELEASE = {"duty_fen": 900, "document": "D-1", "at": AT}
FREIGHT = {"category": "freight", "fen": 1_000, "document": "F-1"}
HANDOUT = {"handout": "H-1", "school": FIRST, "parcels": 1, "girls": 1, "boys": 0, "at": AT}
CONSIGNMENT, SHIPPED = f"/consignments/{ROUND}", f"/shipments/{SHIPMENT}"

ROLES_REFUSED = [
    ("carrier", "POST", f"{CONSIGNMENT}/deliveries", proof()),
    ("carrier", "POST", f"{CONSIGNMENT}/handouts", HANDOUT),
    ("warehouse", "POST", f"{CONSIGNMENT}/deliveries", proof()),
    ("supplier", "POST", f"{CONSIGNMENT}/write-offs", loss("W-1", 1)),
    ("school", "POST", f"{CONSIGNMENT}/write-offs", loss("W-1", 1)),
    ("school", "POST", f"{CONSIGNMENT}/costs", FREIGHT),
    ("warehouse", "POST", f"{CONSIGNMENT}/costs", FREIGHT),
    ("warehouse", "POST", "/shipments", BOOKING),
    ("school", "POST", "/shipments", BOOKING),
    ("supplier", "POST", f"{SHIPPED}/departures", MOVEMENT),
    ("school", "POST", f"{SHIPPED}/arrivals", MOVEMENT),
    ("warehouse", "POST", f"{SHIPPED}/customs-releases", RELEASE),
    ("school", "GET", "/shipments", None),
    ("warehouse", "GET", SHIPPED, None),
    ("buyer", "POST", f"{CONSIGNMENT}/deliveries", proof()),
    ("treasurer", "POST", "/shipments", BOOKING),
    ("auditor", "POST", f"{SHIPPED}/departures", MOVEMENT),
    ("platform", "GET", "/consignments", None),
    ("school", "GET", "/parties", None),
    ("buyer", "POST", "/parties", None),
]


@pytest.mark.parametrize(("role", "method", "path", "body"), ROLES_REFUSED)
async def test_each_trade_does_only_its_own(role: str, method: str, path: str, body: Any) -> None:
    answer = await Depot().send(f"{role}@{PARTNER}", method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")


@pytest.mark.parametrize("role", ["supplier", "warehouse", "carrier", "school"])
async def test_a_key_of_a_partys_role_without_a_party_does_nothing_and_is_told_why(role: str) -> None:
    answer = await (await departed()).send(role, "GET", "/consignments")
    assert (answer.status_code, answer.json()["code"]) == (403, "party_missing")


STRANGERS = [
    (f"carrier@{OTHER_CARRIER}", "GET", "/shipments/{}", SHIPMENT, None),
    (f"carrier@{OTHER_CARRIER}", "POST", "/shipments/{}/departures", SHIPMENT, MOVEMENT),
    (f"carrier@{OTHER_CARRIER}", "POST", "/shipments/{}/arrivals", SHIPMENT, MOVEMENT),
    (f"carrier@{OTHER_CARRIER}", "POST", "/shipments/{}/customs-holds", SHIPMENT, HOLD),
    (f"carrier@{OTHER_CARRIER}", "POST", "/shipments/{}/customs-releases", SHIPMENT, RELEASE),
    (f"supplier@{INSURER}", "GET", "/shipments/{}", SHIPMENT, None),
    ("supplier@nobody", "POST", "/shipments/{}/customs-releases", SHIPMENT, RELEASE),
    (f"carrier@{OTHER_CARRIER}", "GET", "/consignments/{}", ROUND, None),
    (f"carrier@{OTHER_CARRIER}", "POST", "/consignments/{}/costs", ROUND, FREIGHT),
    (f"carrier@{OTHER_CARRIER}", "POST", "/consignments/{}/write-offs", ROUND, loss("W-1", 1)),
    ("warehouse@other-warehouse", "GET", "/consignments/{}", ROUND, None),
    ("warehouse@other-warehouse", "POST", "/consignments/{}/write-offs", ROUND, loss("W-1", 1)),
    (f"school@{OTHER_PARTNER}", "GET", "/consignments/{}", ROUND, None),
    ("school@nobody", "GET", "/consignments/{}", ROUND, None),
    (f"school@{OTHER_PARTNER}", "POST", "/consignments/{}/deliveries", ROUND, proof()),
    (f"school@{OTHER_PARTNER}", "POST", "/consignments/{}/handouts", ROUND, HANDOUT),
]


@pytest.mark.parametrize(("who", "method", "path", "thing", "body"), STRANGERS)
async def test_of_anothers_a_party_learns_what_it_would_learn_of_nothing(
    who: str, method: str, path: str, thing: str, body: Any
) -> None:
    depot, nothing = await departed(), thing.replace("000007", "999999")
    tried = await depot.send(who, method, path.format(thing), body)
    missing = await depot.send(who, method, path.format(nothing), body)
    assert tried.status_code == missing.status_code == 404
    assert tried.text.replace(thing, nothing) == missing.text


async def test_a_stranger_books_no_round_and_learns_nothing_of_it() -> None:
    depot = await stocked()
    for who in (f"carrier@{OTHER_CARRIER}", "supplier@nobody"):
        tried = await depot.send(who, "POST", "/shipments", BOOKING)
        missing = await depot.send(who, "POST", "/shipments", {**BOOKING, "round": "R-999999"})
        assert tried.status_code == missing.status_code == 404
        assert tried.text.replace(ROUND, "R-999999") == missing.text


async def test_a_school_that_is_not_ones_own_is_as_good_as_none() -> None:
    depot = await departed()
    tried = await depot.send(f"school@{PARTNER}", "POST", f"{CONSIGNMENT}/deliveries", proof(school="NP-S01"))
    missing = await depot.send(f"school@{PARTNER}", "POST", f"{CONSIGNMENT}/deliveries", proof(school="XX-S99"))
    assert (tried.status_code, tried.json()["code"]) == (missing.status_code, missing.json()["code"])
    assert (missing.status_code, missing.json()["code"]) == (404, "school_unknown")
    assert tried.text.replace("NP-S01", "XX-S99") == missing.text


PARTNERS_REFUSED = [
    (f"carrier@{ROAD}", f"{SHIPPED}/arrivals", MOVEMENT, "leg_of_another"),
    (f"carrier@{SEA}", f"{SHIPPED}/customs-releases", RELEASE, "not_ordered"),
    (f"supplier@{FORWARDER}", f"{SHIPPED}/customs-releases", RELEASE, "not_ordered"),
    (f"supplier@{INSURER}", f"{CONSIGNMENT}/costs", FREIGHT, "not_ordered"),
    (f"carrier@{SEA}", f"{CONSIGNMENT}/costs", FREIGHT, "not_ordered"),
    (f"supplier@{INSURER}", "/shipments", {**BOOKING, "shipment": "S-8"}, "not_ordered"),
    (f"carrier@{SEA}", "/shipments", {**BOOKING, "shipment": "S-8"}, "not_ordered"),
    (f"warehouse@{WAREHOUSE}", f"{CONSIGNMENT}/write-offs", loss("W-1", 1), "not_holding"),
]


@pytest.mark.parametrize(("who", "path", "body", "code"), PARTNERS_REFUSED)
async def test_of_what_one_sees_one_does_ones_own_part(who: str, path: str, body: Any, code: str) -> None:
    answer = await (await departed()).send(who, "POST", path, body)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_until_parcels_leave_their_warehouse_answers_for_them_and_then_their_carriers() -> None:
    depot = await booked()
    early = await depot.send(f"carrier@{SEA}", "POST", f"{CONSIGNMENT}/write-offs", loss("W-1", 1))
    assert (early.status_code, early.json()["code"]) == (403, "not_holding")
    await depot.post(f"warehouse@{WAREHOUSE}", f"{CONSIGNMENT}/write-offs", loss("W-1", 1))
    await depot.post(f"carrier@{SEA}", f"{SHIPPED}/departures", MOVEMENT)
    await depot.come_to_rest()
    await depot.post(f"carrier@{ROAD}", f"{CONSIGNMENT}/write-offs", loss("W-2", 2, now="lost"))
    assert (await depot.get("auditor", CONSIGNMENT))["parcels"]["lost"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"legs": [LEGS[0], {**LEGS[1], "carrier": "demo-nobody"}]}, "carrier_unknown"),
        ({"legs": [LEGS[0], {**LEGS[1], "carrier": WAREHOUSE}]}, "carrier_unknown"),
        ({"legs": [LEGS[0], {**LEGS[1], "destination": "VNSGN"}]}, "country_differs"),
        ({"legs": [LEGS[0], {**LEGS[1], "origin": "KHSIS"}]}, "legs_do_not_join"),
    ],
)
async def test_a_booking_names_registered_carriers_and_ends_where_the_parcels_are_for(
    change: dict[str, Any], code: str
) -> None:
    answer = await (await stocked()).send(f"supplier@{FORWARDER}", "POST", "/shipments", {**BOOKING, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_what_a_service_cost_tells_who_rendered_it() -> None:
    depot = await booked()
    await depot.post(f"supplier@{FORWARDER}", f"{CONSIGNMENT}/costs", FREIGHT)
    await depot.post(f"supplier@{BROKER}", f"{SHIPPED}/customs-releases", RELEASE)
    costs = [event for event in await depot.come_to_rest() if isinstance(event, CostIncurred)]
    assert {(one.category, one.party) for one in costs} == {("freight", FORWARDER), ("duty", BROKER)}


async def test_each_party_sees_its_own_consignments_and_shipments() -> None:
    depot = await departed()
    seen = {
        who: [len((await depot.get(f"{role}@{who}", path))["items"]) for path in paths]
        for role, who, paths in (
            ("supplier", FORWARDER, ("/consignments", "/shipments")),
            ("supplier", INSURER, ("/consignments", "/shipments")),
            ("supplier", BROKER, ("/consignments", "/shipments")),
            ("carrier", ROAD, ("/consignments", "/shipments")),
            ("carrier", OTHER_CARRIER, ("/consignments", "/shipments")),
            ("warehouse", WAREHOUSE, ("/consignments",)),
            ("school", PARTNER, ("/consignments",)),
            ("school", OTHER_PARTNER, ("/consignments",)),
        )
    }
    assert seen == {
        FORWARDER: [1, 1],
        INSURER: [1, 0],
        BROKER: [1, 1],
        ROAD: [1, 1],
        OTHER_CARRIER: [0, 0],
        WAREHOUSE: [1],
        PARTNER: [1],
        OTHER_PARTNER: [0],
    }


async def test_a_school_sees_what_is_for_it_and_neither_costs_nor_other_schools() -> None:
    depot = await departed()
    alone = {"party": "kh-school-1", "kind": "school", "name": "A school", "schools": [FIRST]}
    await depot.post("operator", "/parties", alone)
    await depot.post(f"supplier@{FORWARDER}", f"{CONSIGNMENT}/costs", FREIGHT)
    seen = await depot.get("school@kh-school-1", CONSIGNMENT)
    assert [one["school"] for one in seen["schools"]] == [FIRST]
    assert not {"costs", "ordinals", "services", "carriers"} & set(seen)
    assert (await depot.get(f"supplier@{INSURER}", CONSIGNMENT))["costs"] == {}
    assert (await depot.get(f"supplier@{FORWARDER}", CONSIGNMENT))["costs"] == {"freight": 1_000}


async def test_a_field_partner_proves_for_each_of_its_schools() -> None:
    depot = await departed()
    for number, school, ordinal in (("P-1", FIRST, 1), ("P-2", SECOND, 7)):
        answer = await depot.post(f"school@{PARTNER}", f"{CONSIGNMENT}/deliveries", proof(number, school, [ordinal]))
        assert answer["parked"] is False


async def test_an_answer_that_was_kept_for_one_party_is_told_to_no_other() -> None:
    depot = await booked()
    path = f"{SHIPPED}/departures"
    assert (await depot.send(f"carrier@{SEA}", "POST", path, MOVEMENT, key="d-1")).status_code == 200
    others = await depot.send(f"carrier@{OTHER_CARRIER}", "POST", path, MOVEMENT, key="d-1")
    assert (others.status_code, others.json()["code"]) == (404, "shipment_unknown")


async def test_a_school_learns_when_its_parcels_have_arrived() -> None:
    depot = await departed()
    assert (await depot.get(f"school@{PARTNER}", CONSIGNMENT))["arrived_at"] is None
    for who, move, leg in ((SEA, "arrivals", 1), (ROAD, "departures", 2), (ROAD, "arrivals", 2)):
        await depot.post(f"carrier@{who}", f"{SHIPPED}/{move}", {"leg": leg, "at": AT})
    await depot.come_to_rest()
    assert (await depot.get(f"school@{PARTNER}", CONSIGNMENT))["arrived_at"] == "2021-05-01T08:00:00+00:00"
