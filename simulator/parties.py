"""The organisations that the players act for: registered by an operator, each with a key of its own for this run.

Whoever is registered already stays so, and gets one more key: a run that starts again needs nothing of the one before.
"""

from __future__ import annotations

from simulator.api_client import ApiClient, Json, together
from simulator.routes import CARRIERS, COUNTRIES

CARRIED = ("freight", "insurance", "duty")
"""Services whose suppliers report to logistics, too."""
KEY_NAME = "a player of the demonstration"
EVALUATOR = "demo-evaluator"
"""Independent of all others: it asks pupils, and takes no other part."""


def field_partner_of(country: str) -> str:
    """Who acts for the schools of a country."""
    return f"{country.lower()}-demo-partner"


def suppliers_of(programme: Json) -> tuple[str, ...]:
    """Who sells goods or renders a service."""
    return tuple(supplier["id"] for supplier in programme["suppliers"])


def parties_of(programme: Json, schools: dict[str, list[str]]) -> list[tuple[str, Json]]:
    """(service, body of POST /v1/parties), of all parties of a programme. `schools`: by country."""
    names = {supplier["id"]: supplier["name"] for supplier in programme["suppliers"]}
    suppliers = [{"party": id, "kind": "supplier", "name": name} for id, name in names.items()]
    rendered = {rate["supplier"] for rate in programme["services"] if rate["category"] in CARRIED}
    warehouse = {"party": programme["warehouse"], "kind": "warehouse", "name": "Demo Warehouse"}
    carriers = sorted({carrier for some in CARRIERS.values() for carrier in some})
    partners = [
        {
            "party": field_partner_of(country),
            "kind": "field-partner",
            "name": f"{country} Demo Field Partner",
            "schools": schools[country],
        }
        for country in COUNTRIES
    ]
    return [
        *(("procurement", one) for one in (*suppliers, warehouse)),
        *(("logistics", one) for one in suppliers if one["party"] in rendered),
        ("logistics", warehouse),
        *(("logistics", {"party": one, "kind": "carrier", "name": _title(one)}) for one in carriers),
        *(("logistics", one) for one in partners),
        ("logistics", {"party": EVALUATOR, "kind": "evaluator", "name": "Demo Evaluator (independent)"}),
    ]


async def register(api: ApiClient, programme: Json, schools: dict[str, list[str]]) -> None:
    """Registers all parties and gets a key for each. Raises RequestRefused, NoAnswer."""
    await together(_register(api, service, body) for service, body in parties_of(programme, schools))


async def _register(api: ApiClient, service: str, body: Json) -> None:
    party = body["party"]
    await api.submit(service, "operator", "/v1/parties", body, key=f"party-{party}")
    path = f"/v1/parties/{party}/keys"
    made = await api.submit(service, "operator", path, {"name": KEY_NAME}, key=f"key-{party}")
    assert made is not None, "a key is new each time"
    api.keep_key(service, party, made["key"])


def _title(party: str) -> str:
    return party.replace("-", " ").title()
