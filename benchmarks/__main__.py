"""`python -m benchmarks [--quick] [--json]`: what `panda bench` runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.end_to_end import measure
from pandapack.local.stack import Layout, Stack

DONATIONS = 2_000_000
DONATIONS_QUICK = 400_000
DONATIONS_WARM = 50_000
DAYS = 40
ACCEPT_DAYS = "36500"


def machine() -> dict[str, Any]:
    """What was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def run(donations: int) -> dict[str, Any]:
    """Starts a stack of its own on free ports, measures, and leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="panda-bench-") as folder:
        layout = Layout.on_free_ports(
            Path(folder) / ".panda", keep_data=False, service_env={"PANDA_ACCEPT_DAYS": ACCEPT_DAYS}
        )
        with Stack(layout, report=lambda words: print(words, file=sys.stderr)) as stack:
            asyncio.run(measure(stack, DONATIONS_WARM, days=1, first=DONATIONS))
            end_to_end = asyncio.run(measure(stack, donations, days=DAYS))
    return {
        "donations": end_to_end.donations,
        "http_in_per_s": end_to_end.http_in_per_s,
        "end_to_end_per_s": end_to_end.end_to_end_per_s,
        "machine": machine(),
    }


def main() -> None:
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(prog="panda bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    wanted = parser.parse_args()
    result = run(DONATIONS_QUICK if wanted.quick else DONATIONS)
    if wanted.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:20} {value:,}" if isinstance(value, int | float) else f"{name:20} {value}")


if __name__ == "__main__":
    main()
