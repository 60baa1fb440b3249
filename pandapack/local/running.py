"""One stack per data directory: the lock that says so, and the note that tells other commands where it is."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pandapack.local.errors import AlreadyRunning, DataRefused
from pandapack.local.private import make_private_folder, open_private, write_private

PID_FILE = "panda.pid"
NOTE_FILE = "stack.json"
DEMO_FOLDER = "demo"
"""Below the data directory: where a demonstration runs, apart from whatever else lies there."""


@dataclass(frozen=True)
class Holder:
    """Who runs the stack: its process and since when (RFC 3339)."""

    pid: int
    since: str


class RunningLock:
    """Held for as long as a stack runs; the kernel lets go of it however the holder ends: never stale."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: IO[str] | None = None
        self.since = ""

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Raises AlreadyRunning, naming the holder; DataRefused where the directory cannot be written."""
        path = self._data_dir / PID_FILE
        try:
            make_private_folder(self._data_dir)
            file = open_private(path, "a+")
        except OSError as error:
            raise DataRefused(
                f"cannot write in {self._data_dir}: {error.strerror}",
                "Run panda in a folder that you may write to",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            holder = holder_of(self._data_dir)
            who = f"pid {holder.pid}, since {holder.since}" if holder else "its pid is not known"
            raise AlreadyRunning(
                f"a stack is running in {self._data_dir} already ({who})", "Stop it with: panda down"
            ) from None
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "since": self.since}, file)
        file.flush()
        self._file = file
        remove_note(self._data_dir)  # of a stack that was killed

    def release(self) -> None:
        """Remove the note and let go. The lock's file stays: without it two could hold different files."""
        if self._file is None:
            return
        remove_note(self._data_dir)
        self._file.truncate(0)
        self._file.close()
        self._file = None


def holder_of(data_dir: Path) -> Holder | None:
    """Who runs a stack there now; None when nobody does."""
    try:
        with (data_dir / PID_FILE).open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                known = json.load(file)
                return Holder(int(known["pid"]), str(known["since"]))
    except (OSError, ValueError, KeyError):
        pass
    return None


@dataclass(frozen=True)
class Running:
    """What runs in a folder: "stack" or "demonstration", where its data lie, and who runs it."""

    what: str
    data_dir: Path
    holder: Holder


def running_in(data_dir: Path) -> tuple[Running, ...]:
    """The stack of this data directory and the demonstration below it, as far as they run now, in this order."""
    folders = (("stack", data_dir), ("demonstration", data_dir / DEMO_FOLDER))
    found = ((what, folder, holder_of(folder)) for what, folder in folders)
    return tuple(Running(what, folder, holder) for what, folder, holder in found if holder is not None)


def write_note(data_dir: Path, note: dict[str, Any]) -> None:
    """Tell other commands of the running stack, in one step."""
    write_private(data_dir / NOTE_FILE, json.dumps(note, indent=2) + "\n")


def read_note(data_dir: Path) -> dict[str, Any] | None:
    """What the running stack there noted; None when none is up, whatever an earlier one left behind."""
    if holder_of(data_dir) is None:
        return None
    try:
        note: dict[str, Any] = json.loads((data_dir / NOTE_FILE).read_text())
    except (OSError, ValueError):
        return None
    return note


def remove_note(data_dir: Path) -> None:
    """Forget the running stack."""
    (data_dir / NOTE_FILE).unlink(missing_ok=True)
