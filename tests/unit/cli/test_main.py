"""The command line starts at once: nothing is imported that a command does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pandapack.cli.main import COMMANDS, Entry
from pandapack.local.running import DEMO_FOLDER, RunningLock, write_note

ROOT = Path(__file__).parents[3]
HEAVY = {"numpy", "numba", "pymongo", "motor", "fastapi", "aiokafka", "faststream"}
IN_A_ROW = """
import json, sys
from pandapack.cli.main import app
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        app()
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    print(f"{status}\\0", end="")
"""
"""`panda` with one list of arguments after the other, and after what each prints its status; by one process."""
ANSWER = json.dumps({"items": [], "next": None}).encode()


def imported(folder: Path, *arguments: str, **env: str) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """The top-level packages that `panda` imports for these arguments, and how it ended."""
    return _watched(folder, ["-m", "pandapack.cli.main", *arguments], env)


def imported_in_a_row(folder: Path, commands: list[list[str]], **env: str) -> tuple[set[str], list[tuple[str, str]]]:
    """What is imported for all of these commands together, and of each what it prints and its status."""
    packages, done = _watched(folder, ["-c", IN_A_ROW, json.dumps(commands)], env)
    *printed, rest = done.stdout.split("\0")
    assert (len(printed), rest) == (len(commands), ""), done.stderr[-2_000:]
    return packages, [(one[:-1].strip(), one[-1]) for one in printed]


def _watched(
    folder: Path, arguments: list[str], env: dict[str, str]
) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-X", "importtime", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    rows = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    packages = {name.partition(".")[0] for name in rows}
    assert "typer" in packages, "what is imported is seen"
    return packages, done


@pytest.fixture
def service() -> Iterator[str]:
    """The address of a service that answers every GET with an empty list."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

        def log_message(self, *_: object) -> None:
            """In silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_list_of_commands_is_printed_without_importing_any_of_them(tmp_path: Path) -> None:
    packages, done = imported(tmp_path, "--help")
    assert done.returncode == 0
    assert all(entry.name in done.stdout for entry in COMMANDS)
    # typer reads the options of a command by pydantic; the list has none.
    assert not packages & {*HEAVY, "pydantic", "httpx"}


def test_a_commands_own_help_imports_nothing_heavy(tmp_path: Path) -> None:
    commands = ["up", "status", "doctor", "key", "dlq", "shard", "platform", "push", "trace"]
    packages, answers = imported_in_a_row(tmp_path, [[command, "--help"] for command in commands])
    for command, (printed, status) in zip(commands, answers, strict=True):
        assert status == "0" and f" {command} " in printed, printed
    assert not packages & HEAVY


def test_the_status_of_a_stack_on_its_own_servers_is_found_without_their_drivers(tmp_path: Path) -> None:
    folder = tmp_path / ".panda" / DEMO_FOLDER
    addresses = {"kafka": "127.0.0.1:1", "mongo": "mongodb://127.0.0.1:1/?directConnection=true"}
    with RunningLock(folder):
        write_note(folder, {"addresses": addresses, "children": {"kafka": 1, "mongod": 2}})
        packages, done = imported(tmp_path, "status", "--json")
    assert json.loads(done.stdout)["ready"] == {"kafka": False, "mongo": False}
    assert not packages & HEAVY
    packages, done = imported(tmp_path, "status")
    assert "no stack and no demonstration is running" in done.stdout
    assert not packages & HEAVY


LISTS = [
    ("shard", "no shards yet: the service has not taken up its ledger"),
    ("dlq", "no dead letters"),
    ("key", "no keys yet: `panda key add ROLE` makes one"),
    ("party", "no parties yet: `panda party add ID --kind KIND --name NAME` registers one"),
    ("platform", "no platforms yet: `panda platform add ID --name NAME` registers one"),
    ("merchant", "no merchants yet: `panda merchant add PLATFORM:MERCHANT --name NAME` registers one"),
]


def test_a_list_is_asked_of_a_service_without_what_services_are_made_of(tmp_path: Path, service: str) -> None:
    names = ("DONATIONS", "PROCUREMENT", "LOGISTICS", "REPORTING")
    env = {"PANDA_KEY": "a key", **{f"PANDA_{name}_URL": service for name in names}}
    packages, answers = imported_in_a_row(tmp_path, [[group, "list"] for group, _ in LISTS], **env)
    assert answers == [(printed, "0") for _, printed in LISTS]
    assert not packages & HEAVY


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_help_in_the_table_is_the_first_line_of_the_commands_own(entry: Entry) -> None:
    assert (entry.load().help or "").splitlines()[0] == entry.help


def test_every_command_has_a_name_of_its_own() -> None:
    assert len({entry.name for entry in COMMANDS}) == len(COMMANDS)
