"""`panda bench`: the benchmarks, as a process of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Smaller counts: under a minute.")] = False,
    only: Annotated[list[str] | None, typer.Option("--only", help="One part; may be given again.")] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Donations processes that share the lines.")] = 2,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for a machine.")] = False,
) -> None:
    """Measure this machine: throughput, latency, storage, recovery, with Kafka Streams and raw limits beside.

    It runs on a stack of its own and leaves nothing behind. `python -m benchmarks --help` knows more options.
    """
    flags = [*(["--quick"] if quick else []), *(["--json"] if json_ else []), "--processes", str(processes)]
    for name in only or []:
        flags += ["--only", name]
    raise typer.Exit(subprocess.call([sys.executable, "-m", "benchmarks", *flags]))
