"""`panda dlq list / show / replay`: rows that the ledger rejected, why, and another try."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import PAGE_ROWS, Site

app = typer.Typer(help="Dead letters: rows that are no donations.", no_args_is_help=True, add_completion=False)

PATH = "/v1/dead-letters"


@app.command("list")
def list_dead_letters(
    cause: Annotated[str, typer.Option(help="Only those of one cause.")] = "", as_json: AsJson = False
) -> None:
    """All dead letters, grouped by cause."""
    dead_letters = _all_of(cause)
    causes: dict[str, list[dict[str, Any]]] = {}
    for dead_letter in dead_letters:
        causes.setdefault(dead_letter["cause"], []).append(dead_letter)
    if as_json:
        typer.echo(json.dumps({"causes": {name: len(some) for name, some in causes.items()}, "items": dead_letters}))
        return
    if not dead_letters:
        typer.echo("no dead letters")
    for name, some in sorted(causes.items(), key=lambda one: -len(one[1])):
        typer.echo(f"{name}: {len(some)}, such as: {some[0]['message']['en']}")
        for dead_letter in some:
            again = f", replayed {len(dead_letter['replays'])} times" if dead_letter["replays"] else ""
            typer.echo(f"  {dead_letter['address']}  {dead_letter['at']}{again}")


@app.command("show")
def show_dead_letter(address: str, as_json: AsJson = False) -> None:
    """One dead letter: the row as it came, and what is wrong with it."""
    dead_letter = Site.here().request("donations", "operator", "GET", f"{PATH}/{address}")
    if as_json:
        typer.echo(json.dumps(dead_letter, ensure_ascii=False))
        return
    typer.echo(f"{dead_letter['address']}  since {dead_letter['at']}")
    typer.echo(f"{dead_letter['cause']} at {dead_letter['pointer'] or '/'}: {dead_letter['message']['en']}")
    typer.echo(dead_letter["text"])
    for replay in dead_letter["replays"]:
        typer.echo(f"replayed {replay['at']} by {replay['by']} as {replay['push']}")


@app.command("replay")
def replay_dead_letters(
    addresses: Annotated[list[str] | None, typer.Argument(help="Addresses, as `panda dlq list` shows them.")] = None,
    *,
    cause: Annotated[str, typer.Option(help="All of one cause, instead of addresses.")] = "",
    edited: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with the mended row, for one address.")
    ] = None,
    platform: Annotated[str, typer.Option(help="Whose unmarked records are, which say it of themselves only.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send rows again as a push: nothing counts twice. Exit 1 when some still are no donations."""
    wanted = list(addresses or []) or ([dead_letter["address"] for dead_letter in _all_of(cause)] if cause else [])
    if not wanted:
        raise fail("nothing to replay: name addresses, or a --cause that `panda dlq list` shows")
    if edited is not None and len(wanted) != 1:
        raise fail("--edited mends one row: name one address")
    edits = {wanted[0]: edited.read_text().strip()} if edited is not None else {}
    accepted, refused = 0, list[dict[str, Any]]()
    for begin in range(0, len(wanted), PAGE_ROWS):
        answer = _replay(wanted[begin : begin + PAGE_ROWS], edits, platform, dry_run=dry_run)
        accepted += answer["accepted"]
        refused += answer["refused"]
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "accepted": accepted, "refused": refused}, ensure_ascii=False))
    else:
        rows = sum(one["rows"] for one in refused)
        typer.echo(f"{accepted} {'would be' if dry_run else 'were'} sent again, {rows} still are no donations")
        for one in refused:
            more = f" (and {one['rows'] - 1} more rows of it)" if one["rows"] > 1 else ""
            typer.echo(f"  {one['address']}: {one['message']['en']}{more}", err=True)
    if refused:
        raise typer.Exit(EXIT_WRONG)


def _replay(addresses: list[str], edits: dict[str, str], platform: str, *, dry_run: bool) -> dict[str, Any]:
    body = {"addresses": addresses, "edited": edits, "dry_run": dry_run}
    body |= {"platform": platform} if platform else {}
    key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return Site.here().request("donations", "operator", "POST", f"{PATH}/replays", body=body, idempotency_key=key)


def _all_of(cause: str) -> list[dict[str, Any]]:
    """All dead letters, or those of one cause."""
    return Site.here().items("donations", "operator", PATH, params={"cause": cause} if cause else None)
