"""`panda drill KIND`: the runbook of a kind of stop, rehearsed on a stack of its own, and how long it took."""

from __future__ import annotations

import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pandapack.cli.console import jar_progress, print_line
from pandapack.cli.drills.ground import SETTINGS, Ground, Json
from pandapack.cli.drills.kinds import DONATIONS_BEFORE, DRILLS, Drill
from pandapack.cli.drills.surfaces import looks_of, until_all_tell, until_none_tells
from pandapack.cli.failures import EXIT_INTERRUPTED, EXIT_USAGE, EXIT_WRONG, explained, fail
from pandapack.cli.options import AsJson
from pandapack.cli.stack import stopped_by_signals
from pandapack.local.layout import Layout
from pandapack.local.stack import Stack


def drill(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What stops: {', '.join(DRILLS)}.")],
    as_json: AsJson = False,
) -> None:
    """Rehearse the runbook of a kind of stop on a stack of its own; exit 1 where a total or law is wrong after it."""
    if kind not in DRILLS:
        raise fail(f"there is no drill {kind}: there are {', '.join(DRILLS)}", EXIT_USAGE)
    console = Console(highlight=False, stderr=as_json)
    with explained(), tempfile.TemporaryDirectory(prefix="panda-drill-") as folder:
        report = _rehearse(console, Path(folder), kind)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _print(report)
    if report["differences"]:
        raise typer.Exit(EXIT_WRONG)


def _rehearse(console: Console, folder: Path, kind: str) -> Json:
    layout = Layout.on_free_ports(folder / ".panda", keep_data=False, service_env=SETTINGS)
    with jar_progress(console) as progress:
        stack = Stack(layout, report=partial(print_line, console), progress=progress)
        with stopped_by_signals(stack):
            try:
                with stack:
                    return {"drill": kind, **run(Ground(stack), DRILLS[kind])}
            except KeyboardInterrupt:
                raise typer.Exit(EXIT_INTERRUPTED) from None


def run(ground: Ground, drill: Drill) -> Json:
    """Gifts, the stop, what is seen of it, the runbook's commands, and the books after it. Raises DrillFailed.

    `seen_s`: from the stop until all surfaces told of it, `surfaces_s`: until each did; `mended_s`: from the first act
    until it was over, no surface told of it any more, and all gifts were counted.
    """
    ground.publish_programme()
    ground.push(ground.give(DONATIONS_BEFORE))
    ground.settle()
    ground.until(ground.well, "all is well before it")
    began_s = time.monotonic()
    found = drill.bring(ground)
    looks = looks_of(ground, drill, found)
    try:
        surfaces_s = until_all_tell(ground, looks, since_s=began_s, again=lambda: drill.again(ground))
    finally:  # nothing is left standing still, whoever has not seen it
        acts_s = time.monotonic()
        drill.mend(ground, found)
    ground.until(ground.well, "it is over")
    until_none_tells(ground, looks)
    ground.settle()
    return {
        "runbook": f"docs/operations/{drill.runbook}.md",
        "seen_s": max(surfaces_s.values()),
        "surfaces_s": surfaces_s,
        "mended_s": round(time.monotonic() - acts_s, 1),
        "commands": ground.commands,
        "donations": ground.donations,
        "received_fen": ground.fen,
        "differences": ground.differences(),
    }


def _print(report: Json) -> None:
    typer.echo(f"{report['drill']}: seen after {report['seen_s']} s, mended {report['mended_s']} s later")
    seen = (f"{surface} after {after_s} s" for surface, after_s in report["surfaces_s"].items())
    typer.echo(f"  told by {', '.join(seen)}")
    typer.echo(f"  by {report['runbook']}:")
    for command in report["commands"] or ("nothing: it mends itself",):
        typer.echo(f"    {command}")
    if not report["differences"]:
        typer.echo(f"  {report['donations']} gifts, {report['received_fen']} fen: all counted once, and the laws hold")
    for difference in report["differences"]:
        typer.echo(f"  WRONG: {difference}")
