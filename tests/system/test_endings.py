"""The end of `panda demo`, at Ctrl-C and at kill -9, leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest

from pandapack.local import ports
from tests.local.environment import listeners, new_environment
from tests.local.processes import alive
from tests.system.playing import PANDA, SEED, await_first_donation, running
from tests.waiting import eventually

ENDLESS = (*PANDA, "demo", "--seed", str(SEED))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_endless_demonstration_leaves_no_process_and_no_port_at_ctrl_c_and_at_kill_minus_9(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    env = new_environment()
    with running(tmp_path, ENDLESS, env) as process:
        await_first_donation(process)
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
