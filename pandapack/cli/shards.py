"""`panda shard list / resume`: how far the ledger's shards are, and resuming one whose input is gone."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

import typer

from pandapack.cli.failures import EXIT_WRONG
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site
from pandapack.cli.tables import print_table

app = typer.Typer(help="The ledger's shards.", no_args_is_help=True, add_completion=False)


@app.command("list")
def list_shards(as_json: AsJson = False) -> None:
    """How far each shard is, and the gap that it stopped at. Exit 1 where any has stopped."""
    shards = Site.here().request("donations", "operator", "GET", "/v1/shards")["items"]
    if as_json:
        typer.echo(json.dumps({"items": shards}))
    else:
        _print(shards)
    if any(shard["gap"] for shard in shards):
        raise typer.Exit(EXIT_WRONG)


def _print(shards: list[dict[str, Any]]) -> None:
    rows = [
        (
            shard["shard"],
            shard["page"] or "none yet",
            shard["next_offset"],
            sum(shard["donations"].values()),
            _state(shard),
        )
        for shard in shards
    ]
    empty = "no shards yet: the service has not taken up its ledger"
    print_table("", ("shard", "page", "next offset", "donations", "state"), rows, empty=empty)
    for shard in shards:
        if gap := shard["gap"]:
            which = f"{shard['shard']} --wanted {gap['wanted']} --begins {gap['begins']}"
            typer.echo(f"to go on without what was between: panda shard resume {which} --reason WHY")


def _state(shard: dict[str, Any]) -> str:
    gap = shard["gap"]
    return f"STOPPED: wants offset {gap['wanted']}, its log begins at {gap['begins']}" if gap else "goes"


@app.command("resume")
def resume_shard(
    shard: Annotated[int, typer.Argument(help="Which shard.")],
    wanted: Annotated[int, typer.Option(help="The offset that it wants, as `panda shard list` shows.")],
    begins: Annotated[int, typer.Option(help="The offset at which its log begins.")],
    reason: Annotated[str, typer.Option(help="Why it may resume without what was between; it is kept.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Resume a stopped shard behind the gap. What was in it is lost here: have it pushed again."""
    path, body = f"/v1/shards/{shard}/resume", {"wanted": wanted, "begins": begins, "reason": reason}
    key = hashlib.sha256(json.dumps([path, body]).encode()).hexdigest()
    answer = Site.here().request("donations", "operator", "POST", path, body=body, idempotency_key=key)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    typer.echo(f"shard {shard} resumes at offset {begins}; decided by {answer['by']}")
