"""`panda demo` as its users run it: one seed tells one story, beside others, and whatever is killed in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pandapack.local import ports
from tests.local.test_supervisor import alive, eventually
from tests.local.test_up import listeners, new_environment

DONATIONS = 100_000
SEED = 7
END_WAIT_S = 120.0
VICTIMS = ("procurement", "mongod", "kafka")
PULSES_BETWEEN_KILLS = 2
MEASURED = ("elapsed_s", "donations_per_s")
LAWS = ("money_conserved", "items_conserved", "parcels_conserved")
PANDA = (sys.executable, "-m", "pandapack.cli.main", "demo", "--seed", str(SEED))
SETTLED = (*PANDA, "--donations", str(DONATIONS), "--until-settled", "--json")

Json = dict[str, Any]


@contextlib.contextmanager
def running(folder: Path, command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A demonstration in a folder and on ports of its own; killed at the end if it still runs."""
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


def outcome_of(process: subprocess.Popen[str]) -> Json:
    """What it printed, once it has ended well."""
    out, err = process.communicate(timeout=END_WAIT_S)
    assert process.returncode == 0, err[-4_000:]
    told: Json = json.loads(out)
    return told


def figures(outcome: Json) -> Json:
    """All that does not depend on how fast the machine is."""
    return {name: value for name, value in outcome.items() if name not in MEASURED}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """Two demonstrations of one seed, side by side."""
    folder = tmp_path_factory.mktemp("demonstrations")
    with running(folder / "a", SETTLED) as first, running(folder / "b", SETTLED) as second:
        return [outcome_of(first), outcome_of(second)]


def test_one_seed_tells_one_story_also_beside_another_demonstration(outcomes: list[Json]) -> None:
    first, second = outcomes
    assert figures(first) == figures(second)
    assert all(first[law] for law in LAWS)


def test_all_that_can_be_funded_comes_to_its_end(outcomes: list[Json]) -> None:
    told = outcomes[0]
    parcels = told["parcels"]
    assert (told["donations"], told["duplicates"]) == (DONATIONS, 3 * DONATIONS // 100)
    assert (told["reserved_fen"], told["committed_fen"]) == (0, 0)
    assert told["received_fen"] == told["unallocated_fen"] + told["spent_fen"]
    assert told["rounds"] == told["countries"] == 2
    assert parcels["packed"] == sum(count for state, count in parcels.items() if state != "packed") == 40
    assert parcels["warehouse"] == parcels["in_transit"] == 0
    assert told["pupils_reached"] == parcels["accepted"] > 0


def test_killing_a_service_mongod_and_kafka_in_the_middle_changes_no_figure(
    outcomes: list[Json], tmp_path: Path
) -> None:
    with running(tmp_path, SETTLED) as process:
        assert process.stderr is not None
        pulses = (line for line in process.stderr if " gifts (" in line and not line.startswith("preparing"))
        for victim in VICTIMS:
            for _ in range(PULSES_BETWEEN_KILLS):
                next(pulses)
            os.kill(_children(tmp_path)[victim], signal.SIGKILL)
        told = outcome_of(process)
    # A push whose answer was lost is pushed again: its rows are found as duplicates, and count once.
    assert told.pop("duplicates") >= outcomes[0]["duplicates"]
    expected = figures(outcomes[0])
    del expected["duplicates"]
    assert figures(told) == expected


def test_kill_minus_9_of_an_endless_demonstration_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    env = new_environment()
    with running(tmp_path, PANDA, env) as process:
        assert process.stdout is not None
        assert any("first counted donation after" in line for line in process.stdout)
        children = [*_children(tmp_path).values(), *_simulators(tmp_path)]
        assert len(children) == 7
        process.kill()
        process.wait()
    eventually(lambda: not any(map(alive, children)), "the end of all children")
    ports.check_free(listeners(env))


def _children(folder: Path) -> dict[str, int]:
    """The processes of the demonstration's stack by name, once all of them run."""
    (note,) = folder.glob(".panda/demo*/stack.json")
    children: dict[str, int] = json.loads(note.read_text())["children"]
    return children


def _simulators(folder: Path) -> list[int]:
    """The simulators that play in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if "simulator" in words and any(word.startswith(str(folder)) for word in words):
                found.append(int(process.name))
    return found
