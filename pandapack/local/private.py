"""Files that only their owner can read: keys and settings, and logs, which tell who sent what."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import IO, Any

OWNER_ONLY = 0o600
OWNER_ONLY_FOLDER = 0o700


def make_private_folder(folder: Path) -> None:
    """Makes a folder that only its owner can enter; one that is there stays as it is, for somebody chose it."""
    folder.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)


def open_private(file: Path, mode: str) -> IO[Any]:
    """`file.open(mode)`: its owner's alone from its first byte on, and from now on where it was there before."""
    return open(file, mode, opener=_owner_only)


def _owner_only(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, OWNER_ONLY)
    os.fchmod(descriptor, OWNER_ONLY)
    return descriptor


def write_private(file: Path, text: str) -> None:
    """Replace the file in one step by one that only its owner can read, from its first byte on."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_native_id()}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
