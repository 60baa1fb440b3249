"""`panda demo` and `panda chaos` as their users run them: processes in folders and on ports of their own."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.local.environment import new_environment

DONATIONS = 100_000
SEED = 11
"""Its first four faults: reporting, Kafka and mongod are killed, Kafka is held still."""
FAULTS = 4
END_WAIT_S = 600.0
LOG_LINES = 20
TOLD_LINES = 200
LINE_CHARACTERS = 500
OUTPUT_CHARACTERS = 4_000
"""What it found wrong stands before its figures."""
NUMBER = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")
MEASURED = ("elapsed_s", "donations_per_s")
PANDA = (sys.executable, "-m", "pandapack.cli.main")
STORY = ("--donations", str(DONATIONS), "--seed", str(SEED))
SETTLED = (*PANDA, "demo", *STORY, "--until-settled", "--json")
STAYS = (*PANDA, "demo", *STORY, "--stay")
CHAOS = (*PANDA, "chaos", *STORY, "--faults", str(FAULTS), "--json")
LAST_FACT = "items_help_study_and_life_very_much"
"""The last line that a demonstration prints of its three years begins so."""

Json = dict[str, Any]


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


def await_first_donation(process: subprocess.Popen[str]) -> None:
    """Until a demonstration has counted its first gift. Where it ends before, the failure tells what it said."""
    assert process.stdout is not None and process.stderr is not None
    printed: list[str] = []
    for line in process.stdout:
        if "first counted donation after" in line:
            return
        printed.append(line)
    told = last_different("".join((*printed, process.stderr.read())), TOLD_LINES)
    pytest.fail(f"it ended with {process.wait()} before its first gift:\n{told}", pytrace=False)


def outcome_of(process: subprocess.Popen[str], folder: Path) -> Json:
    """What it printed, once it has ended well. Where it does not end, the failure tells what it waited for."""
    try:
        out, err = process.communicate(timeout=END_WAIT_S)
    except subprocess.TimeoutExpired:
        logs = _log_tails(folder)  # they are gone once it has stopped
        process.terminate()
        out, err = process.communicate()
        told = last_different(err, TOLD_LINES)
        pytest.fail(f"not at its end after {END_WAIT_S:.0f} s:\n{logs}\n--- what it said\n{told}", pytrace=False)
    if process.returncode:  # what it says has the ends of all logs in it
        told = f"{out[:OUTPUT_CHARACTERS]}\n…\n{last_different(err, TOLD_LINES)}"
        pytest.fail(f"it ended with {process.returncode}:\n{told}", pytrace=False)
    outcome: Json = json.loads(out)
    return outcome


def _log_tails(folder: Path) -> str:
    logs = sorted(folder.glob(".panda/*/logs/*.log"))
    return "\n".join(f"--- {log.name}\n{last_different(log.read_text(errors='replace'), LOG_LINES)}" for log in logs)


def last_different(text: str, count: int) -> str:
    """The last `count` lines, of those alike in all but numbers the last one alone: what repeats hides no reason."""
    found: dict[str, str] = {}
    for line in reversed(text.splitlines()):
        found.setdefault(NUMBER.sub("#", line), line[:LINE_CHARACTERS])
        if len(found) == count:
            break
    return "\n".join(reversed(found.values()))


def figures(outcome: Json) -> Json:
    """All that does not depend on how fast the machine is."""
    return {name: value for name, value in outcome.items() if name not in MEASURED}
