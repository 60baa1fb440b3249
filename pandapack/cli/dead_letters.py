"""`panda dlq list / show / replay`: rows that the ledger could not take, why, and another try."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from pandapack.cli.site import Site, asked, fail, unreachable

app = typer.Typer(help="Dead letters: rows that are no donations.", no_args_is_help=True)

PAGE = 500
As_json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")]


@app.command("list")
def listed(cause: Annotated[str, typer.Option(help="Only those of one cause.")] = "", json_: As_json = False) -> None:
    """All dead letters, grouped by cause."""
    letters = _all(cause)
    causes: dict[str, list[dict[str, Any]]] = {}
    for letter in letters:
        causes.setdefault(letter["cause"], []).append(letter)
    if json_:
        typer.echo(json.dumps({"causes": {name: len(some) for name, some in causes.items()}, "items": letters}))
        return
    if not letters:
        typer.echo("no dead letters")
    for name, some in sorted(causes.items(), key=lambda one: -len(one[1])):
        typer.echo(f"{name}: {len(some)}, such as: {some[0]['message']['en']}")
        for letter in some:
            again = f", replayed {len(letter['replays'])} times" if letter["replays"] else ""
            typer.echo(f"  {letter['place']}  {letter['at']}{again}")


@app.command()
def show(place: str, json_: As_json = False) -> None:
    """One dead letter: the row as it came, and what is wrong with it."""
    letter = _get(f"/v1/dead-letters/{place}")
    if json_:
        typer.echo(json.dumps(letter, ensure_ascii=False))
        return
    typer.echo(f"{letter['place']}  since {letter['at']}")
    typer.echo(f"{letter['cause']} at {letter['pointer'] or '/'}: {letter['message']['en']}")
    typer.echo(letter["text"])
    for replay in letter["replays"]:
        typer.echo(f"replayed {replay['at']} by {replay['by']} as {replay['push']}")


@app.command()
def replay(
    places: Annotated[list[str] | None, typer.Argument(help="Places, as `panda dlq list` shows them.")] = None,
    *,
    cause: Annotated[str, typer.Option(help="All of one cause, instead of places.")] = "",
    edited: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with the mended line, for one place.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    json_: As_json = False,
) -> None:
    """Send rows again as a push: nothing counts twice. Exit 1 when some still are no donations."""
    wanted = list(places or []) or ([letter["place"] for letter in _all(cause)] if cause else [])
    if not wanted:
        raise fail("nothing to replay: name places, or a --cause that `panda dlq list` shows")
    if edited is not None and len(wanted) != 1:
        raise fail("--edited mends one row: name one place")
    lines = {wanted[0]: edited.read_text().strip()} if edited is not None else {}
    accepted, refused = 0, list[dict[str, Any]]()
    for begin in range(0, len(wanted), PAGE):
        answer = _replay(wanted[begin : begin + PAGE], lines, dry_run=dry_run)
        accepted += answer["accepted"]
        refused += answer["refused"]
    if json_:
        typer.echo(json.dumps({"dry_run": dry_run, "accepted": accepted, "refused": refused}, ensure_ascii=False))
    else:
        typer.echo(f"{accepted} {'would be' if dry_run else 'were'} sent again, {len(refused)} still are no donations")
        for one in refused:
            typer.echo(f"  {one['place']}: {one['message']['en']}", err=True)
    if refused:
        raise typer.Exit(1)


def _replay(places: list[str], edited: dict[str, str], *, dry_run: bool) -> dict[str, Any]:
    body = {"places": places, "edited": edited, "dry_run": dry_run}
    key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    try:
        with Site.here().client("donations", "operator") as client:
            headers = {"Idempotency-Key": key}
            return asked(client.post("/v1/dead-letters/replays", json=body, headers=headers))
    except httpx.TransportError as error:
        raise unreachable(error) from error


def _all(cause: str) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = _get("/v1/dead-letters", after=after, limit=PAGE, **({"cause": cause} if cause else {}))
        letters += page["items"]
        after = page["next"]
    return letters


def _get(path: str, **params: str | int) -> dict[str, Any]:
    try:
        with Site.here().client("donations", "operator") as client:
            return asked(client.get(path, params=params))
    except httpx.TransportError as error:
        raise unreachable(error) from error
