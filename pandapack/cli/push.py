"""`panda push FILE`: sends NDJSON in batches that are safe to repeat, and names each refused line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from pandapack.cli.site import EXIT_UNREACHABLE, Site, fail
from pandapack.client import Client, NotTaken, Rejected, Report

SHOWN_MAX = 50
SECRET_SETTING = "PANDA_SIGNING_SECRET"


def push(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="NDJSON, one donation a line.")],
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Push a file of donations. Exit 1 when lines were refused; pushing the file again changes nothing.

    Stopped in the middle it goes on where it stopped. With PANDA_SIGNING_SECRET (whsec_…) pushes are signed.
    """
    site = Site.here()
    try:
        client = Client(site.urls["donations"], site.key("platform"), os.environ.get(SECRET_SETTING))
    except ValueError as error:
        raise fail(f"{SECRET_SETTING}: {error}") from error
    try:
        with client:
            report = _pushed_with_progress(client, file)
    except NotTaken as error:
        raise fail(str(error), EXIT_UNREACHABLE) from error
    except Rejected as error:
        raise fail(str(error)) from error
    _show(report, json_)
    if report.rejected:
        raise typer.Exit(1)


def _pushed_with_progress(client: Client, file: Path) -> Report:
    report = Report()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("pushing", total=file.stat().st_size)
        for pushed in client.file_pushes(file):
            report.add(pushed)
            progress.update(task, completed=pushed.end)
    return report


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        refused = [one.shown() for one in report.refused]
        shown = {"accepted": report.accepted, "rejected": report.rejected, "refused": refused, "pushes": report.pushes}
        typer.echo(json.dumps(shown))
        return
    for one in report.refused[:SHOWN_MAX]:
        typer.echo(f"line {one.line}: {one.code}: {one.en}", err=True)
    if report.rejected > SHOWN_MAX:
        typer.echo(f"… and {report.rejected - SHOWN_MAX} more; --json lists them all", err=True)
    if report.resumed_lines:
        typer.echo(f"went on behind line {report.resumed_lines}, where an earlier run stopped", err=True)
    typer.echo(f"{report.accepted} accepted, {report.rejected} refused, in {len(report.pushes)} pushes")
