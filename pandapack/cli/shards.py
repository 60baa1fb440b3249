"""`panda shard list / resume`: how far the ledger's shards are, and resuming one whose input is gone."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

import typer

from pandapack.cli.options import AsJson
from pandapack.cli.site import Site

app = typer.Typer(help="The ledger's shards.", no_args_is_help=True, add_completion=False)


@app.command("list")
def list_shards(as_json: AsJson = False) -> None:
    """How far each shard is, and the gap that it stopped at."""
    shards = Site.here().request("donations", "operator", "GET", "/v1/shards")["items"]
    if as_json:
        typer.echo(json.dumps({"items": shards}))
        return
    if not shards:
        typer.echo("no shards yet: the service has not taken up its ledger")
    for shard in shards:
        typer.echo(f"shard {shard['shard']}: page {shard['page']}, next offset {shard['next_offset']}, {_state(shard)}")


def _state(shard: dict[str, Any]) -> str:
    gap = shard["gap"]
    return f"STOPPED: wants offset {gap['wanted']}, its log begins at {gap['begins']}" if gap else "goes"


@app.command("resume")
def resume_shard(
    shard: Annotated[int, typer.Argument(help="Which shard.")],
    wanted: Annotated[int, typer.Option(help="The offset that it wants, as `panda shard list` shows.")],
    begins: Annotated[int, typer.Option(help="The offset at which its log begins.")],
    reason: Annotated[str, typer.Option(help="Why it may resume without what was between; it is kept.")],
) -> None:
    """Resume a stopped shard behind the gap. What was in it is lost here: have it pushed again."""
    path, body = f"/v1/shards/{shard}/resume", {"wanted": wanted, "begins": begins, "reason": reason}
    key = hashlib.sha256(json.dumps([path, body]).encode()).hexdigest()
    answer = Site.here().request("donations", "operator", "POST", path, body=body, idempotency_key=key)
    typer.echo(f"shard {shard} resumes at offset {begins}; decided by {answer['by']}")
