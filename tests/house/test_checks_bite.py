"""What `make check` runs refuses what it is there to refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.rules import ROOT

BIN = Path(sys.executable).parent
TOOL_WAIT_S = 600

DOMAIN = "services/logistics/domain/planted.py"

# One planted fault for each contract: where, what, and the name of the contract that must break.
IMPORTS = [
    ("services/reporting/settings.py", "import services.procurement.settings", "No service imports another"),
    ("services/procurement/store.py", "import services.procurement.work", "Rooms, and no others"),
    ("services/donations/ledger/store.py", "import services.donations.pushes.domain", "Features of donations"),
    ("services/donations/pushes/store.py", "import services.donations.pushes.api", "The same rooms in each feature"),
    ("services/donations/ledger/work.py", "import fastapi", "HTTP is in api"),
    ("services/logistics/api.py", "import aiokafka", "Kafka is in handlers"),
    (DOMAIN, "from datetime import UTC\nimport time", "Domains, contracts and decisions"),
    ("services/donations/proofs/handlers.py", "import secrets", "Services are handed time, ids and chance"),
    ("pandapack/runtime/planted.py", "import services.donations.app", "pandapack imports neither services nor"),
    ("services/logistics/settings.py", "import pandapack.local", "What runs in an image"),
    ("simulator/planted.py", "import pandapack.runtime.mongo", "The simulator is a stranger"),
    ("pandapack/client/planted.py", "import pandapack.runtime.http", "The client needs the contracts"),
    ("pandapack/cli/planted.py", "import aiokafka", "What reaches into Kafka's clients"),
    ("pandapack/local/planted.py", "import motor", "Motor is imported in one file"),
]

# Where and what ruff must refuse, by which rule.
CALLS = [
    (DOMAIN, "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n", "TID251"),
    (DOMAIN, "import datetime as dt\n\nNOW = dt.datetime.now(dt.UTC)\n", "TID251"),
    ("services/logistics/api.py", "from uuid import uuid4\n\nNEW = uuid4()\n", "TID251"),
    ("services/logistics/handlers.py", "import time\n\nNOW = time.time()\n", "TID251"),
    ("services/logistics/handlers.py", "from time import monotonic\n\nNOW = monotonic()\n", "TID251"),
    ("pandapack/runtime/store.py", "import random\n\nLUCK = random.random()\n", "TID251"),
    ("pandapack/runtime/store.py", "import secrets\n\nWORD = secrets.token_hex(8)\n", "TID251"),
    ("simulator/carriers.py", "from random import choice\n\nLUCK = choice([1, 2])\n", "TID251"),
    ("services/logistics/store.py", "from .domain import shipment\n\nS = shipment\n", "TID252"),
    (
        "services/logistics/store.py",
        "import asyncio\n\n\nasync def wait() -> None:\n    open('x').read()\n",
        "ASYNC230",
    ),
    ("services/logistics/api.py", "print('here')\n", "T201"),
]

ALLOWED = [
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
    status, answer = imports_of(house)
    assert status == 0, answer
    assert " 0 broken" in answer


def test_import_linter_refuses_what_each_contract_is_there_to_refuse(house: Path) -> None:
    for path, line, _ in IMPORTS:
        (house / path).write_text(f'"""Planted."""\n\n{line}\n')
    status, answer = imports_of(house)
    broken = [line for line in answer.splitlines() if " BROKEN" in line]
    assert status != 0
    assert [contract for _, _, contract in IMPORTS if not any(line.startswith(contract) for line in broken)] == []
    assert len(broken) == len(IMPORTS) == len(_contracts()), "each contract has its planted fault"


def _contracts() -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["id"] for contract in pyproject["tool"]["importlinter"]["contracts"]]


def test_import_linter_refuses_a_service_without_one_of_its_rooms_and_a_room_that_is_none(house: Path) -> None:
    (house / "services/reporting/handlers.py").unlink()
    (house / "services/procurement/cellar.py").write_text('"""Planted."""\n')
    status, answer = imports_of(house)
    assert status != 0
    assert "services.reporting.handlers" in answer


def test_ruff_refuses(house: Path) -> None:
    for number, (path, text, _) in enumerate(CALLS):
        _write(house, _numbered(path, number), text)
    _, answer = _ruff(house)
    refused = [line for line in answer.splitlines() if ": " in line]
    for number, (path, _, rule) in enumerate(CALLS):
        wanted = _numbered(path, number)
        assert any(line.startswith(f"{wanted}:") and f" {rule} " in line for line in refused), (wanted, rule, answer)


def test_ruff_allows_it_where_it_belongs(house: Path) -> None:
    for path, text in ALLOWED:
        _write(house, path, text)
    status, answer = _ruff(house)
    assert status == 0, answer


def _numbered(path: str, number: int) -> str:
    return path.replace(".py", f"_{number}.py")


def _write(house: Path, path: str, text: str) -> None:
    (house / path).write_text(f'"""Planted."""\n\n{text}')


def _ruff(house: Path) -> tuple[int, str]:
    return tool("ruff", "check", "--no-cache", "--output-format", "concise", cwd=house)


@pytest.mark.parametrize(
    ("text", "error"),
    [(UNTYPED, "no-untyped-def"), (OPEN_MATCH, "exhaustive-match")],
    ids=["untyped", "open match"],
)
def test_mypy_refuses(house: Path, text: str, error: str) -> None:
    (house / "simulator/planted.py").write_text(text)
    status, answer = tool("mypy", "--cache-dir=/dev/null", cwd=house)
    assert status != 0
    assert answer.startswith("simulator/planted.py:")
    assert error in answer


def test_what_is_planted_in_this_very_house_is_found(this_house: Path) -> None:
    _append(this_house, "services/reporting/domain/money.py", "import services.donations.settings")
    _append(this_house, "services/procurement/domain/__init__.py", "import motor")
    _append(this_house, "services/logistics/domain/__init__.py", "import datetime\nNOW = datetime.datetime.now()")
    _, imports = imports_of(this_house)
    assert "No service imports another BROKEN" in imports
    assert "services.procurement.domain is not allowed to import motor" in imports
    _, calls = tool("ruff", "check", "--no-cache", "--output-format", "concise", "services", cwd=this_house)
    assert "`datetime.datetime.now` is banned" in calls


def _append(house: Path, path: str, text: str) -> None:
    (house / path).write_text(f"{(house / path).read_text()}\n{text}\n")
