"""`panda demo` as its users run it: one seed tells one story, also beside others, and its end leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest

from pandapack.cli.demo import LAWS
from pandapack.local import ports
from tests.local.environment import listeners, new_environment
from tests.local.processes import alive
from tests.system.playing import DONATIONS, PANDA, SEED, Played, figures, running
from tests.waiting import eventually

ENDLESS = (*PANDA, "demo", "--seed", str(SEED))


def test_one_seed_tells_one_story_also_beside_another_demonstration(played: Played) -> None:
    assert figures(played.demonstration) == figures(played.campaign["undisturbed"])
    assert all(played.demonstration[law] for law in LAWS)


def test_all_that_can_be_funded_comes_to_its_end(played: Played) -> None:
    outcome = played.demonstration
    parcels = outcome["parcels"]
    assert (outcome["donations"], outcome["duplicates"]) == (DONATIONS, 3 * DONATIONS // 100)
    assert (outcome["reserved_fen"], outcome["committed_fen"]) == (0, 0)
    assert outcome["received_fen"] == outcome["unallocated_fen"] + outcome["spent_fen"]
    assert outcome["rounds"] == outcome["countries"] == 2
    assert parcels["packed"] == sum(count for state, count in parcels.items() if state != "packed") == 40
    assert parcels["warehouse"] == parcels["in_transit"] == 0
    assert outcome["pupils_reached"] == parcels["accepted"] > 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_endless_demonstration_leaves_no_process_and_no_port_at_ctrl_c_and_at_kill_minus_9(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    env = new_environment()
    with running(tmp_path, ENDLESS, env) as process:
        assert process.stdout is not None
        assert any("first counted donation after" in line for line in process.stdout)
        children = [*_children(tmp_path).values(), *_simulators(tmp_path)]
        assert len(children) == 7
        process.send_signal(number)
        last_lines, _ = process.communicate()
        assert process.returncode == status
        for hint in ("stopped everything", f"`panda demo --seed {SEED}` tells the same story again"):
            assert (hint in last_lines) == (number is signal.SIGINT)
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
            arguments = (process / "cmdline").read_text().split("\0")
            if "simulator" in arguments and any(argument.startswith(str(folder)) for argument in arguments):
                found.append(int(process.name))
    return found
