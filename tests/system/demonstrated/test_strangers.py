"""Party by party on a demonstration's own orders, rounds and shipments: a stranger learns what is told of nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.system.cast import ANSWER_WAIT_S, PARTIES
from tests.system.demonstrated.demonstrations import Demonstration
from tests.waiting import eventually

AT = "2020-03-01T10:00:00+08:00"
DIGEST = "0" * 64
NOTHING = {"order": "O-999999-demo-supplier-01", "round": "R-999999", "shipment": "SHP-R-999999"}
COST = {"category": "freight", "fen": 1, "document": "F"}
MOVEMENT = {"leg": 1, "at": AT}
LOSS = {"report": "W-1", "ordinals": [1], "now": "lost", "reason": "gone", "at": AT}
PROOF = {
    "delivery": "D-1", "school": "stranger-school", "accepted": [1], "gave": "an office", "received": "an office",
    "document": DIGEST, "at": AT,
}  # fmt: skip
HANDOUT = {"handout": "H-1", "school": "stranger-school", "parcels": 1, "girls": 1, "boys": 0, "at": AT}
FORBIDDEN = [
    ("procurement", "supplier", "GET", "/orders/{}", "order", None),
    ("procurement", "supplier", "POST", "/orders/{}/confirmation", "order", {"prices": {}}),
    ("procurement", "supplier", "POST", "/orders/{}/invoices", "order", {"invoice": "I-1", "amount_fen": 1}),
    ("procurement", "warehouse", "GET", "/orders/{}", "order", None),
    (
        "procurement", "warehouse", "POST", "/orders/{}/receipts", "order",
        {"receipt": "G-1", "lines": [{"item": "pencil-hb", "counted": 1, "lot": "L-1"}]},
    ),
    ("procurement", "warehouse", "GET", "/rounds/{}", "round", None),
    ("procurement", "warehouse", "POST", "/rounds/{}/kitting", "round", {"lot": "LOT-X", "parcels": 1}),
    ("logistics", "supplier", "GET", "/consignments/{}", "round", None),
    ("logistics", "supplier", "POST", "/consignments/{}/costs", "round", COST),
    ("logistics", "warehouse", "GET", "/consignments/{}", "round", None),
    ("logistics", "warehouse", "POST", "/consignments/{}/write-offs", "round", LOSS),
    ("logistics", "carrier", "GET", "/shipments/{}", "shipment", None),
    ("logistics", "carrier", "POST", "/shipments/{}/departures", "shipment", MOVEMENT),
    ("logistics", "carrier", "POST", "/shipments/{}/arrivals", "shipment", MOVEMENT),
    ("logistics", "carrier", "POST", "/shipments/{}/customs-holds", "shipment", {"reason": "papers", "at": AT}),
    (
        "logistics", "carrier", "POST", "/shipments/{}/customs-releases", "shipment",
        {"duty_fen": 1, "document": "D", "at": AT},
    ),
    ("logistics", "carrier", "POST", "/consignments/{}/write-offs", "round", LOSS),
    ("logistics", "school", "GET", "/consignments/{}", "round", None),
]  # fmt: skip


@dataclass(frozen=True)
class Strangers:
    """Registered parties of which no order, leg or school is. `things`: what there is of others', by kind."""

    urls: dict[str, str]
    keys: dict[tuple[str, str], str]
    things: dict[str, str]

    def send(self, service: str, role: str, method: str, path: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[service, role]}", "Idempotency-Key": f"{method} {path}"}
        url = f"{self.urls[service]}/v1{path}"
        return httpx.request(method, url, json=body, headers=headers, timeout=ANSWER_WAIT_S, trust_env=False)


@pytest.fixture(scope="module")
def strangers(demonstration: Demonstration) -> Strangers:
    """Beside a demonstration in which a shipment is under way."""
    kept = json.loads((demonstration.folder / ".panda" / "demo" / "keys.json").read_text())
    urls = {
        name: f"http://127.0.0.1:{demonstration.env[f'PANDA_{name.upper()}_PORT']}"
        for name in ("procurement", "logistics")
    }
    strangers = Strangers(urls, {(service, "auditor"): kept["auditor"] for service in urls}, {})
    for service, kinds in PARTIES.items():
        strangers.keys[service, "operator"] = kept["operator"]
        for role, kind in kinds.items():
            terms = {"schools": ["stranger-school"]} if role == "school" else {}
            party = {"party": f"a-strange-{kind}", "kind": kind, "name": "A stranger", **terms}
            assert strangers.send(service, "operator", "POST", "/parties", party).status_code == 201
            made = strangers.send(service, "operator", "POST", f"/parties/{party['party']}/keys", {"name": "test"})
            strangers.keys[service, role] = made.json()["key"]

    def shipments() -> list[Any]:
        found: list[Any] = strangers.send("logistics", "auditor", "GET", "/shipments", None).json()["items"]
        return found

    shipment = eventually(shipments, "a shipment is booked", wait_s=120.0)[0]
    orders = strangers.send("procurement", "auditor", "GET", f"/orders?round={shipment['round']}", None).json()["items"]
    goods = next(one["order"] for one in orders if one["category"] == "goods")
    strangers.things.update({"order": goods, "round": shipment["round"], "shipment": shipment["shipment"]})
    return strangers


@pytest.mark.parametrize(("service", "role", "method", "path", "kind", "body"), FORBIDDEN)
def test_a_stranger_is_told_of_anothers_what_is_told_of_nothing(
    strangers: Strangers, service: str, role: str, method: str, path: str, kind: str, body: Any
) -> None:
    thing, nothing = strangers.things[kind], NOTHING[kind]
    assert thing != nothing
    tried = strangers.send(service, role, method, path.format(thing), body)
    missing = strangers.send(service, role, method, path.format(nothing), body)
    assert tried.status_code == missing.status_code == 404, (tried.text, missing.text)
    told = {name: value for name, value in tried.json().items() if name != "request_id"}
    of_nothing = {name: value for name, value in missing.json().items() if name != "request_id"}
    assert json.dumps(told).replace(thing, nothing) == json.dumps(of_nothing)


@pytest.mark.parametrize(
    ("service", "role", "path"),
    [
        ("procurement", "supplier", "/orders"),
        ("procurement", "warehouse", "/orders"),
        ("procurement", "warehouse", "/rounds"),
        ("logistics", "supplier", "/consignments"),
        ("logistics", "carrier", "/shipments"),
        ("logistics", "school", "/consignments"),
    ],
)
def test_lists_of_a_stranger_are_empty(strangers: Strangers, service: str, role: str, path: str) -> None:
    assert strangers.send(service, role, "GET", path, None).json()["items"] == []


@pytest.mark.parametrize(("path", "body"), [("deliveries", PROOF), ("handouts", HANDOUT)])
def test_nobody_proves_or_hands_out_for_a_school_that_is_not_its_own(
    strangers: Strangers, path: str, body: dict[str, Any]
) -> None:
    there = f"/consignments/{strangers.things['round']}/{path}"
    assert strangers.send("logistics", "carrier", "POST", there, body).status_code == 403
    others = strangers.send("logistics", "school", "POST", there, {**body, "school": "ET-demo-school-01"})
    nobodys = strangers.send("logistics", "school", "POST", there, {**body, "school": "no-such-school"})
    assert (others.status_code, others.json()["code"]) == (nobodys.status_code, nobodys.json()["code"])
    assert others.status_code == 404
