"""`panda doctor`: what would keep the embedded stack from running on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.markup import escape

from pandapack.cli.failures import EXIT_WRONG, explained
from pandapack.cli.options import AsJson
from pandapack.local.doctor import examine
from pandapack.local.layout import Layout

MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "wrong": "[red]wrong  [/]"}


def doctor(as_json: AsJson = False) -> None:
    """Look for what would keep the stack from running and say how to mend it; exit 1 if there is any."""
    with explained():
        findings = examine(Layout.from_environment())
    well = all(finding.level != "wrong" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"well": well, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        console = Console(highlight=False)
        for finding in findings:
            line = f"{MARKS[finding.level]} {finding.name}: {escape(finding.detail)}"
            console.print(line, soft_wrap=True)
            if finding.mend:
                console.print(f"        [dim]{escape(finding.mend)}[/]", soft_wrap=True)
    if not well:
        raise typer.Exit(EXIT_WRONG)
