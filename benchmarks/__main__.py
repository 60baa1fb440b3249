"""`python -m benchmarks [--quick] [--only NAME] [--json]`: what `panda bench` runs."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.plan import QUICK, Plan
from benchmarks.results import RESULTS_FILE, markdown, table
from benchmarks.runner import BIG, PARTS, run


def main() -> None:
    """Prints a table, or one JSON object; progress goes to stderr. Exit status 1 where a part failed."""
    wanted = _arguments()
    if wanted.write_results:
        runs = [_read(path) for path in wanted.write_results]
    else:
        runs = [run(wanted.only or PARTS, _plan(wanted), wanted.folder)]
        print(json.dumps(runs[0]) if wanted.json else table(runs[0]))
    if wanted.write_results is not None:
        RESULTS_FILE.write_text(markdown(runs))
        print(f"written: {RESULTS_FILE}", file=sys.stderr)
    if not wanted.write_results and runs[0]["errors"]:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="panda bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller counts: under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--only", action="append", choices=(*PARTS, BIG), help="one part; may be given again")
    parser.add_argument("--donations", type=int, help="how many, instead of the plan's count")
    parser.add_argument("--without-log", action="store_true", help="nobody owns the public log: what it costs")
    parser.add_argument("--one-day", action="store_true", help="one festival day instead of 40 days")
    parser.add_argument(
        "--processes", type=int, default=Plan().processes, help="donations processes that share the shards"
    )
    parser.add_argument("--folder", type=Path, help="where stacks keep their data (default: the temporary folder)")
    parser.add_argument(
        "--write-results",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="write benchmarks/RESULTS.md: of this run, or, measuring nothing, of earlier runs' JSON (- is stdin)",
    )
    return parser.parse_args()


def _plan(wanted: argparse.Namespace) -> Plan:
    plan = replace(QUICK if wanted.quick else Plan(), processes=max(1, wanted.processes), log=not wanted.without_log)
    if wanted.one_day:
        plan = replace(plan, days=1)
    if wanted.donations:
        count = wanted.donations
        plan = replace(plan, donations=count, ledger=count, big=count, big_step=min(plan.big_step, max(1, count // 10)))
    return plan


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    return found


if __name__ == "__main__":
    main()
