"""Houses to plant faults in: a small one of the right shape, and a copy of this one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.house.rules import EACH_SERVICE, FEATURES, PARTS, ROOMS, ROOMS_IF_NEEDED, ROOT

SERVICES = ("donations", "procurement", "logistics", "reporting")
PACKAGES = (
    "pandapack/audit",
    "pandapack/client",
    "pandapack/contracts",
    "pandapack/runtime",
    "pandapack/local",
    "pandapack/cli",
    "simulator",
    "benchmarks",
)
FRONT_DOOR = '"""Consumes: nothing. Decides: nothing. Publishes: nothing."""\n'
MODULES = [room for room in (*ROOMS, *ROOMS_IF_NEEDED) if room != "domain"]
ONLY_SOURCES = shutil.ignore_patterns("__pycache__", "*.lock", "*.json", "secrets")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """This repository's rules over four empty services: what a check finds here was planted."""
    files = {f"{package}/__init__.py": '"""A package."""\n' for package in (*PACKAGES, "pandapack", "services")}
    files["pandapack/decision.py"] = '"""Decisions."""\n'
    files["pandapack/runtime/mongo.py"] = (
        '"""The one place."""\n\nimport motor.motor_asyncio as motor\n\nMOTOR = motor\n'
    )
    files |= {f"pandapack/{name}.py": '"""A module."""\n' for name in ("backoff", "runtime/http")}
    for service in SERVICES:
        home = f"services/{service}"
        files |= {f"{home}/__init__.py": FRONT_DOOR}
        files |= {f"{home}/{name}.py": '"""A room."""\n' for name in EACH_SERVICE}
        for rooms in [f"{home}/{name}" for name in FEATURES.get(service, ())] or [home]:
            files |= {
                f"{rooms}/{room}.py": '"""A room."""\n' for room in (*ROOMS, *ROOMS_IF_NEEDED) if room != "domain"
            }
            files |= {f"{rooms}/domain/__init__.py": '"""A room."""\n'}
            files.setdefault(f"{rooms}/__init__.py", '"""A feature."""\n')
    files["services/donations/precompile.py"] = '"""A script."""\n'
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def this_house(tmp_path: Path) -> Path:
    """A copy of all sources of this repository."""
    for part in PARTS:
        if (ROOT / part).exists():
            shutil.copytree(ROOT / part, tmp_path / part, ignore=ONLY_SOURCES)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path
