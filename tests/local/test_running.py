"""One stack per data directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pandapack.local.errors import AlreadyRunning
from pandapack.local.running import DEMO_FOLDER, RunningLock, holder_of, read_note, running_in, write_note

HOLD = """
import sys, time
from pathlib import Path
from pandapack.local.running import RunningLock, write_note
with RunningLock(Path(".")):
    write_note(Path("."), {"addresses": {}})
    print("held", flush=True)
    time.sleep(100)
"""


def test_a_second_stack_learns_who_runs_and_since_when(tmp_path: Path) -> None:
    with RunningLock(tmp_path) as lock:
        expected = rf"running in {tmp_path}.*\(pid {os.getpid()}, since {lock.since[:10]}"
        with pytest.raises(AlreadyRunning, match=expected):
            RunningLock(tmp_path).acquire()
    with RunningLock(tmp_path):
        pass


def test_what_a_killed_stack_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        holder = holder_of(tmp_path)
        assert holder is not None and holder.pid == process.pid
        process.kill()
    assert (tmp_path / "stack.json").exists()
    assert holder_of(tmp_path) is None
    assert read_note(tmp_path) is None
    with RunningLock(tmp_path):
        assert not (tmp_path / "stack.json").exists()


def test_the_note_of_a_running_stack_is_read_by_others_and_gone_at_its_end(tmp_path: Path) -> None:
    with RunningLock(tmp_path):
        write_note(tmp_path, {"addresses": {"kafka": "127.0.0.1:1"}})
        assert read_note(tmp_path) == {"addresses": {"kafka": "127.0.0.1:1"}}
    assert read_note(tmp_path) is None
    assert not (tmp_path / "stack.json").exists()


def test_a_folder_tells_of_its_stack_and_of_its_demonstration_apart(tmp_path: Path) -> None:
    def found() -> list[str]:
        return [one.what for one in running_in(tmp_path)]

    assert found() == []
    with RunningLock(tmp_path / DEMO_FOLDER):
        assert found() == ["demonstration"]
        with RunningLock(tmp_path):
            assert found() == ["stack", "demonstration"]
    assert found() == []
