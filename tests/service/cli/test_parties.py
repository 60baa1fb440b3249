"""`panda party` against running procurement and logistics services, and what a party's key may do there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pandapack.cli.main import app
from tests.service.running import Running, running
from tests.stack import Servers

Panda = Callable[..., Result]


@pytest.fixture
def services(stack: Servers, namespace: str, tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    with (
        running("procurement", stack, namespace, tmp_path) as procurement,
        running("logistics", stack, namespace, tmp_path) as logistics,
    ):
        yield procurement, logistics


@pytest.fixture
def panda(services: tuple[Running, Running]) -> Panda:
    procurement, logistics = services
    env = {
        "PANDA_PROCUREMENT_URL": procurement.url,
        "PANDA_LOGISTICS_URL": logistics.url,
        "PANDA_KEY": procurement.keys["operator"],
    }
    return lambda *arguments: CliRunner().invoke(app, arguments, env=env)


def printed(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_parties_are_registered_where_they_act_and_their_keys_are_made_shown_and_revoked(
    services: tuple[Running, Running], panda: Panda
) -> None:
    procurement, logistics = services
    printed(panda("party", "add", "demo-forwarder", "--kind", "supplier", "--name", "Demo Forwarder", "--json"))
    schools = ("--school", "NP-1", "--school", "NP-2")
    printed(panda("party", "add", "np-partner", "--kind", "field-partner", "--name", "A partner", *schools, "--json"))
    listed = printed(panda("party", "list", "--json"))
    assert [one["party"] for one in listed["procurement"]] == ["demo-forwarder"]
    assert [one["party"] for one in listed["logistics"]] == ["demo-forwarder", "np-partner"]
    assert "np-partner" in panda("party", "list").stdout
    keys = printed(panda("party", "key", "demo-forwarder", "--name", "front office", "--json"))["keys"]
    assert set(keys) == {"procurement", "logistics"}
    with procurement.client_of(keys["procurement"]) as client:
        assert client.get("/v1/orders").json()["items"] == []
    with logistics.client_of(keys["logistics"]) as client:
        assert client.get("/v1/shipments").json()["items"] == []
    with procurement.client("supplier") as client:
        refused = client.get("/v1/orders")
        assert (refused.status_code, refused.json()["code"]) == (403, "party_missing")
    shown = printed(panda("party", "show", "demo-forwarder", "--json"))
    prefix = shown["procurement"]["keys"][0]["prefix"]
    assert prefix in panda("party", "show", "demo-forwarder").stdout
    assert panda("party", "revoke", prefix).exit_code == 0
    assert printed(panda("party", "show", "demo-forwarder", "--json"))["procurement"]["keys"][0]["revoked"] is True
    assert panda("party", "change", "np-partner", "--name", "Partner", "--school", "NP-3").exit_code == 0
    assert printed(panda("party", "show", "np-partner", "--json"))["logistics"]["schools"] == ["NP-3"]


REFUSED = [
    (("party", "show", "nobody"), "no service has a party nobody"),
    (("party", "key", "nobody"), "no service has a party nobody"),
    (("party", "revoke", "00000000"), "no service has a key with the prefix 00000000"),
    (("party", "add", "x", "--kind", "shipper", "--name", "x"), "there is no kind shipper"),
    (("party", "add", "x", "--kind", "school", "--name", "x"), "schools_missing"),
    (("key", "add", "carrier"), "a carrier's key belongs to a party"),
]


def test_what_cannot_be_is_told(panda: Panda) -> None:
    for arguments, told in REFUSED:
        result = panda(*arguments)
        assert result.exit_code != 0 and told in result.output, arguments
