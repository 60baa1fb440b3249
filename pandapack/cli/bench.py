"""`panda bench`: the benchmarks, as a process of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from pandapack.cli.options import AsJson


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Smaller counts: under a minute.")] = False,
    only: Annotated[list[str] | None, typer.Option("--only", help="One part; may be given again.")] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Donations processes that share shards.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure this machine: throughput, latency, storage, recovery, with Kafka Streams and raw limits beside.

    It runs on a stack of its own and leaves nothing behind. `python -m benchmarks --help` knows more options.
    """
    flags = [*(["--quick"] if quick else []), *(["--json"] if as_json else []), "--processes", str(processes)]
    for name in only or []:
        flags += ["--only", name]
    raise typer.Exit(subprocess.call([sys.executable, "-m", "benchmarks", *flags]))
