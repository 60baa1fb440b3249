"""A table of refusals, a row a route: whoever it does not name is refused by the running services, and told no more."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from pandapack.runtime.auth import Role
from tests.system.cast import Cast

TABLE = Path(__file__).with_name("authority.txt")
ROUTE = re.compile(r"(\w+)\s+(GET|POST|PUT|DELETE) (/\S+)\s*(.*)")
PROBLEM = {"type", "title", "status", "detail", "code", "request_id", "message"}
"""All that a refusal may hold."""
STREAMS = ("/v1/events", "/v1/ops/events")
SAMPLES = {"day": "2021-11-11", "number": "1", "shard": "0", "partition": "0", "offset": "0"}
"""What stands in a path where any word would do no more than this."""

Row = tuple[str, str, str, frozenset[str]]


def rows() -> list[Row]:
    """(service, method, path, roles) of each row of the table."""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    found = [ROUTE.fullmatch(line.rstrip()) for line in lines]
    assert all(found), "a row is `service METHOD /path roles`"
    return [(m[1], m[2], m[3], frozenset(m[4].split())) for m in found if m]


def test_the_table_has_every_route_of_every_service_and_no_other(cast: Cast) -> None:
    described = set()
    for service, url in cast.urls.items():
        paths = httpx.get(f"{url}/openapi.json", trust_env=False, timeout=120).json()["paths"]
        described |= {(service, method.upper(), path) for path, operations in paths.items() for method in operations}
    versioned = {route for route in described if route[2].startswith("/v1/")}
    assert versioned == {(service, method, path) for service, method, path, _ in rows()}


@pytest.mark.parametrize(("service", "method", "path", "roles"), rows(), ids=str)
def test_whoever_is_not_named_for_a_route_is_refused_and_told_nothing(
    cast: Cast, service: str, method: str, path: str, roles: frozenset[str]
) -> None:
    keys = cast.keys[service]
    with httpx.Client(base_url=cast.urls[service], timeout=120, trust_env=False) as client:
        url = re.sub(r"\{(\w+)\}", lambda name: SAMPLES.get(name[1], "something"), path)
        if "open" in roles:
            if path not in STREAMS:
                assert client.request(method, url).status_code not in (401, 403)
            return
        for token in ("", "panda_operator_00000000_nobodys"):
            nobody = client.request(method, url, headers={"Authorization": f"Bearer {token}"} if token else {})
            assert (nobody.status_code, nobody.json()["code"]) == (401, "key_unknown")
            assert set(nobody.json()) <= PROBLEM
        for role, key in keys.items():
            with client.stream(method, url, headers={"Authorization": f"Bearer {key}"}) as answer:
                if path not in STREAMS or answer.is_error:  # nobody waits for the end of what has none
                    answer.read()
            is_named = role == Role.OPERATOR or "*" in roles or role in roles
            code = answer.json()["code"] if answer.is_error else ""
            assert answer.status_code < 500, code
            assert (code == "role_not_allowed") is not is_named, (role, answer.status_code, code)
            if not is_named:
                assert answer.status_code == 403
                assert set(answer.json()) <= PROBLEM, answer.json()
