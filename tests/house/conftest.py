"""Houses to plant faults in: a small one of the right shape, and a copy of this one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.house.rules import PARTS, ROOMS, ROOT

SERVICES = ("donations", "procurement", "logistics", "reporting")
PACKAGES = (
    "pandapack/client",
    "pandapack/contracts",
    "pandapack/runtime",
    "pandapack/local",
    "pandapack/cli",
    "simulator",
    "benchmarks",
)
FRONT_DOOR = '"""Hears: nothing. Decides: nothing. Says: nothing."""\n'
ONLY_SOURCES = shutil.ignore_patterns("__pycache__", "*.lock", "*.json", "secrets")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """This repository's rules over four empty services: what a check finds here was planted."""
    files = {f"{package}/__init__.py": '"""A package."""\n' for package in (*PACKAGES, "pandapack", "services")}
    files["pandapack/decision.py"] = '"""Decisions."""\n'
    files["pandapack/runtime/mongo.py"] = (
        '"""The one place."""\n\nimport motor.motor_asyncio as motor\n\nMOTOR = motor\n'
    )
    for service in SERVICES:
        home = f"services/{service}"
        files |= {f"{home}/{room}.py": '"""A room."""\n' for room in ROOMS if room != "domain"}
        files |= {f"{home}/domain/__init__.py": '"""A room."""\n', f"{home}/__init__.py": FRONT_DOOR}
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
