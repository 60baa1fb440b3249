"""`panda push FILE`: sends NDJSON in batches that are safe to repeat, and names each refused line."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from pandapack.cli.failures import EXIT_INTERRUPTED, EXIT_UNREACHABLE, EXIT_WRONG, fail
from pandapack.cli.options import AsJson
from pandapack.cli.site import Site
from pandapack.client import Client, PushFailed, Rejected, Report
from pandapack.client.delivery import Wait

LINES_SHOWN_MAX = 50
PUSHING = "pushing"
SECRET_SETTING = "PANDA_SIGNING_SECRET"


def push(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="NDJSON, one donation a line.")],
    as_json: AsJson = False,
) -> None:
    """Push a file of donations. Exit 1 when lines were refused; pushing the file again changes nothing.

    Stopped in the middle it resumes where it stopped. With PANDA_SIGNING_SECRET (whsec_…) pushes are signed.
    """
    site = Site.here()
    try:
        shown = PushProgress()
        secret = os.environ.get(SECRET_SETTING)
        client = Client(site.urls["donations"], site.key("platform"), secret, on_wait=shown.wait)
    except ValueError as error:
        raise fail(f"{SECRET_SETTING}: {error}") from error
    site.reach("donations")  # the client is patient: it repeats for a minute what nobody hears
    try:
        with client:
            report = shown.follow(client, file)
    except PushFailed as error:
        raise fail(f"{site.urls['donations']}: {error}", EXIT_UNREACHABLE) from error
    except Rejected as error:
        raise fail(str(error)) from error
    except KeyboardInterrupt:
        raise fail(f"stopped; `panda push {file}` goes on where this stopped", EXIT_INTERRUPTED) from None
    _show(report, as_json)
    if report.rejected:
        raise typer.Exit(EXIT_WRONG)


class PushProgress:
    """A bar on standard error: how much of the file is pushed, and for what a push waits. Any thread may tell."""

    def __init__(self) -> None:
        self._progress = Progress(console=Console(stderr=True))
        self._task = self._progress.add_task(PUSHING)

    def wait(self, pause: Wait) -> None:
        """A push is not repeated before the pause is over."""
        self._progress.update(self._task, description=waiting_for(pause))

    def follow(self, client: Client, file: Path) -> Report:
        """Pushes the file, and shows how far that is. Raises PushError."""
        report = Report()
        self._progress.update(self._task, total=file.stat().st_size)
        with self._progress:
            for result in client.file_pushes(file):
                report.add(result)
                self._progress.update(self._task, completed=result.end, description=PUSHING)
        return report


def waiting_for(pause: Wait) -> str:
    """For how long, and for what: a person watches a bar that stands still."""
    seconds = f"{math.ceil(pause.pause_s)} s"
    match pause.code:
        case "rate_exceeded":
            return f"waiting {seconds} for the platform's rate"
        case "":
            return f"no answer; trying again in {seconds}"
        case code:
            return f"waiting {seconds}: {code.replace('_', ' ')}"


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        refused = [line.as_json() for line in report.refused]
        counts = {"accepted": report.accepted, "rejected": report.rejected}
        typer.echo(json.dumps({**counts, "refused": refused, "pushes": report.pushes}))
        return
    for line in report.refused[:LINES_SHOWN_MAX]:
        typer.echo(f"line {line.line}: {line.code}: {line.en}", err=True)
    if report.rejected > LINES_SHOWN_MAX:
        listed = "" if report.refused_more else "; --json lists them all"
        typer.echo(f"… and {report.rejected - LINES_SHOWN_MAX} more{listed}", err=True)
    if report.resumed_lines:
        typer.echo(f"resumed behind line {report.resumed_lines}, where an earlier run stopped", err=True)
    typer.echo(f"{report.accepted} accepted, {report.rejected} refused, in {len(report.pushes)} pushes")
