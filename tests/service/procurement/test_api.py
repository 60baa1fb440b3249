"""HTTP: who may do what, repeats, refusals as problems, pages, and the exact fields of each answer."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.procurement import Category
from tests.service.procurement.world import World, need, prepared
from tests.unit.procurement.programme import PROGRAMME, SMALL

GOODS = "O-000001-demo-supplier-01"
SUPPLIER, WAREHOUSE = "supplier@demo-supplier-01", "warehouse@demo-warehouse"


async def funded(rounds: int = 1) -> World:
    """A world with so many rounds of four parcels, their orders placed."""
    world = await prepared(3, SMALL, [need("NP", "small", 6, 6)], repeats=False)
    world.donate(0, 858 * rounds)
    await world.come_to_rest()
    return world


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("supplier", "PUT", f"/programmes/{PROGRAMME}"),
        ("warehouse", "POST", "/needs"),
        ("warehouse", "POST", f"/orders/{GOODS}/confirmation"),
        ("supplier", "POST", f"/orders/{GOODS}/receipts"),
        ("school", "POST", f"/orders/{GOODS}/invoices"),
        ("buyer", "POST", "/rounds/R-000001/kitting"),
        ("supplier", "GET", "/rounds"),
        ("supplier", "GET", f"/funds/{PROGRAMME}"),
        ("supplier", "GET", f"/programmes/{PROGRAMME}"),
        ("warehouse", "GET", "/needs"),
        ("carrier", "GET", "/orders"),
        ("school", "GET", "/orders"),
        ("school", "GET", "/parties"),
        ("supplier", "GET", "/parties/demo-supplier-01"),
        ("buyer", "POST", "/parties"),
        ("treasurer", "PUT", "/parties/demo-supplier-01"),
        ("auditor", "POST", "/parties/demo-supplier-01/keys"),
        ("treasurer", "PUT", f"/programmes/{PROGRAMME}"),
        ("treasurer", "POST", "/needs"),
        ("treasurer", "POST", f"/orders/{GOODS}/confirmation"),
        ("treasurer", "POST", f"/orders/{GOODS}/receipts"),
        ("treasurer", "POST", f"/orders/{GOODS}/invoices"),
        ("buyer", "POST", f"/orders/{GOODS}/invoices/INV-1/release"),
        ("buyer", "POST", f"/orders/{GOODS}/invoices/INV-1/refuse"),
        ("auditor", "POST", f"/orders/{GOODS}/invoices/INV-1/release"),
        ("supplier", "POST", f"/orders/{GOODS}/invoices/INV-1/release"),
        ("platform", "GET", "/orders"),
        ("platform", "GET", f"/funds/{PROGRAMME}"),
    ],
)
async def test_each_trade_does_only_its_own(role: str, method: str, path: str) -> None:
    answer = await World().send(role, method, path, {})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("supplier", "GET", "/orders"),
        ("supplier", "GET", f"/orders/{GOODS}"),
        ("supplier", "POST", f"/orders/{GOODS}/confirmation"),
        ("supplier", "POST", f"/orders/{GOODS}/invoices"),
        ("warehouse", "GET", "/rounds"),
        ("warehouse", "GET", "/orders"),
        ("warehouse", "POST", f"/orders/{GOODS}/receipts"),
        ("warehouse", "POST", "/rounds/R-000001/kitting"),
    ],
)
async def test_a_key_of_a_partys_role_without_a_party_does_nothing_and_is_told_why(
    role: str, method: str, path: str
) -> None:
    answer = await (await funded()).send(role, method, path, {})
    assert (answer.status_code, answer.json()["code"]) == (403, "party_missing")
    assert "panda party key" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/programmes/other", "programme_unknown"),
        ("/funds/other", "fund_unknown"),
        ("/rounds/R-000009", "round_unknown"),
        ("/orders/O-000009-freight", "order_unknown"),
    ],
)
async def test_what_is_unknown_is_not_found(path: str, code: str) -> None:
    answer = await World().send("auditor", "GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_publications_are_numbered_and_a_repeat_gets_its_own_number_again() -> None:
    world = World()
    path = f"/programmes/{PROGRAMME}"
    numbers = [(await world.send("buyer", "PUT", path, SMALL, key=key)).json()["publication"] for key in "aba"]
    assert numbers == [1, 2, 1]
    changed = await world.send("buyer", "PUT", path, {**SMALL, "name": {"zh": "x", "en": "x"}}, key="a")
    assert (changed.status_code, changed.json()["code"]) == (409, "idempotency_key_reused")
    assert (await world.get(path))["publication"] == 2


async def test_two_programmes_never_name_a_round_alike() -> None:
    world = World()
    await world.post("buyer", f"/programmes/{PROGRAMME}", SMALL, method="PUT")
    taken = await world.send("buyer", "PUT", "/programmes/sports-parcel", SMALL)
    assert (taken.status_code, taken.json()["code"]) == (409, "round_code_taken")
    other = {**SMALL, "policy": {**SMALL["policy"], "round_code": "SP"}}
    await world.post("buyer", "/programmes/sports-parcel", other, method="PUT")


async def test_an_inconsistent_programme_is_refused_in_words() -> None:
    answer = await World().send("buyer", "PUT", f"/programmes/{PROGRAMME}", {**SMALL, "items": []})
    assert (answer.status_code, answer.json()["code"]) == (422, "publication_inconsistent")
    assert "items: 0" in answer.json()["detail"]


async def test_a_need_is_opened_once() -> None:
    world = World()
    unknown = await world.send("buyer", "POST", "/needs", need("NP", "small", 3))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "programme_unknown")
    await world.post("buyer", f"/programmes/{PROGRAMME}", SMALL, method="PUT")
    first = await world.send("buyer", "POST", "/needs", need("NP", "small", 3), key="a")
    assert (first.status_code, first.json()) == (201, {"need": "need-np", "status": "open", "parcels": 3})
    repeat = await world.send("buyer", "POST", "/needs", need("NP", "small", 3), key="a")
    assert repeat.json() == first.json() and repeat.headers["Idempotent-Replayed"] == "true"
    other = await world.send("buyer", "POST", "/needs", need("NP", "small", 3), key="b")
    assert (other.status_code, other.json()["code"]) == (409, "need_known")


async def test_a_receipt_counts_once_however_often_it_is_sent() -> None:
    world = await funded()
    await world.post(SUPPLIER, f"/orders/{GOODS}/confirmation", {"prices": {}})
    body = {
        "receipt": "GRN-1",
        "lines": [{"item": "pencil", "counted": 6, "rejected": 1, "reason": "damp", "lot": "L"}],
    }
    answers = [await world.send(WAREHOUSE, "POST", f"/orders/{GOODS}/receipts", body, key="a") for _ in range(3)]
    assert [answer.json() for answer in answers] == [
        {
            "order": GOODS,
            "receipt": "GRN-1",
            "status": "partly_received",
            "reordered": {"pencil": 1},
            "outstanding": {"pencil": 5},
        }
    ] * 3
    await world.come_to_rest()
    stock = (await world.get("/rounds/R-000001"))["stock"]
    assert stock[0] == {"item": "pencil", "per_parcel": 2, "accepted": 5, "kitted": 0, "in_stock": 5}


async def test_a_held_invoice_says_so() -> None:
    world = await funded()
    answer = await world.post(SUPPLIER, f"/orders/{GOODS}/invoices", {"invoice": "I-1", "amount_fen": 100})
    held = {"invoice": "I-1", "amount_fen": 100, "reason": "goods_outstanding"}
    assert answer == {"order": GOODS, "status": "placed", "matched": False, "held": held, "paid_fen": 0}


@pytest.mark.parametrize(
    ("role", "path", "body", "status", "code"),
    [
        (SUPPLIER, f"/orders/{GOODS}/confirmation", {"prices": {"pencil": 11}}, 422, "price_above_tolerance"),
        ("supplier@demo-office", "/orders/O-000001-freight/confirmation", {"prices": {}}, 409, "not_goods"),
        (SUPPLIER, "/orders/O-9/confirmation", {"prices": {}}, 404, "order_unknown"),
        (SUPPLIER, f"/orders/{GOODS}/confirmation", {"prices": {"pencil": "10"}}, 422, "invalid_request"),
        (WAREHOUSE, f"/orders/{GOODS}/receipts", {"receipt": "G", "lines": []}, 422, "invalid_request"),
        (WAREHOUSE, "/rounds/R-000001/kitting", {"lot": "L", "parcels": 1}, 409, "stock_short"),
        (WAREHOUSE, "/rounds/R-9/kitting", {"lot": "L", "parcels": 1}, 404, "round_unknown"),
        (SUPPLIER, f"/orders/{GOODS}/invoices", {"invoice": "I", "amount_fen": -1}, 422, "invalid_request"),
    ],
)
async def test_refusals_are_problems(role: str, path: str, body: dict[str, Any], status: int, code: str) -> None:
    answer = await (await funded()).send(role, "POST", path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_command_needs_an_idempotency_key() -> None:
    world = World()
    path = "/v1/rounds/R-1/kitting"
    answer = await world.http.post(path, json={"lot": "L", "parcels": 1}, headers={"Authorization": "Bearer operator"})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_lists_come_in_pages_that_leave_nothing_out() -> None:
    world = await funded(2)
    seen: list[str] = []
    after = ""
    while True:
        page = await world.get(f"/orders?limit=5&after={after}")
        seen += [order["order"] for order in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == 14 and seen == sorted(set(seen))
    assert len((await world.get("/orders?category=freight&status=placed"))["items"]) == 2
    assert (await world.get("/orders?status=closed"))["items"] == []
    assert len((await world.get("/orders?supplier=demo-supplier-01&round=R-000002"))["items"]) == 1


async def test_an_order_of_which_only_a_cost_is_known_is_not_shown() -> None:
    world = World()
    world.report_cost("R-000001", Category.FREIGHT, 5)
    await world.come_to_rest()
    assert (await world.get("/orders"))["items"] == []
    assert (await world.send("auditor", "GET", "/orders/O-000001-freight")).status_code == 404


ORDER_FIELDS = (
    "order round programme country category supplier status lines amount_fen amount_fen_max "
    "price_tolerance_per_mille receipts cost held invoice paid_fen warehouse invoice_fen_max_unapproved delivered "
    "invoices rulings payee"
)
LINE_FIELDS = (
    "item quantity unit_price_fen unit_price_fen_max ordered over_delivered received accepted rejected outstanding "
    "cancelled"
)
ROUND_FIELDS = (
    "round ordinal programme publication need country specification status parcels packed packable plan_fen "
    "contingency_fen funded_fen reserved_fen committed_fen spent_fen released_fen intervals released schools orders "
    "stock lots consignment_closed warehouse"
)
FUND_FIELDS = (
    "programme publication applied_fen unallocated_fen open_fen spent_fen reversed_fen rounds open_rounds shards "
    "released needs next_round"
)
NEED_FIELDS = "need programme country specification status parcels funded_parcels rounds opened_at schools"
PROGRAMME_FIELDS = (
    "programme publication published_at name policy items specifications suppliers catalogue services warehouse motto"
)


async def test_answers_have_the_fields_that_others_rely_on() -> None:
    world = await funded()
    order = await world.get(f"/orders/{GOODS}")
    assert set(order) == set(ORDER_FIELDS.split())
    assert set(order["lines"][0]) == set(LINE_FIELDS.split())
    assert set(await world.get("/rounds/R-000001")) == set(ROUND_FIELDS.split())
    assert set(await world.get(f"/funds/{PROGRAMME}")) == set(FUND_FIELDS.split())
    assert set((await world.get("/needs"))["items"][0]) == set(NEED_FIELDS.split())
    assert set(await world.get(f"/programmes/{PROGRAMME}")) == set(PROGRAMME_FIELDS.split())
