"""`panda platform add / list / change / rotate / retire`, `panda merchant add / list`: who may push, who may look."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

import typer

from pandapack.cli.options import AsJson
from pandapack.cli.site import Site

platforms = typer.Typer(help="Platforms that push donations.", no_args_is_help=True, add_completion=False)
merchants = typer.Typer(help="Merchants that see their own volumes.", no_args_is_help=True, add_completion=False)

KEEP_IT = "Keep them now: they are not shown again."
TOKEN_BYTES = 16

Merchant = Annotated[str, typer.Argument(help="Its name on the ledger, PLATFORM:MERCHANT.")]
Test = Annotated[
    bool, typer.Option("--test/--live", help="For tests: what comes with it is answered, and never counted.")
]
Signed = Annotated[bool, typer.Option("--signed/--unsigned", help="Whether pushes must be signed.")]
Rate = Annotated[int, typer.Option(help="Lines a second, for each process of the service.")]
RATE_DEFAULT = 100_000


def _change(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the donations service answers an operator who changes something, once: a second call changes it again."""
    key = secrets.token_hex(TOKEN_BYTES)
    return Site.here().request("donations", "operator", method, path, body=body, idempotency_key=key)


def _all_of(path: str) -> list[dict[str, Any]]:
    return Site.here().items("donations", "operator", path)


def _show_once(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for name in ("key", "secret"):
        if name in answer:
            typer.echo(f"{name}: {answer[name]}")
    typer.echo(KEEP_IT, err=True)


@platforms.command("add")
def add_platform(
    platform: Annotated[str, typer.Argument(help="Its id, for good: letters, digits and . _ -, at most 16.")],
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    signed: Signed = False,
    lines_a_second: Rate = RATE_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Register a platform: prints its first key and its first signing secret, once."""
    terms = _terms(name, signed=signed, lines_a_second=lines_a_second)
    _show_once(_change("POST", "/v1/platforms", {"platform": platform, **terms}), as_json)


@platforms.command("change")
def change_platform(
    platform: str,
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    signed: Signed = False,
    lines_a_second: Rate = RATE_DEFAULT,
) -> None:
    """Give a platform other terms; all of them are given anew. They hold within seconds."""
    _change("PUT", f"/v1/platforms/{platform}", _terms(name, signed=signed, lines_a_second=lines_a_second))
    typer.echo(f"changed {platform}")


@platforms.command("list")
def list_platforms(as_json: AsJson = False) -> None:
    """All platforms with their terms, without their secrets."""
    found = _all_of("/v1/platforms")
    if as_json:
        typer.echo(json.dumps({"items": found}))
        return
    if not found:
        typer.echo("no platforms yet: `panda platform add ID --name NAME` registers one")
    for one in found:
        signed = "must sign" if one["signature_demanded"] else "may sign"
        live = ", ".join(_shown_secret(secret) for secret in one["secrets"])
        rate = f"{one['lines_a_second']} lines/s"
        typer.echo(f"{one['platform']:20} {signed:9} {rate:18} secrets {live:6} {one['name']}")


@platforms.command("key")
def key_for_platform(
    platform: str,
    name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed",
    *,
    test: Test = False,
    as_json: AsJson = False,
) -> None:
    """One more key for a platform, live or for tests; `panda key revoke` stops one."""
    _show_once(
        _change("POST", f"/v1/platforms/{platform}/keys", {"name": name, "mode": "test" if test else "live"}), as_json
    )


@platforms.command("rotate")
def rotate_secret(
    platform: str,
    retire_oldest: Annotated[bool, typer.Option("--retire-oldest", help="Where two are live, end the older.")] = False,
    *,
    test: Test = False,
    as_json: AsJson = False,
) -> None:
    """A new signing secret, shown once. The one before stays live: `panda platform retire` ends it.

    What comes with a test key is signed with a secret of `--test`, and no other.
    """
    asked = [name for name, is_asked in (("retire=oldest", retire_oldest), ("mode=test", test)) if is_asked]
    query = f"?{'&'.join(asked)}" if asked else ""
    _show_once(_change("POST", f"/v1/platforms/{platform}/secrets{query}"), as_json)


@platforms.command("retire")
def retire_secret(platform: str, number: int) -> None:
    """End a signing secret; it may still pass for a few seconds. `panda platform list` shows the live ones."""
    _change("DELETE", f"/v1/platforms/{platform}/secrets/{number}")
    typer.echo(f"retired secret {number} of {platform}")


@merchants.command("add")
def add_merchant(
    merchant: Merchant,
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    as_json: AsJson = False,
) -> None:
    """Register a merchant: prints its first key, once."""
    _show_once(_change("POST", "/v1/merchants", {"merchant": merchant, "name": name}), as_json)


@merchants.command("change")
def change_merchant(
    merchant: Merchant,
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
) -> None:
    """Give a merchant another name for people. It stays its platform's."""
    _change("PUT", f"/v1/merchants/{merchant}", {"name": name})
    typer.echo(f"changed {merchant}")


@merchants.command("key")
def key_for_merchant(
    merchant: Merchant, name: Annotated[str, typer.Option(help="What it is for.")] = "unnamed", as_json: AsJson = False
) -> None:
    """One more key for a merchant; `panda key revoke` stops one."""
    _show_once(_change("POST", f"/v1/merchants/{merchant}/keys", {"name": name}), as_json)


@merchants.command("list")
def list_merchants(as_json: AsJson = False) -> None:
    """All registered merchants."""
    found = _all_of("/v1/merchants")
    if as_json:
        typer.echo(json.dumps({"items": found}))
        return
    if not found:
        typer.echo("no merchants yet: `panda merchant add PLATFORM:MERCHANT --name NAME` registers one")
    for one in found:
        typer.echo(f"{one['merchant']:50} {one['name']}")


def _shown_secret(secret: dict[str, Any]) -> str:
    return f"{secret['number']}{' (test)' if secret['mode'] == 'test' else ''}"


def _terms(name: str, *, signed: bool, lines_a_second: int) -> dict[str, Any]:
    return {"name": name, "signature_demanded": signed, "lines_a_second": lines_a_second}
