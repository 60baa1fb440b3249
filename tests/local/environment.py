"""An environment for a stack of a test's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pandapack.local import ports
from pandapack.local.layout import DEFAULT_PORTS

ROOT = Path(__file__).parents[2]


def new_environment() -> dict[str, str]:
    """This process's environment with a free port for every listener and no server of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PANDA_KAFKA", "PANDA_MONGO")}
    numbers = map(str, ports.free_ports(len(DEFAULT_PORTS)))
    settings = map(ports.setting_of, DEFAULT_PORTS)
    return kept | dict(zip(settings, numbers, strict=True)) | {"PYTHONPATH": str(ROOT)}


def listeners(env: Mapping[str, str]) -> dict[str, int]:
    """The port of every listener by name."""
    return {name: int(env[ports.setting_of(name)]) for name in DEFAULT_PORTS}
