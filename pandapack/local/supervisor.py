"""Children that live exactly as long as their parent wants them to.

What is started together is one batch: its members start side by side and stop side by side; batches stop in
reverse order. A child that dies is started again after a growing pause. A child ends with its parent even at
kill -9.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pandapack.backoff import Backoff
from pandapack.local import child as trampoline
from pandapack.local.errors import ChildFailed
from pandapack.local.private import make_private_folder, open_private

START_WAIT_S = 60.0
STOP_WAIT_S = 15.0
KILL_WAIT_S = 5.0
RESTART_PAUSES = Backoff(first_s=0.5, max_s=10.0)
# A child that ran this long without dying begins again with the first pause.
RESTART_STEADY_S = 60.0
TEND_EVERY_S = 0.1
READY_ASK_EVERY_S = 0.1
READY_WATCH_EVERY_S = 2.0
STOP_ASK_EVERY_S = 0.02
# Being not ready for less than this (a rebalance, a pause) is not worth a line.
NOT_READY_REPORTED_AFTER_S = 10.0
LOG_BYTES_MAX = 32 * 1024 * 1024
"""A child's log that has grown so long is begun anew, and the one before it is kept as `NAME.log.1`: both take twice
this at most, and a day of what a busy ledger says fits."""
LOG_TAIL_LINES = 12
LOG_TAIL_BYTES = 16_384

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to start and how to tell that it is well.

    `env` is the whole environment; stdout and stderr are appended to `log_file`; `ready` answers within a
    second or two, may raise (that is "no"), and is asked for as long as the child lives, from another thread.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log_file: Path
    ready: Callable[[], bool]
    cwd: Path | None = None
    start_wait_s: float = START_WAIT_S
    stop_wait_s: float = STOP_WAIT_S


@dataclass(frozen=True)
class ChildStatus:
    """What is known of a child now; `pid` is None between its death and its next start."""

    name: str
    pid: int | None
    ready: bool
    restarts: int


@dataclass
class _Child:
    spec: ChildSpec
    batch: int
    process: subprocess.Popen[bytes] | None = None
    start_at_s: float = 0.0
    started_at_s: float = 0.0
    failures: int = 0
    """Deaths in a row, with less than `RESTART_STEADY_S` between two of them."""
    restarts: int = 0
    was_ready: bool = False
    ready: bool = False
    unready_since_s: float = 0.0
    unready_reported: bool = False
    ended: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Supervisor:
    """Starts, watches, restarts and stops children; a context manager that stops them all.

    `report` gets one line for each thing worth telling a person; `changed` is called, from another thread,
    after a child has been started anew.
    """

    def __init__(
        self,
        report: Callable[[str], None] = _log.info,
        changed: Callable[[], None] = lambda: None,
        *,
        restart_pauses: Backoff = RESTART_PAUSES,
    ) -> None:
        self._report_line = report
        self._changed = changed
        self._restart_pauses = restart_pauses
        self._children: list[_Child] = []
        self._batches = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._hurried = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *specs: ChildSpec) -> None:
        """Start a batch side by side; return when all are ready.

        Raises ChildFailed, with the end of the child's log, when one ends or is not ready in `start_wait_s`.
        Children started before stay as they are; call `stop` (or leave the context) to end them.
        """
        assert not self._stopping.is_set(), "a stopped supervisor starts nothing"
        self._batches += 1
        begun_s = time.monotonic()
        batch = [_Child(spec, self._batches) for spec in specs]
        self._children.extend(batch)
        self._ensure_threads()
        self._wake.set()
        waiting = list(batch)
        while waiting:
            for member in list(waiting):
                if self._is_up(member, begun_s):
                    waiting.remove(member)
            if waiting:
                time.sleep(READY_ASK_EVERY_S)

    def statuses(self) -> tuple[ChildStatus, ...]:
        """All children in the order of their start."""
        return tuple(
            ChildStatus(one.spec.name, one.process.pid if one.process else None, one.ready, one.restarts)
            for one in self._children
        )

    def pid(self, name: str) -> int | None:
        """The process of the child of this name now; None while it waits to be started anew."""
        return next(status.pid for status in self.statuses() if status.name == name)

    def is_ready(self, name: str) -> bool:
        """Asks the child of this name now; `statuses` has its last answer. False between its processes."""
        one = self._named(name)
        asked = one.process
        is_ready = asked is not None and asked.poll() is None and _asks_ready(one.spec)
        return is_ready and one.process is asked  # else the answer is of a process that has died meanwhile

    def signal(self, name: str, number: signal.Signals) -> int | None:
        """Send a signal to the child of this name; the process that got it, None where there is none just now."""
        one = self._named(name)
        with one.lock:  # so that no other process has got its number meanwhile
            if one.process is None or one.process.poll() is not None:
                return None
            one.process.send_signal(number)
            return one.process.pid

    def hurry(self) -> None:
        """Kill at once whatever a running `stop` still waits for. Safe to call from a signal handler."""
        self._hurried.set()

    def stop(self) -> None:
        """End all children, last batch first: SIGTERM, then kill after `stop_wait_s`. Safe to repeat."""
        self._stopping.set()
        for batch in range(self._batches, 0, -1):
            self._stop_batch([one for one in self._children if one.batch == batch])
        # Only now may the thread that started them end: its end is what PDEATHSIG watches for.
        self._stopped.set()
        self._wake.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(KILL_WAIT_S)
        self._children.clear()

    def _named(self, name: str) -> _Child:
        return next(one for one in self._children if one.spec.name == name)

    def _report(self, line: str) -> None:
        with _survived():
            self._report_line(line)

    def _ensure_threads(self) -> None:
        if self._threads:
            return
        # PDEATHSIG follows the thread that forked: one thread, which outlives all children, forks them all.
        self._threads = [
            threading.Thread(target=self._tend, name="panda-tend", daemon=True),
            threading.Thread(target=self._watch, name="panda-watch", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _is_up(self, member: _Child, begun_s: float) -> bool:
        if member.ended is not None:
            raise self._failure(member, f"{member.spec.name} ended {member.ended} while starting")
        if member.process is not None and _asks_ready(member.spec):
            member.was_ready = member.ready = True
            return True
        if time.monotonic() - begun_s > member.spec.start_wait_s:
            detail = f"{member.spec.name} was not ready within {member.spec.start_wait_s:.0f} s"
            raise self._failure(member, detail)
        return False

    def _failure(self, member: _Child, detail: str) -> ChildFailed:
        tail = "\n".join(log_tail(member.spec.log_file))
        return ChildFailed(detail, f"Its log is {member.spec.log_file} and ends so:\n{tail}")

    # --- the thread that forks --------------------------------------------------------------------

    def _tend(self) -> None:
        while not self._stopped.is_set():
            if not self._stopping.is_set():
                for one in list(self._children):
                    with one.lock:
                        self._tend_child(one, time.monotonic())
            self._wake.wait(TEND_EVERY_S)
            self._wake.clear()

    def _tend_child(self, one: _Child, now_s: float) -> None:
        if self._stopping.is_set() or one.ended is not None:
            return
        if one.process is None:
            if now_s >= one.start_at_s:
                self._start_child(one, now_s)
            return
        status = one.process.poll()
        if status is None:
            return
        one.process, one.ready = None, False
        self._note_death(one, _by(status), now_s)

    def _start_child(self, one: _Child, now_s: float) -> None:
        try:
            one.process = _fork(one.spec)
        except OSError as error:  # no disk for its log, no process left: the same as dying at once
            self._note_death(one, f"before it began ({error.strerror})", now_s)
            return
        one.started_at_s = now_s
        if one.was_ready:
            with _survived():
                self._changed()

    def _note_death(self, one: _Child, how: str, now_s: float) -> None:
        if not one.was_ready:
            one.ended = how  # `start` still waits for it and tells why
            return
        if now_s - one.started_at_s > RESTART_STEADY_S:
            one.failures = 0
        if not one.unready_since_s:
            one.unready_since_s = now_s
        one.unready_reported = True
        one.restarts += 1
        one.failures += 1
        pause_s = self._restart_pauses.pause_s(one.failures)
        one.start_at_s = now_s + pause_s
        self._report(f"{one.spec.name} ended {how}; it is started again in {pause_s:.1f} s")

    # --- the thread that watches readiness --------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping.wait(READY_WATCH_EVERY_S):
            for one in list(self._children):
                with _survived():
                    bound_log(one.spec.log_file)
                asked = one.process
                if not one.was_ready or asked is None or self._stopping.is_set():
                    continue
                is_ready = _asks_ready(one.spec)
                with one.lock:
                    if one.process is asked:  # else the answer is of a process that has died meanwhile
                        self._watch_child(one, is_ready, time.monotonic())

    def _watch_child(self, one: _Child, is_ready: bool, now_s: float) -> None:
        one.ready = is_ready
        if is_ready:
            if one.unready_reported:
                self._report(f"{one.spec.name} is ready again after {now_s - one.unready_since_s:.1f} s")
            one.unready_since_s, one.unready_reported = 0.0, False
        elif not one.unready_since_s:
            one.unready_since_s = now_s
        elif not one.unready_reported and now_s - one.unready_since_s > NOT_READY_REPORTED_AFTER_S:
            one.unready_reported = True
            self._report(f"{one.spec.name} runs but is not ready; its log is {one.spec.log_file}")

    # --- the end ----------------------------------------------------------------------------------

    def _stop_batch(self, batch: Sequence[_Child]) -> None:
        running: list[tuple[_Child, subprocess.Popen[bytes]]] = []
        for one in batch:
            with one.lock:  # a fork in progress is waited for, so that it is not missed
                if one.process is not None and one.process.poll() is None:
                    running.append((one, one.process))
                    one.process.send_signal(signal.SIGTERM)
        begun_s = time.monotonic()
        while running:
            for one, process in list(running):
                if process.poll() is not None:
                    running.remove((one, process))
                elif self._hurried.is_set() or time.monotonic() - begun_s >= one.spec.stop_wait_s:
                    _kill(process)
                    running.remove((one, process))
                    if one.spec.stop_wait_s and not self._hurried.is_set():
                        self._report(f"{one.spec.name} did not stop in {one.spec.stop_wait_s:.0f} s and was killed")
            if running:
                time.sleep(STOP_ASK_EVERY_S)


@contextlib.contextmanager
def _survived() -> Iterator[None]:
    """Whatever a caller's function raises (rich: SystemExit at a closed terminal) must end no thread here.

    With the thread that forks its children would end.
    """
    try:
        yield
    except (Exception, SystemExit):
        _log.exception("the supervisor continues after an error")


def log_tail(log_file: Path, lines: int = LOG_TAIL_LINES) -> list[str]:
    """The last lines of a log, empty if there is none."""
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def bound_log(log_file: Path, bytes_max: int = LOG_BYTES_MAX) -> bool:
    """Begins a log anew that has more than so many bytes, the earlier one beside it; whether it did.

    It is copied and cut, since the child goes on writing to the file that it has: it appends, so its next line is the
    first of the new one. What it writes between the copy and the cut is lost.
    """
    if not log_file.exists() or log_file.stat().st_size <= bytes_max:
        return False
    with log_file.open("rb") as log, open_private(log_file.with_suffix(log_file.suffix + ".1"), "wb") as kept:
        shutil.copyfileobj(log, kept)
    os.truncate(log_file, 0)
    return True


def _fork(spec: ChildSpec) -> subprocess.Popen[bytes]:
    make_private_folder(spec.log_file.parent)
    bound_log(spec.log_file)
    command = [sys.executable, "-I", "-S", str(trampoline.__file__), str(os.getpid()), *spec.argv]
    with open_private(spec.log_file, "ab") as log:
        return subprocess.Popen(
            command,
            env=dict(spec.env),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only the parent, which then stops them in order
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Its session is its own, so the group is it and whatever it started.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(KILL_WAIT_S)


def _asks_ready(spec: ChildSpec) -> bool:
    try:
        return spec.ready()
    except Exception as error:  # whatever a check raises means "not yet"
        _log.debug("%s is not ready: %s", spec.name, error)
        return False


def _by(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
