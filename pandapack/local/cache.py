"""Where fetched things are kept between starts."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """PANDA_CACHE, else XDG_CACHE_HOME/pandapack, else ~/.cache/pandapack; it may not exist yet."""
    if named := os.environ.get("PANDA_CACHE"):
        return Path(named).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "pandapack"
    return Path.home() / ".cache" / "pandapack"
