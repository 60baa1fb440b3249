"""`panda bench`: the benchmarks, as a process of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Measure this machine: donations a second from HTTP push to reporting's totals."""
    flags = [*(["--quick"] if quick else []), *(["--json"] if json_ else [])]
    raise typer.Exit(subprocess.call([sys.executable, "-m", "benchmarks", *flags]))
