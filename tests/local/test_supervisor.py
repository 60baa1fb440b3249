"""Children: started anew, stopped in order, never orphaned."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pandapack.backoff import Backoff
from pandapack.local import child
from pandapack.local.errors import ChildFailed
from pandapack.local.supervisor import ChildSpec, Supervisor, bound_log
from tests.local.processes import alive, state
from tests.waiting import eventually

WAIT_S = 60.0


def shell(folder: Path, name: str, script: str, ready: Callable[[], bool] = lambda: True) -> ChildSpec:
    """A child that runs a shell script in the folder."""
    return ChildSpec(
        name=name,
        argv=("/bin/sh", "-c", script),
        env=dict(os.environ),
        log_file=folder / f"{name}.log",
        ready=ready,
        cwd=folder,
        start_wait_s=WAIT_S,
        stop_wait_s=WAIT_S,
    )


def test_a_child_that_dies_again_and_again_is_started_anew_after_growing_pauses(tmp_path: Path) -> None:
    reports: list[str] = []
    died = r"weak ended with status 3; it is started again in ([\d.]+) s"
    with Supervisor(reports.append, restart_pauses=Backoff(0.05, 0.2)) as supervisor:
        marks = tmp_path / "marks"
        spec = shell(tmp_path, "weak", "echo up >> marks; sleep 0.15; exit 3", ready=marks.exists)
        supervisor.start(spec)
        # Between two deaths it may be said to be ready again.
        eventually(lambda: len(re.findall(died, "\n".join(reports))) >= 4, "four deaths")
    pauses = [float(pause) for pause in re.findall(died, "\n".join(reports))[:4]]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 0.2
    assert len(marks.read_text().splitlines()) >= 4


def test_a_killed_child_gets_a_new_process_and_is_said_to_be_ready_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pandapack.local.supervisor.READY_WATCH_EVERY_S", 0.05)
    reports: list[str] = []
    changes: list[int] = []
    with Supervisor(reports.append, lambda: changes.append(1), restart_pauses=Backoff(0.05, 10.0)) as supervisor:
        supervisor.start(shell(tmp_path, "strong", "exec sleep 100"))
        first = supervisor.pid("strong")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        eventually(lambda: supervisor.pid("strong") not in (None, first), "a new process")
        eventually(lambda: any("strong is ready again" in line for line in reports), "a line about it")
    assert reports[0].startswith("strong ended by SIGKILL")
    assert changes == [1]


def test_a_child_held_still_is_the_same_process_afterwards_and_is_asked_whether_it_is_ready(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        beat = tmp_path / "beat"
        script = "while :; do touch beat; sleep 0.02; done"
        supervisor.start(shell(tmp_path, "steady", script, ready=beat.exists))
        pid = supervisor.pid("steady")
        assert supervisor.signal("steady", signal.SIGSTOP) == pid is not None
        eventually(lambda: state(pid) == "T", "the stop")
        beat.unlink(missing_ok=True)
        assert not supervisor.is_ready("steady")
        assert supervisor.signal("steady", signal.SIGCONT) == pid
        eventually(lambda: supervisor.is_ready("steady"), "its next beat")


def test_a_child_between_two_processes_is_not_ready_and_gets_no_signal(tmp_path: Path) -> None:
    with Supervisor(restart_pauses=Backoff(WAIT_S, WAIT_S)) as supervisor:
        supervisor.start(shell(tmp_path, "away", "exec sleep 100"))
        assert supervisor.signal("away", signal.SIGKILL) is not None
        eventually(lambda: supervisor.pid("away") is None, "its death")
        assert supervisor.signal("away", signal.SIGKILL) is None
        assert not supervisor.is_ready("away")


def test_what_is_started_last_is_stopped_first(tmp_path: Path) -> None:
    script = "trap 'echo {0} >> order; exit 0' TERM; touch {0}.up; while :; do sleep 0.02; done"
    supervisor = Supervisor()
    for name in ("first", "second", "third"):
        supervisor.start(shell(tmp_path, name, script.format(name), ready=(tmp_path / f"{name}.up").exists))
    supervisor.stop()
    assert (tmp_path / "order").read_text().split() == ["third", "second", "first"]


def test_a_child_deaf_to_sigterm_is_killed_after_its_wait(tmp_path: Path) -> None:
    reports: list[str] = []
    script = "trap '' TERM; touch up; while :; do sleep 0.02; done"
    spec = shell(tmp_path, "deaf", script, ready=(tmp_path / "up").exists)
    supervisor = Supervisor(reports.append)
    supervisor.start(ChildSpec(**{**vars(spec), "stop_wait_s": 0.2}))
    pid = supervisor.pid("deaf")
    assert pid is not None
    supervisor.stop()
    assert not alive(pid)
    assert reports == ["deaf did not stop in 0 s and was killed"]


def test_hurrying_kills_at_once_what_still_stops(tmp_path: Path) -> None:
    supervisor = Supervisor()
    script = "trap '' TERM; touch up; while :; do sleep 0.02; done"
    supervisor.start(shell(tmp_path, "deaf", script, ready=(tmp_path / "up").exists))
    supervisor.hurry()
    begun_s = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begun_s < WAIT_S / 2


def test_a_child_that_ends_while_starting_is_an_error_that_shows_its_log(tmp_path: Path) -> None:
    with Supervisor() as supervisor, pytest.raises(ChildFailed, match=r"(?s)status 4.*no such topic"):
        supervisor.start(shell(tmp_path, "broken", "echo no such topic; exit 4", ready=lambda: False))


def test_a_child_that_is_never_ready_is_an_error_after_its_wait(tmp_path: Path) -> None:
    spec = shell(tmp_path, "idle", "exec sleep 100", ready=lambda: False)
    with Supervisor() as supervisor, pytest.raises(ChildFailed, match="idle was not ready within"):
        supervisor.start(ChildSpec(**{**vars(spec), "start_wait_s": 0.3}))


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    spec = shell(tmp_path, "lost", "")
    with Supervisor() as supervisor, pytest.raises(ChildFailed, match="cannot start /no/such/program"):
        supervisor.start(ChildSpec(**{**vars(spec), "argv": ("/no/such/program",), "ready": lambda: False}))


PARENT = """
import os, sys, time
from pathlib import Path
from pandapack.backoff import Backoff
from pandapack.local.supervisor import ChildSpec, Supervisor, bound_log
supervisor = Supervisor(restart_pauses=Backoff(0.05, 10.0))
for name in ("one", "two"):
    supervisor.start(ChildSpec(name=name, argv=("sleep", "1000"), env=dict(os.environ),
                               log_file=Path("log"), ready=lambda: True))
os.kill(supervisor.pid("one"), 9)
first = supervisor.pid("one")
while supervisor.pid("one") in (None, first):
    time.sleep(0.01)
print(supervisor.pid("one"), supervisor.pid("two"), flush=True)
time.sleep(1000)
"""


def test_kill_minus_9_of_the_parent_leaves_no_orphan_not_even_a_restarted_child(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=tmp_path, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2 and all(alive(pid) for pid in pids)
        parent.kill()
    eventually(lambda: not any(alive(pid) for pid in pids), f"the end of {pids}")


def test_a_child_whose_parent_died_before_it_could_say_so_ends_by_itself() -> None:
    nobody = "1" if os.getpid() != 1 else "2"
    command = [sys.executable, "-I", "-S", child.__file__, nobody, "sleep", "1000"]
    assert subprocess.run(command, check=False, timeout=WAIT_S).returncode == child.EXIT_ORPHANED


def test_a_log_that_has_grown_too_long_is_begun_anew_while_its_child_goes_on_writing(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with log.open("ab") as child:
        child.write(b"first\n" * 10)
        child.flush()
        assert not bound_log(log, bytes_max=60)
        child.write(b"last\n")
        child.flush()
        assert bound_log(log, bytes_max=60)
        child.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").read_text() == "first\n" * 10 + "last\n"
