"""The first thing a child runs: tie its life to its parent's, then become what it was started for.

Usage: `python -I -S child.py PARENT_PID PROGRAM [ARGUMENT ...]`. Run by path, so that it imports nothing of
ours and starts in a few milliseconds.

SIGKILL, not SIGTERM: a child that hangs in its shutdown must not outlive a parent that can kill it no more.
Both Kafka and mongod recover from it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
OPEN_FILES_WANTED = 65_536
EXIT_ORPHANED = 125
EXIT_NOT_STARTED = 127


def main(arguments: list[str]) -> int:
    """Exit status only if the program could not be started, or the parent is gone already."""
    parent_pid, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died between the fork and the line above: then no signal ever comes.
    if os.getppid() != parent_pid:
        return EXIT_ORPHANED
    allow_open_files()
    try:
        os.execvp(program[0], program)
    except OSError as error:
        print(f"cannot start {program[0]}: {error.strerror}", file=sys.stderr)
        return EXIT_NOT_STARTED


def allow_open_files() -> None:
    """Raise the soft limit of open files as far as the hard one lets: both servers hold many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
