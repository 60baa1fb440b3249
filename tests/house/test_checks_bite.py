"""What `make check` runs refuses what it is there to refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
TOOL_WAIT_S = 120

DOMAIN = "services/donations/domain/planted.py"

# Where, what, and the name of the contract that must break.
IMPORTS = [
    ("services/donations/store.py", "import services.procurement.store", "No service imports another"),
    (
        "services/donations/domain/planted.py",
        "import motor.motor_asyncio",
        "Domains, contracts and decisions",
    ),
    (
        "services/logistics/domain/planted.py",
        "from datetime import UTC\nimport time",
        "Domains, contracts and decisions",
    ),
    ("services/reporting/domain/planted.py", "import random", "Domains, contracts and decisions"),
    ("services/procurement/domain/planted.py", "from uuid import uuid4", "Domains, contracts and decisions"),
    (
        "services/procurement/domain/planted.py",
        "import pandapack.runtime.mongo",
        "Domains, contracts and decisions",
    ),
    ("pandapack/contracts/planted.py", "import asyncio", "Domains, contracts and decisions"),
    ("pandapack/decision.py", "import os", "Domains, contracts and decisions"),
    ("services/donations/store.py", "import services.donations.api", "Rooms, and no others"),
    ("services/donations/handlers.py", "import services.donations.api", "Rooms, and no others"),
    ("services/donations/domain/planted.py", "import services.donations.settings", "Rooms, and no others"),
    ("services/donations/cellar.py", "", "Rooms, and no others"),
    ("services/donations/handlers.py", "import time", "Services are handed time, ids and chance"),
    ("services/donations/api.py", "import secrets", "Services are handed time, ids and chance"),
    ("services/donations/store.py", "import motor", "Motor is imported in one file"),
    ("pandapack/local/planted.py", "import motor", "Motor is imported in one file"),
    (
        "pandapack/runtime/planted.py",
        "import services.donations.app",
        "pandapack imports neither services nor",
    ),
    ("pandapack/cli/planted.py", "import simulator", "pandapack imports neither services nor"),
    ("pandapack/runtime/planted.py", "import pandapack.local", "What runs in an image"),
    ("simulator/planted.py", "import services.donations.api", "The simulator is a stranger"),
    ("pandapack/client/planted.py", "import pandapack.runtime.http", "The client needs the contracts"),
    ("simulator/planted.py", "import pandapack.runtime.mongo", "The simulator is a stranger"),
]

# Where and what ruff must refuse, by which rule.
CALLS = [
    (DOMAIN, "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n", "TID251"),
    (DOMAIN, "import datetime as dt\n\nNOW = dt.datetime.now(dt.UTC)\n", "TID251"),
    ("services/donations/api.py", "from uuid import uuid4\n\nNEW = uuid4()\n", "TID251"),
    ("services/donations/handlers.py", "import time\n\nNOW = time.time()\n", "TID251"),
    ("services/donations/handlers.py", "from time import monotonic\n\nNOW = monotonic()\n", "TID251"),
    ("pandapack/runtime/store.py", "import random\n\nLUCK = random.random()\n", "TID251"),
    ("pandapack/runtime/store.py", "import secrets\n\nWORD = secrets.token_hex(8)\n", "TID251"),
    ("simulator/carriers.py", "from random import choice\n\nLUCK = choice([1, 2])\n", "TID251"),
    ("services/donations/store.py", "from .domain import ledger\n\nL = ledger\n", "TID252"),
    (
        "services/donations/store.py",
        "import asyncio\n\n\nasync def wait() -> None:\n    open('x').read()\n",
        "ASYNC230",
    ),
    ("services/donations/api.py", "print('here')\n", "T201"),
]

PLACES_THAT_MAY = [
    (
        "pandapack/runtime/clock.py",
        "import time\nfrom datetime import UTC, datetime\n\nNOW = datetime.now(UTC), time.time()\n",
    ),
    ("pandapack/runtime/chance.py", "import secrets\n\nWORD = secrets.token_hex(8)\n"),
    ("pandapack/cli/main.py", "import time\n\nSTART_S = time.monotonic()\n"),
    ("simulator/carriers.py", "import random\n\nDICE = random.Random(7)\n"),
    ("simulator/items.py", 'ITEM = "铅笔（HB），一打：木质"  # 单位：盒\n'),
]

UNTYPED = "def doubled(x):\n    return x * 2\n"
OPEN_MATCH = """\
import enum

class Status(enum.Enum):
    PLACED = 1
    CLOSED = 2

def word(status: Status) -> str:
    match status:
        case Status.PLACED:
            return "placed"
    return "other"
"""


def tool(name: str, *arguments: str, cwd: Path, stdin: str = "") -> tuple[int, str]:
    """Exit status and all that the tool of this environment says."""
    answer = subprocess.run(
        [BIN / name, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "200"},  # import-linter breaks its lines by it
        timeout=TOOL_WAIT_S,
        check=False,
    )
    return answer.returncode, answer.stdout + answer.stderr


def imports_of(house: Path) -> tuple[int, str]:
    return tool("lint-imports", "--no-logo", "--no-cache", cwd=house)


def test_import_linter_has_nothing_against_a_house_in_order(house: Path) -> None:
    status, said = imports_of(house)
    assert status == 0, said
    assert " 0 broken" in said


@pytest.mark.parametrize(("path", "line", "contract"), IMPORTS, ids=[f"{p}: {x}" for p, x, _ in IMPORTS])
def test_import_linter_refuses(house: Path, path: str, line: str, contract: str) -> None:
    (house / path).write_text(f'"""Planted."""\n\n{line}\n')
    status, said = imports_of(house)
    assert status != 0
    assert any(each.startswith(contract) and " BROKEN" in each for each in said.splitlines()), said


def test_import_linter_refuses_a_service_without_one_of_its_rooms(house: Path) -> None:
    (house / "services/reporting/handlers.py").unlink()
    status, said = imports_of(house)
    assert status != 0
    assert "services.reporting.handlers" in said


@pytest.mark.parametrize(("path", "text", "rule"), CALLS)
def test_ruff_refuses(house: Path, path: str, text: str, rule: str) -> None:
    status, said = _ruff(house, path, text)
    assert status != 0
    assert rule in said


@pytest.mark.parametrize(("path", "text"), PLACES_THAT_MAY)
def test_ruff_allows_it_where_it_belongs(house: Path, path: str, text: str) -> None:
    status, said = _ruff(house, path, text)
    assert status == 0, said


def _ruff(house: Path, path: str, text: str) -> tuple[int, str]:
    arguments = ("check", "--no-cache", "--output-format", "concise", "--stdin-filename", path, "-")
    return tool("ruff", *arguments, cwd=house, stdin=f'"""Planted."""\n\n{text}')


@pytest.mark.parametrize(
    ("text", "error"),
    [(UNTYPED, "no-untyped-def"), (OPEN_MATCH, "exhaustive-match")],
    ids=["untyped", "open match"],
)
def test_mypy_refuses(house: Path, text: str, error: str) -> None:
    (house / "simulator/planted.py").write_text(text)
    status, said = tool("mypy", "--cache-dir=/dev/null", cwd=house)
    assert status != 0
    assert said.startswith("simulator/planted.py:")
    assert error in said


def test_what_is_planted_in_this_very_house_is_found(this_house: Path) -> None:
    _append(this_house, "services/reporting/domain/money.py", "import services.donations.store")
    _append(this_house, "services/procurement/domain/__init__.py", "import motor")
    _append(this_house, "services/logistics/domain/__init__.py", "import datetime\nNOW = datetime.datetime.now()")
    _, imports = imports_of(this_house)
    assert "No service imports another BROKEN" in imports
    assert "services.procurement.domain is not allowed to import motor" in imports
    _, calls = tool("ruff", "check", "--no-cache", "--output-format", "concise", "services", cwd=this_house)
    assert "`datetime.datetime.now` is banned" in calls


def _append(house: Path, path: str, text: str) -> None:
    (house / path).write_text(f"{(house / path).read_text()}\n{text}\n")
