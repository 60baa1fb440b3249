"""`panda platform add / list / change / rotate / retire`, `panda merchant add / list`: who may push, who may look."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

import httpx
import typer

from pandapack.cli.site import Site, asked, unreachable

platforms = typer.Typer(help="Platforms that push donations.", no_args_is_help=True)
merchants = typer.Typer(help="Merchants that see their own volumes.", no_args_is_help=True)

KEEP_IT = "Keep them now: they are not shown again."
TOKEN_BYTES = 16
LISTED_A_PAGE = 500

As_json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")]
OfPlatform = Annotated[
    str | None, typer.Option("--platform", help="Whose it is: what its settlements leave out is then listed as extra.")
]
Test = Annotated[bool, typer.Option("--test/--live", help="Validated and answered, and never counted.")]
Signed = Annotated[bool, typer.Option("--signed/--unsigned", help="Whether pushes must be signed.")]
Rate = Annotated[int, typer.Option(help="Lines a second, for each process of the service.")]
RATE_USUAL = 100_000


def _told(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the donations service answers an operator. Ends the command where it says no, or nothing."""
    headers = {"Idempotency-Key": secrets.token_hex(TOKEN_BYTES)}
    try:
        with Site.here().client("donations", "operator") as client:
            return asked(client.request(method, path, json=body, headers=headers))
    except httpx.TransportError as error:
        raise unreachable(error) from error


def _all(path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = _told("GET", f"{path}?limit={LISTED_A_PAGE}&after={after}")
        found += page["items"]
        after = page["next"]
    return found


def _show_once(answer: dict[str, Any], json_: bool) -> None:
    if json_:
        typer.echo(json.dumps(answer))
        return
    for name in ("key", "secret"):
        if name in answer:
            typer.echo(f"{name}: {answer[name]}")
    typer.echo(KEEP_IT, err=True)


@platforms.command("add")
def add_platform(
    platform: Annotated[str, typer.Argument(help="Its id, for good.")],
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    test: Test = False,
    signed: Signed = False,
    lines_a_second: Rate = RATE_USUAL,
    json_: As_json = False,
) -> None:
    """Register a platform: prints its first key and its first signing secret, once."""
    terms = _terms(name, test=test, signed=signed, lines_a_second=lines_a_second)
    _show_once(_told("POST", "/v1/platforms", {"platform": platform, **terms}), json_)


@platforms.command("change")
def change_platform(
    platform: str,
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    test: Test = False,
    signed: Signed = False,
    lines_a_second: Rate = RATE_USUAL,
) -> None:
    """Give a platform other terms; all of them are said anew. They hold within seconds."""
    _told("PUT", f"/v1/platforms/{platform}", _terms(name, test=test, signed=signed, lines_a_second=lines_a_second))
    typer.echo(f"changed {platform}")


@platforms.command("list")
def list_platforms(json_: As_json = False) -> None:
    """All platforms with their terms, without their secrets."""
    found = _all("/v1/platforms")
    if json_:
        typer.echo(json.dumps({"items": found}))
        return
    for one in found:
        signed = "must sign" if one["signature_demanded"] else "may sign"
        live = ", ".join(str(secret["number"]) for secret in one["secrets"])
        rate = f"{one['lines_a_second']} lines/s"
        typer.echo(f"{one['platform']:20} {one['mode']:5} {signed:9} {rate:18} secrets {live:6} {one['name']}")


@platforms.command("key")
def key_for_platform(
    platform: str, name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed", json_: As_json = False
) -> None:
    """One more key for a platform; `panda key revoke` stops one."""
    _show_once(_told("POST", f"/v1/platforms/{platform}/keys", {"name": name}), json_)


@platforms.command("rotate")
def rotate_secret(platform: str, json_: As_json = False) -> None:
    """A new signing secret, shown once. The one before stays live: `panda platform retire` ends it."""
    _show_once(_told("POST", f"/v1/platforms/{platform}/secrets"), json_)


@platforms.command("retire")
def retire_secret(platform: str, number: int) -> None:
    """End a signing secret; it may still pass for a few seconds. `panda platform list` shows the live ones."""
    _told("DELETE", f"/v1/platforms/{platform}/secrets/{number}")
    typer.echo(f"retired secret {number} of {platform}")


@merchants.command("add")
def add_merchant(
    merchant: Annotated[str, typer.Argument(help="Its name on the ledger.")],
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    platform: OfPlatform = None,
    json_: As_json = False,
) -> None:
    """Register a merchant: prints its first key, once."""
    _show_once(_told("POST", "/v1/merchants", {"merchant": merchant, "name": name, "platform": platform}), json_)


@merchants.command("change")
def change_merchant(
    merchant: Annotated[str, typer.Argument(help="Its name on the ledger.")],
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    platform: OfPlatform = None,
) -> None:
    """Give a merchant another name for people, or another platform."""
    _told("PUT", f"/v1/merchants/{merchant}", {"name": name, "platform": platform})
    typer.echo(f"changed {merchant}")


@merchants.command("key")
def key_for_merchant(
    merchant: str, name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed", json_: As_json = False
) -> None:
    """One more key for a merchant; `panda key revoke` stops one."""
    _show_once(_told("POST", f"/v1/merchants/{merchant}/keys", {"name": name}), json_)


@merchants.command("list")
def list_merchants(json_: As_json = False) -> None:
    """All registered merchants."""
    found = _all("/v1/merchants")
    if json_:
        typer.echo(json.dumps({"items": found}))
        return
    for one in found:
        typer.echo(f"{one['merchant']:30} {one['platform'] or '-':20} {one['name']}")


def _terms(name: str, *, test: bool, signed: bool, lines_a_second: int) -> dict[str, Any]:
    mode = "test" if test else "live"
    return {"name": name, "mode": mode, "signature_demanded": signed, "lines_a_second": lines_a_second}
