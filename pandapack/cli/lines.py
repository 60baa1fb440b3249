"""`panda line list / go-on`: the ledger's lines, and letting one go on whose input is gone."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

import httpx
import typer

from pandapack.cli.site import Site, asked, unreachable

app = typer.Typer(help="The ledger's lines.", no_args_is_help=True)

As_json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")]


@app.command("list")
def listed(json_: As_json = False) -> None:
    """How far each line is, and the gap that it stopped at."""
    lines = _told("GET", "/v1/lines")["items"]
    if json_:
        typer.echo(json.dumps({"items": lines}))
        return
    for line in lines:
        gap = line["gap"]
        state = f"STOPPED: wants offset {gap['wanted']}, its log begins at {gap['begins']}" if gap else "goes"
        typer.echo(f"line {line['line']}: page {line['page']}, next offset {line['next_offset']}, {state}")


@app.command("go-on")
def go_on(
    line: Annotated[int, typer.Argument(help="Which line.")],
    wanted: Annotated[int, typer.Option(help="The offset that it wants, as `panda line list` shows.")],
    begins: Annotated[int, typer.Option(help="The offset at which its log begins.")],
    reason: Annotated[str, typer.Option(help="Why it may go on without what was between; it is kept.")],
) -> None:
    """Let a stopped line go on behind the gap. What was in it is lost here: have it pushed again."""
    body = {"wanted": wanted, "begins": begins, "reason": reason}
    answer = _told("POST", f"/v1/lines/{line}/go-on", body)
    typer.echo(f"line {line} goes on at offset {begins}; said by {answer['by']}")


def _told(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    key = hashlib.sha256(json.dumps([path, body]).encode()).hexdigest()
    try:
        with Site.here().client("donations", "operator") as client:
            return asked(client.request(method, path, json=body, headers={"Idempotency-Key": key}))
    except httpx.TransportError as error:
        raise unreachable(error) from error
