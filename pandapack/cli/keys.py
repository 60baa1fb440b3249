"""`panda key add / list / revoke / rotate`: keys with roles, and the keys that sign events and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer

from pandapack.cli.failures import explained, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site, unreachable
from pandapack.local.keys import LOG_PUBLIC_KEYS_FILE
from pandapack.local.layout import DATA_DIR, SERVICES
from pandapack.local.running import DEMO_FOLDER

app = typer.Typer(help="Keys with roles.", add_completion=False)

SERVICES_BY_ROLE = {
    "platform": ("donations",),
    "buyer": ("procurement", "logistics"),
    "treasurer": ("procurement", "logistics"),
    "auditor": ("donations", "procurement", "logistics", "reporting"),
    "operator": ("donations", "procurement", "logistics", "reporting"),
}
"""Where each role's keys are kept. A key that more than one service knows is made once for each."""
RETIRES_MIN = 15
"""Time enough to start a service anew."""
LOG = "log"
"""In the place of a service: the public log, whose key signs checkpoints."""
PARTY_ROLES = ("supplier", "warehouse", "carrier", "school", "evaluator")


@app.command("add")
def add_key(
    role: str, name: Annotated[str, typer.Option(help="Whose key it is.")] = "unnamed", as_json: AsJson = False
) -> None:
    """Make a key; it is shown once. Where several services know the role, each gets a key of its own."""
    if role in PARTY_ROLES:
        raise fail(f"a {role}'s key belongs to a party: `panda party key PARTY` makes one")
    if role not in SERVICES_BY_ROLE:
        raise fail(f"there is no role {role}; roles are {', '.join(SERVICES_BY_ROLE)}")
    site, body = Site.here(), {"role": role, "name": name}
    made = {
        service: site.request(service, "operator", "POST", "/v1/keys", body=body)["key"]
        for service in SERVICES_BY_ROLE[role]
    }
    if as_json:
        typer.echo(json.dumps({**body, "keys": made}))
        return
    for service, key in made.items():
        typer.echo(f"{service}: {key}")
    typer.echo("Keep it now: only its digest is stored.", err=True)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """All keys, without their secrets."""
    site = Site.here()
    found = {service: site.request(service, "operator", "GET", "/v1/keys")["items"] for service in site.urls}
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not any(found.values()):
        typer.echo("no keys yet: `panda key add ROLE` makes one")
    for service, keys in found.items():
        for key in keys:
            state = "revoked" if key["revoked"] else "in use"
            typer.echo(f"{service:12} {key['prefix']}  {key['role']:10} {state:8} {key['name']}")


@app.command("revoke")
def revoke_key(prefix: str) -> None:
    """Stop a key; it may still pass for a few seconds."""
    revoke_on(SERVICES, prefix)


@app.command("rotate")
def rotate(
    what: Annotated[
        str, typer.Argument(help="donations, procurement, logistics, reporting: what signs its events; or log.")
    ],
    *,
    minutes: Annotated[
        int, typer.Option(min=1, help="For how long a service's key before is still believed.")
    ] = RETIRES_MIN,
    finish: Annotated[bool, typer.Option(help="The log's key before stops signing: readers have the new one.")] = False,
) -> None:
    """Give a service of this folder's stack a new key to sign its events with, or the public log one for checkpoints.

    From the next start on. What was signed before stays believed: a service's key vouches for what Kafka has had until
    it retires, the log's for checkpoints up to the last size that it signed. docs/log/keys.md says what readers do.
    """
    from pandapack.contracts.event_keys import SIGNERS
    from pandapack.local.event_keys import TRUST_FILE

    if what not in (*SIGNERS, LOG):
        raise fail(f"{what} signs nothing: {', '.join((*SIGNERS, LOG))} do")
    folder = next((one for one in (DATA_DIR, DATA_DIR / DEMO_FOLDER) if (one / TRUST_FILE).exists()), None)
    if folder is None:
        raise fail(f"there are no keys in {DATA_DIR.resolve()}: run this where `panda up` runs")
    with explained():
        if what == LOG:
            _rotate_log(folder, finish=finish)
        else:
            _rotate_events(folder, what, minutes)


def _rotate_events(folder: Path, service: str, minutes: int) -> None:
    from pandapack.local.event_keys import rotate_event_key

    retires = datetime.now(UTC) + timedelta(minutes=minutes)
    key = rotate_event_key(folder, service, retires)
    typer.echo(f"{service} signs with {key} from its next start on; the key before retires at {retires:%H:%M:%S} UTC")
    typer.echo(f"Start {service} anew before that: until it does, it publishes nothing after that moment.")


def _rotate_log(folder: Path, *, finish: bool) -> None:
    from pandapack.local.log_keys import finish_log_rotation, rotate_log_key

    if finish:
        retired = finish_log_rotation(folder, _log_size())
        typer.echo(f"{retired.text} signs nothing from the next start of reporting on.")
        typer.echo(f"{folder / LOG_PUBLIC_KEYS_FILE} has the last size that counts of it: publish that file.")
        return
    fresh = rotate_log_key(folder)
    typer.echo(f"{fresh.text} signs checkpoints beside the key before, from the next start of reporting on.")
    typer.echo("Publish it where the key before was had; once readers have it: `panda key rotate log --finish`.")


def _log_size() -> int:
    """The size of the latest checkpoint. Ends the command where there is none to be had."""
    from pandapack.contracts.tlog.checkpoint import Checkpoint
    from pandapack.contracts.tlog.encoding import Malformed
    from pandapack.contracts.tlog.note import Note

    try:
        with Site.here().client("reporting", None) as client:
            return Checkpoint.parse(Note.parse(client.get("/log/checkpoint").content).text).size
    except httpx.TransportError as error:
        raise unreachable(error) from error
    except Malformed as error:
        raise fail(f"reporting answers no checkpoint: {error}") from error


def revoke_on(services: Iterable[str], prefix: str) -> None:
    """Stops the key on each of these services that knows it. Ends the command where none does."""
    site, revoked = Site.here(), []
    try:
        for service in services:
            with site.client(service, "operator") as client:
                if client.delete(f"/v1/keys/{prefix}").status_code == 204:
                    revoked.append(service)
    except httpx.TransportError as error:
        raise unreachable(error) from error
    if not revoked:
        raise fail(f"no service has a key with the prefix {prefix}: `panda key list` shows them")
    typer.echo(f"revoked on {', '.join(revoked)}")
