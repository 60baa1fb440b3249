"""Party by party: each acts on its own, and of what is another's it learns what it would learn of nothing.

Every forbidden act is tried, and its answer is that of the same act on what does not exist, but for the name in it.
"""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.procurement import Category, OrderPaid
from tests.service.procurement.test_api import GOODS, SUPPLIER, WAREHOUSE, funded
from tests.service.procurement.world import World

OTHER_SUPPLIER, OTHER_WAREHOUSE = "supplier@demo-supplier-02", "warehouse@other-warehouse"
CONFIRMATION: dict[str, Any] = {"prices": {}}
INVOICE = {"invoice": "INV-1", "amount_fen": 100}
RECEIPT = {"receipt": "GRN-1", "lines": [{"item": "pencil", "counted": 10, "lot": "L"}]}
LOT = {"lot": "LOT-1", "parcels": 4}
FORBIDDEN = [
    (OTHER_SUPPLIER, "GET", "/orders/{}", GOODS, None),
    (OTHER_SUPPLIER, "POST", "/orders/{}/confirmation", GOODS, CONFIRMATION),
    (OTHER_SUPPLIER, "POST", "/orders/{}/invoices", GOODS, INVOICE),
    (SUPPLIER, "GET", "/orders/{}", "O-000001-freight", None),
    (SUPPLIER, "POST", "/orders/{}/invoices", "O-000001-freight", INVOICE),
    ("supplier@nobody", "GET", "/orders/{}", GOODS, None),
    (OTHER_WAREHOUSE, "GET", "/orders/{}", GOODS, None),
    (OTHER_WAREHOUSE, "POST", "/orders/{}/receipts", GOODS, RECEIPT),
    (OTHER_WAREHOUSE, "GET", "/rounds/{}", "R-000001", None),
    (OTHER_WAREHOUSE, "POST", "/rounds/{}/kitting", "R-000001", LOT),
    (WAREHOUSE, "GET", "/orders/{}", "O-000001-freight", None),
    (WAREHOUSE, "POST", "/orders/{}/receipts", "O-000001-freight", RECEIPT),
]


@pytest.mark.parametrize(("who", "method", "path", "thing", "body"), FORBIDDEN)
async def test_of_anothers_a_party_learns_what_it_would_learn_of_nothing(
    who: str, method: str, path: str, thing: str, body: Any
) -> None:
    world, nothing = await funded(), thing.replace("000001", "999999")
    tried = await world.send(who, method, path.format(thing), body)
    missing = await world.send(who, method, path.format(nothing), body)
    assert tried.status_code == missing.status_code == 404
    assert tried.text.replace(thing, nothing) == missing.text


@pytest.mark.parametrize(
    ("who", "path", "expected"),
    [
        (SUPPLIER, "/orders", [GOODS]),
        (SUPPLIER, "/orders?supplier=demo-supplier-02", []),
        (SUPPLIER, "/orders?category=freight", []),
        ("supplier@nobody", "/orders", []),
        (WAREHOUSE, "/orders", [GOODS, "O-000001-demo-supplier-02"]),
        (WAREHOUSE, "/orders?category=freight", []),
        (OTHER_WAREHOUSE, "/orders", []),
        (OTHER_WAREHOUSE, "/rounds", []),
        (WAREHOUSE, "/rounds", ["R-000001"]),
    ],
)
async def test_lists_hold_ones_own_and_no_more(who: str, path: str, expected: list[str]) -> None:
    answer = await (await funded()).send(who, "GET", path)
    assert answer.status_code == 200, answer.text
    assert [one.get("order") or one["round"] for one in answer.json()["items"]] == expected


async def test_an_answer_that_was_kept_for_one_party_is_told_to_no_other() -> None:
    world, path = await funded(), f"/orders/{GOODS}/confirmation"
    mine = await world.send(SUPPLIER, "POST", path, CONFIRMATION, key="confirm-1")
    assert mine.status_code == 200
    others = await world.send(OTHER_SUPPLIER, "POST", path, CONFIRMATION, key="confirm-1")
    assert (others.status_code, others.json()["code"]) == (404, "order_unknown")


async def test_a_warehouse_sees_what_it_counts_and_no_money() -> None:
    world = await funded()
    order = (await world.send(WAREHOUSE, "GET", f"/orders/{GOODS}")).json()
    one = (await world.send(WAREHOUSE, "GET", "/rounds/R-000001")).json()
    assert not [name for name in (*order, *order["lines"][0], *one) if "fen" in name or "price" in name]
    assert (order["lines"][0]["outstanding"], one["packable"]) == (10, 0)


async def test_a_supplier_does_not_see_from_where_on_a_treasurer_looks() -> None:
    order = (await (await funded()).send(SUPPLIER, "GET", f"/orders/{GOODS}")).json()
    assert "invoice_fen_max_unapproved" not in order and "rulings" not in order


async def received(world: World) -> None:
    """The goods of the first supplier are there, and inspected."""
    await world.post(SUPPLIER, f"/orders/{GOODS}/confirmation", CONFIRMATION)
    await world.post(WAREHOUSE, f"/orders/{GOODS}/receipts", RECEIPT)


async def test_what_waits_for_a_treasurer_is_listed_apart_from_what_waits_for_its_proof() -> None:
    world = await funded()
    await received(world)
    await world.post(SUPPLIER, f"/orders/{GOODS}/invoices", {"invoice": "INV-1", "amount_fen": 101})
    second = "O-000001-demo-supplier-02"
    await world.post(OTHER_SUPPLIER, f"/orders/{second}/invoices", {"invoice": "INV-1", "amount_fen": 400})
    held = {whom: (await world.get(f"/orders?held={whom}"))["items"] for whom in ("treasurer", "proof")}
    assert {whom: [one["order"] for one in items] for whom, items in held.items()} == {
        "treasurer": [GOODS],
        "proof": [second],
    }
    unknown = await world.send("auditor", "GET", "/orders?held=nobody")
    assert unknown.status_code == 422


async def test_a_treasurer_releases_a_held_invoice_once_however_often_it_is_sent() -> None:
    world = await funded()
    await received(world)
    await world.post(SUPPLIER, f"/orders/{GOODS}/invoices", {"invoice": "INV-1", "amount_fen": 101})
    path, why = f"/orders/{GOODS}/invoices/INV-1/release", {"reason": "agreed"}
    answers = [await world.send("treasurer", "POST", path, why, key=key) for key in ("a", "a", "b")]
    assert [answer.json() for answer in answers] == [
        {
            "order": GOODS,
            "invoice": "INV-1",
            "verdict": "released",
            "status": "closed",
            "paid_fen": 101,
            "payee": "demo-supplier-01",
        }
    ] * 3
    await world.come_to_rest()
    (paid,) = [event for event in world.events("OrderPaid") if isinstance(event, OrderPaid)]
    assert (paid.payee, paid.amount_fen) == ("demo-supplier-01", 101)
    (ruling,) = (await world.get(f"/orders/{GOODS}"))["rulings"]
    assert (ruling["by"], ruling["reason"]) == ("key-treasurer", "agreed")


async def test_a_refused_invoice_makes_room_for_a_right_one() -> None:
    world = await funded()
    await received(world)
    await world.post(SUPPLIER, f"/orders/{GOODS}/invoices", {"invoice": "INV-1", "amount_fen": 101})
    await world.post("treasurer", f"/orders/{GOODS}/invoices/INV-1/refuse", {"reason": "one fen too many"})
    again = await world.send(SUPPLIER, "POST", f"/orders/{GOODS}/invoices", {"invoice": "INV-1", "amount_fen": 101})
    assert (again.status_code, again.json()["code"]) == (409, "invoice_refused")
    paid = await world.post(SUPPLIER, f"/orders/{GOODS}/invoices", {"invoice": "INV-2", "amount_fen": 100})
    assert paid["matched"] is True


async def test_a_ruling_gives_a_reason() -> None:
    answer = await (await funded()).send("treasurer", "POST", f"/orders/{GOODS}/invoices/INV-1/refuse", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_service_is_paid_to_who_rendered_it_once_it_is_proven() -> None:
    world = await funded()
    monitor = "/orders/O-000001-monitoring"
    held = await world.post("supplier@demo-office", f"{monitor}/invoices", {"invoice": "INV-1", "amount_fen": 40})
    assert (held["matched"], held["held"]["reason"]) == (False, "delivery_outstanding")
    world.report_cost("R-000001", Category.FREIGHT, 120, "demo-office")
    await world.come_to_rest()
    freight = await world.get("/orders/O-000001-freight")
    assert (freight["status"], freight["payee"], freight["invoice"]) == ("closed", "demo-office", "DOC-freight")
    assert (await world.get(monitor))["status"] == "placed"


PARTY = {"party": "demo-supplier-01", "kind": "supplier", "name": "Demo Supplier 01"}


async def test_a_party_is_registered_once_and_shown_to_staff() -> None:
    world = World()
    first = await world.post("operator", "/parties", PARTY)
    assert first == {**PARTY, "schools": []}
    again = await world.send("operator", "POST", "/parties", PARTY)
    assert (again.status_code, again.json()["code"]) == (409, "party_known")
    changed = await world.post("operator", "/parties/demo-supplier-01", {"name": "Demo"}, method="PUT")
    assert changed == {**PARTY, "name": "Demo", "schools": []}
    assert (await world.get("/parties?kind=supplier"))["items"] == [changed]
    assert (await world.get("/parties?kind=warehouse"))["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/parties", {**PARTY, "kind": "carrier"}, 422, "kind_not_here"),
        ("POST", "/parties", {**PARTY, "schools": ["S1"]}, 422, "schools_not_expected"),
        ("POST", "/parties", {**PARTY, "party": "a:b c"}, 422, "invalid_request"),
        ("POST", "/parties", {**PARTY, "name": "N" * 101}, 422, "invalid_request"),
        ("POST", "/parties", {**PARTY, "extra": 1}, 422, "invalid_request"),
        ("PUT", "/parties/nobody", {"name": "x"}, 404, "party_unknown"),
        ("POST", "/parties/nobody/keys", {"name": "x"}, 404, "party_unknown"),
        ("GET", "/parties/nobody", None, 404, "party_unknown"),
    ],
)
async def test_parties_that_cannot_be_are_refused(method: str, path: str, body: Any, status: int, code: str) -> None:
    answer = await World().send("operator", method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
