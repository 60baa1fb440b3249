"""What the system tells of a process."""

from __future__ import annotations

from pathlib import Path


def state(pid: int) -> str:
    """The letter by which the system says what a process does: "T" is held still, "X" is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not waited for yet does not."""
    return state(pid) not in "ZX"
