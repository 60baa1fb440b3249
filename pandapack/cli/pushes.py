"""`panda pushes list / show`: what was pushed, how it was answered, and what became of it."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from pandapack.cli.options import AsJson
from pandapack.cli.site import Site
from pandapack.cli.tables import print_table

app = typer.Typer(help="Pushes and what became of them.", no_args_is_help=True, add_completion=False)

LISTED_DEFAULT = 20
LISTED_MAX = 500
COUNTS = ("accepted", "rejected", "counted", "duplicates", "conflicts", "refused", "parked")


@app.command("list")
def list_pushes(
    *,
    platform: Annotated[str | None, typer.Option(help="Whose; without it, those of the key of this folder.")] = None,
    last: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="So many, newest first.")] = LISTED_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """A platform's last pushes, newest first, those that were refused among them, with what was signed."""
    role = "platform" if platform is None else "operator"
    params = {"limit": str(last), **({} if platform is None else {"platform": platform})}
    found = Site.here().request("donations", role, "GET", "/v1/pushes", params=params)["items"]
    if as_json:
        typer.echo(json.dumps({"items": found}))
        return
    rows = [
        (one["at"], _name(one), one["status"] or "-", one["state"], one["accepted"], one["rejected"]) for one in found
    ]
    columns = ("at", "push", "status", "state", "taken", "refused")
    print_table("", columns, rows, empty="no pushes yet: `panda push FILE` pushes a file")
    for one in found:
        if one["detail"]:
            typer.echo(f"{_name(one)}: {one['code']}: {one['detail']}")
        for name, value in (one["signed"] or {}).items():
            typer.echo(f"    signed: {name} {value}")


@app.command("show")
def show_push(
    push: Annotated[str, typer.Argument(help="The push_id that a push was answered (psh_…).")],
    *,
    wait: Annotated[str | None, typer.Option(help="Wait until it is judged: 1s to 30s.")] = None,
    staff: Annotated[bool, typer.Option("--staff", help="Ask as an operator: any platform's.")] = False,
    as_json: AsJson = False,
) -> None:
    """What became of a push: whether it is judged, how much of it was counted, and what was not, by index."""
    role, params = "operator" if staff else "platform", {} if wait is None else {"wait": wait}
    found = Site.here().request("donations", role, "GET", f"/v1/pushes/{quote(push, safe='')}", params=params)
    if as_json:
        typer.echo(json.dumps(found))
        return
    counts = ", ".join(f"{name} {_count(found[name])}" for name in COUNTS)
    typer.echo(f"{found['push_id']}  {found['at']}  {found['state']}: {counts}")
    for one in found["failures"] or ():
        typer.echo(f"    line {one['index']}: {one['code']} at {one['pointer'] or '/'}: {one['message']['en']}")
    if found["failures_more"]:
        typer.echo(f"    and {found['failures_more']} more lines were refused: mend these, and push them again")
    for one in found["findings"]:
        typer.echo(f"    line {_count(one['index'])}: {_finding(one)}")
    if found["findings_truncated"]:
        typer.echo("    and more: only the first are listed")


def _name(one: dict[str, Any]) -> str:
    return str(one["push_id"] or one["request_id"] or "")


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value}"


def _finding(one: dict[str, Any]) -> str:
    text = f"{one['kind']} {one['merchant']} {one['id']} of {one['day'] or '?'}, {_count(one['amount_fen'])} fen"
    if one["first"]:
        first = one["first"]
        text += f"; first: {first['amount_fen']} fen for {first['programme']} at {first['at']} on page {first['page']}"
    return text if one["left_fen"] is None else f"{text}; left: {one['left_fen']} fen"
