"""`panda up` as a user meets it: its own process, real servers, stand-ins for the services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pandapack.local import ports
from pandapack.local.layout import SERVICES
from pandapack.local.running import read_note
from tests.local.environment import listeners, new_environment
from tests.local.processes import alive
from tests.stack import Servers
from tests.waiting import eventually

UP_WAIT_S = 300.0
END_WAIT_S = 120.0


def panda(folder: Path, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the stack in the folder to its end."""
    command = [sys.executable, "-m", "pandapack.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=UP_WAIT_S, check=False)


@contextmanager
def up(folder: Path, env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A `panda up` that is ready, and its note; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.local.up"]
    with subprocess.Popen(
        command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            begun_s = time.monotonic()
            while (note := read_note(folder / ".panda")) is None:
                assert process.stdout is not None
                assert process.poll() is None, process.stdout.read()
                assert time.monotonic() - begun_s < UP_WAIT_S
                time.sleep(0.05)
            yield process, note
        finally:
            process.kill()


def test_ctrl_c_leaves_no_process_and_no_port_and_a_second_up_names_the_first(tmp_path: Path) -> None:
    env = new_environment()
    with up(tmp_path, env) as (process, note):
        assert set(note["children"]) == {"kafka", "mongod", *SERVICES}
        assert all(alive(pid) for pid in note["children"].values())
        second = panda(tmp_path, env, "up")
        assert second.returncode == 1
        assert f"(pid {process.pid}, since {note['since']})" in second.stderr
        status = panda(tmp_path, env, "status", "--json")
        assert status.returncode == 0, status.stdout
        assert all(json.loads(status.stdout)["ready"].values())
        process.send_signal(signal.SIGINT)
        assert process.wait(END_WAIT_S) == 0
        assert process.stdout is not None
        assert "stopped everything; `panda up` goes on with the same data" in process.stdout.read()
    assert not any(alive(pid) for pid in note["children"].values())
    ports.check_free(listeners(env))
    assert not (tmp_path / ".panda" / "stack.json").exists()


def test_kill_minus_9_of_panda_leaves_no_orphan_and_the_next_start_works_on_other_ports(
    tmp_path: Path,
) -> None:
    env = new_environment()
    with up(tmp_path, env) as (process, note):
        process.kill()
        process.wait()
        eventually(lambda: not any(map(alive, note["children"].values())), "the end of all children")
    ports.check_free(listeners(env))
    moved = new_environment()
    started = panda(tmp_path, moved, "up", "--detach", "--servers-only")
    try:
        assert started.returncode == 0, started.stderr
        assert moved["PANDA_KAFKA_PORT"] in started.stdout
    finally:
        stopped = panda(tmp_path, moved, "down")
    assert (stopped.returncode, "stopped" in stopped.stdout) == (0, True)
    assert panda(tmp_path, moved, "status").returncode == 1


def test_existing_servers_are_used_and_a_killed_service_comes_back(tmp_path: Path, stack: Servers) -> None:
    env = new_environment() | {"PANDA_KAFKA": stack.kafka, "PANDA_MONGO": stack.mongo}
    with up(tmp_path, env) as (process, note):
        assert set(note["children"]) == set(SERVICES)
        killed = note["children"]["logistics"]
        os.kill(killed, signal.SIGKILL)

        def came_back() -> bool:
            now = read_note(tmp_path / ".panda")
            return now is not None and now["children"]["logistics"] not in (None, killed)

        eventually(came_back, "a new process for logistics, noted in stack.json")
        process.terminate()
        assert process.wait(END_WAIT_S) == 0


def test_a_busy_port_stops_up_before_anything_is_started(tmp_path: Path, stack: Servers) -> None:
    env = new_environment() | {"PANDA_KAFKA_PORT": stack.kafka.rpartition(":")[2]}
    refused = panda(tmp_path, env, "up")
    assert refused.returncode == 1
    assert "for kafka is busy, held by java" in refused.stderr and "PANDA_KAFKA_PORT" in refused.stderr
    assert not (tmp_path / ".panda" / "kafka").exists()


def test_a_busy_port_stops_a_demonstration_before_anything_is_started(tmp_path: Path, stack: Servers) -> None:
    env = new_environment() | {"PANDA_MONGO_PORT": stack.mongo.partition("127.0.0.1:")[2].partition("/")[0]}
    command = [sys.executable, "-m", "pandapack.cli.main", "demo"]
    refused = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=UP_WAIT_S, check=False
    )
    assert refused.returncode == 1
    assert "for mongo is busy, held by mongod" in refused.stderr and "PANDA_MONGO_PORT" in refused.stderr
    assert not list(tmp_path.glob(".panda/demo/mongod"))


DEMONSTRATION = """
import time
from pathlib import Path
from pandapack.local.running import DEMO_FOLDER, RunningLock, write_note
folder = Path(".panda") / DEMO_FOLDER
with RunningLock(folder):
    write_note(folder, {"addresses": {"kafka": "127.0.0.1:1", "mongo": "mongodb://127.0.0.1:1"}, "children": {}})
    print("held", flush=True)
    time.sleep(100)
"""


def test_status_and_down_find_a_demonstration_that_runs_here(tmp_path: Path) -> None:
    env = new_environment()
    with subprocess.Popen(
        [sys.executable, "-c", DEMONSTRATION], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        status = json.loads(panda(tmp_path, env, "status", "--json").stdout)
        assert (status["what"], status["pid"], status["also"]) == ("demonstration", process.pid, [])
        down = panda(tmp_path, env, "down")
        assert f"stopping the demonstration (pid {process.pid}" in down.stdout and down.returncode == 0
        assert process.wait(END_WAIT_S) == -signal.SIGTERM
    assert "no stack and no demonstration is running" in panda(tmp_path, env, "status").stdout
