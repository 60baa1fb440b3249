"""`panda party add / change / list / show / key / revoke`: who acts in procurement and logistics, and their keys."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

import typer

from pandapack.cli.failures import fail
from pandapack.cli.keys import revoke_on
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site

app = typer.Typer(
    help="Parties: suppliers, warehouses, carriers, schools and their field partners, evaluators.",
    no_args_is_help=True,
    add_completion=False,
)

SERVICES_BY_KIND = {
    "supplier": ("procurement", "logistics"),
    "warehouse": ("procurement", "logistics"),
    "carrier": ("logistics",),
    "school": ("logistics",),
    "field-partner": ("logistics",),
    "evaluator": ("logistics",),
}
"""Where each kind acts. Suppliers of freight, insurance and duty report to logistics what it cost."""
SERVICES = ("procurement", "logistics")
TOKEN_BYTES = 16

PartyId = Annotated[str, typer.Argument(help="Its id: the name by which orders and legs name it.")]
PeoplesName = Annotated[str, typer.Option("--name", help="What people call it.")]
ForSchools = Annotated[list[str], typer.Option("--school", help="A school that it is, or acts for; may be repeated.")]


@app.command("add")
def add_party(
    party: PartyId,
    *,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(SERVICES_BY_KIND)}.")],
    name: PeoplesName,
    school: ForSchools = [],  # noqa: B006 - typer makes a new list for each call
    as_json: AsJson = False,
) -> None:
    """Register a party in each service where its kind acts; `panda party key` makes its keys."""
    if kind not in SERVICES_BY_KIND:
        raise fail(f"there is no kind {kind}; kinds are {', '.join(SERVICES_BY_KIND)}")
    body = {"party": party, "kind": kind, "name": name, "schools": school}
    for service in SERVICES_BY_KIND[kind]:
        _change(service, "POST", "/v1/parties", body)
    typer.echo(json.dumps(body) if as_json else f"registered {party} in {' and '.join(SERVICES_BY_KIND[kind])}")


@app.command("change")
def change_party(
    party: PartyId,
    *,
    name: PeoplesName,
    school: ForSchools = [],  # noqa: B006 - typer makes a new list for each call
) -> None:
    """Give a party another name, or other schools; all of them are given anew, and hold at once."""
    for service in _registered(party):
        _change(service, "PUT", f"/v1/parties/{party}", {"name": name, "schools": school})
    typer.echo(f"changed {party}")


@app.command("list")
def list_parties(as_json: AsJson = False) -> None:
    """All parties, and where they act."""
    found = {service: Site.here().items(service, "operator", "/v1/parties") for service in SERVICES}
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not any(found.values()):
        typer.echo("no parties yet: `panda party add ID --kind KIND --name NAME` registers one")
    for service, parties in found.items():
        for one in parties:
            typer.echo(f"{service:12} {one['party']:30} {one['kind']:14} {one['name']}")


@app.command("show")
def show_party(party: PartyId, as_json: AsJson = False) -> None:
    """A party with its schools and its keys, without their secrets."""
    found = _registered(party)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for service, one in found.items():
        typer.echo(f"{service:12} {one['party']} ({one['kind']}) {one['name']}")
        for school in one["schools"]:
            typer.echo(f"{'':12} school {school}")
        for key in one["keys"]:
            typer.echo(f"{'':12} key {key['prefix']} {'revoked' if key['revoked'] else 'in use':8} {key['name']}")


@app.command("key")
def key_for_party(
    party: PartyId, name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed", as_json: AsJson = False
) -> None:
    """One more key for a party in each service where it acts; they are shown once."""
    made = {
        service: _change(service, "POST", f"/v1/parties/{party}/keys", {"name": name})["key"]
        for service in _registered(party)
    }
    if as_json:
        typer.echo(json.dumps({"party": party, "keys": made}))
        return
    for service, key in made.items():
        typer.echo(f"{service}: {key}")
    typer.echo("Keep them now: only their digests are stored.", err=True)


@app.command("revoke")
def revoke_key_of_party(prefix: str) -> None:
    """Stop a party's key; it may still pass for a few seconds. `panda party show` has its prefix."""
    revoke_on(SERVICES, prefix)


def _change(service: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a service answers an operator who changes something, once: a second call changes it again."""
    key = secrets.token_hex(TOKEN_BYTES)
    return Site.here().request(service, "operator", method, path, body=body, idempotency_key=key)


def _registered(party: str) -> dict[str, dict[str, Any]]:
    """The party by service. Ends the command where none knows it."""
    site, found = Site.here(), {}
    for service in SERVICES:
        if any(one["party"] == party for one in site.items(service, "operator", "/v1/parties")):
            found[service] = site.request(service, "operator", "GET", f"/v1/parties/{party}")
    if not found:
        raise fail(f"no service has a party {party}: `panda party list` shows them")
    return found
