"""`panda demo` and `panda chaos` as their users run them: processes in folders and on ports of their own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pandapack.local.supervisor import log_tail
from tests.local.environment import new_environment

DONATIONS = 100_000
SEED = 3
"""Its first four faults: procurement, Kafka and mongod are killed, reporting is held still."""
FAULTS = 4
END_WAIT_S = 300.0
LOG_LINES = 20
MEASURED = ("elapsed_s", "donations_per_s")
PANDA = (sys.executable, "-m", "pandapack.cli.main")
STORY = ("--donations", str(DONATIONS), "--seed", str(SEED), "--json")
SETTLED = (*PANDA, "demo", *STORY, "--until-settled")
CHAOS = (*PANDA, "chaos", *STORY, "--faults", str(FAULTS))

Json = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """What both commands printed."""

    demonstration: Json
    campaign: Json


@contextlib.contextmanager
def running(folder: Path, command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """The command in this folder, on free ports; killed at the end if it still runs."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env or new_environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def outcome_of(process: subprocess.Popen[str], folder: Path) -> Json:
    """What it printed, once it has ended well. Where it does not end, the failure tells what it waited for."""
    try:
        out, err = process.communicate(timeout=END_WAIT_S)
    except subprocess.TimeoutExpired:
        logs = _log_tails(folder)  # they are gone once it has stopped
        process.terminate()
        out, err = process.communicate()
        pytest.fail(f"not at its end after {END_WAIT_S:.0f} s:\n{err[-4_000:]}\n{logs}", pytrace=False)
    assert process.returncode == 0, (out[-2_000:], err[-4_000:])
    outcome: Json = json.loads(out)
    return outcome


def _log_tails(folder: Path) -> str:
    logs = sorted(folder.glob(".panda/*/logs/*.log"))
    return "\n".join(f"--- {log.name}\n" + "\n".join(log_tail(log, LOG_LINES)) for log in logs)


def figures(outcome: Json) -> Json:
    """All that does not depend on how fast the machine is."""
    return {name: value for name, value in outcome.items() if name not in MEASURED}
