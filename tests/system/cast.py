"""All services, and somebody of every role: two platforms with a merchant each, and two parties of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from pandapack.local.layout import SERVICES
from pandapack.local.stack import Stack

PARTIES = {
    "procurement": {"supplier": "supplier", "warehouse": "warehouse"},
    "logistics": {
        "supplier": "supplier",
        "warehouse": "warehouse",
        "carrier": "carrier",
        "school": "field-partner",
        "evaluator": "evaluator",
    },
}
"""Service → role → kind of the parties whose keys have it."""
PLATFORMS = ("north", "south")
MERCHANT = "M1"
ANSWER_WAIT_S = 120.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Cast:
    """`urls`: service → address. `keys`: service → role → a key of it. `others`: the same, of others of the role."""

    urls: dict[str, str]
    keys: dict[str, dict[str, str]]
    others: dict[str, dict[str, str]]


def cast_of(stack: Stack) -> Cast:
    """Registers everybody with the operator's key, through the public APIs."""
    staff = {role: stack.keys[role] for role in ("buyer", "treasurer", "auditor", "operator")}
    urls = {service: stack.addresses[service] for service in SERVICES}
    cast = Cast(urls, {name: dict(staff) for name in SERVICES}, {name: {} for name in SERVICES})
    for platform, keys in zip(PLATFORMS, (cast.keys, cast.others), strict=True):
        keys["donations"]["platform"] = _made(cast, "donations", "/platforms", platform=platform, name=platform)["key"]
        merchant = f"{platform}:{MERCHANT}"
        made = _made(cast, "donations", "/merchants", merchant=merchant, name=merchant)
        keys["donations"]["merchant"] = made["key"]
    for number, all_keys in enumerate((cast.keys, cast.others), 1):
        for service, kinds in PARTIES.items():
            for role, kind in kinds.items():
                party = f"{kind}-{number}"
                schools = {"schools": [f"school-{number}"]} if role == "school" else {}
                _made(cast, service, "/parties", party=party, kind=kind, name=party, **schools)
                all_keys[service][role] = _made(cast, service, f"/parties/{party}/keys", name=party)["key"]
    return cast


def _made(cast: Cast, service: str, path: str, **body: Any) -> Json:
    headers = {"Authorization": f"Bearer {cast.keys[service]['operator']}", "Idempotency-Key": f"cast {path} {body}"}
    url = f"{cast.urls[service]}/v1{path}"
    answer = httpx.post(url, json=body, headers=headers, timeout=ANSWER_WAIT_S, trust_env=False)
    assert answer.status_code == 201, (url, body, answer.text)
    made: Json = answer.json()
    return made
