"""Where fetched things and notes about unfinished work are kept for this user, between starts."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

APPLICATION = "pandapack"


def cache_dir() -> Path:
    """PANDA_CACHE, else the system's folder for it (Linux: `$XDG_CACHE_HOME/pandapack` or `~/.cache/pandapack`).

    It may not exist yet.
    """
    if named := os.environ.get("PANDA_CACHE"):
        return Path(named).expanduser()
    return user_cache_path(APPLICATION, appauthor=False)
