"""Puts the loops that were compiled with the image to where numba looks for them and may write."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MADE = Path("/opt/compiled")


def bring_compiled(made: Path = MADE) -> None:
    """Copies them to `NUMBA_CACHE_DIR`. Where that fails the service compiles them itself, in some seconds."""
    wanted = os.environ.get("NUMBA_CACHE_DIR")
    if not wanted or not made.is_dir():
        return
    try:
        shutil.copytree(made, wanted, dirs_exist_ok=True)  # with their times, by which numba knows that they fit
    except OSError:
        shutil.rmtree(wanted, ignore_errors=True)
