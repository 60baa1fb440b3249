"""The blocks of README and docs that no test can run here: each is in one list with its reason, and is looked at."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from pandapack.cli.main import COMMANDS
from tests.command_blocks import DOCUMENTS, NOT_RUN, ROOT, Kind, blocks_of, reason_not_run

BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
COMMANDS_NOT_RUN = [
    command
    for block in BLOCKS
    if block.kind is Kind.SHELL
    for command in block.commands()
    if reason_not_run(command) is not None
]
BY_NAME = {entry.name: entry for entry in COMMANDS}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
SPOKEN_OF = re.compile(r"`panda ([a-z]+)(?: ([a-z]+))?")


def test_blocks_are_found() -> None:
    kinds = [block.kind for block in BLOCKS]
    assert kinds.count(Kind.SHELL) >= 7 and kinds.count(Kind.PYTHON) >= 1


def test_an_indented_and_a_fenced_block_are_read_as_a_reader_copies_them(tmp_path: Path) -> None:
    document = tmp_path / "some.md"
    document.write_text(
        "A text\n    that goes on.\n\n"
        "    panda one \\\n         two\n\n    for n in 1 2; do\n        echo $n\n    done\n\n"
        "- a list\n\n```sh\npanda three\n```\n"
    )
    first, second = blocks_of(document)
    assert (first.line, second.line) == (4, 14)
    assert list(first.commands()) == ["panda one \\\n     two", "for n in 1 2; do\n    echo $n\ndone"]
    assert list(second.commands()) == ["panda three"]


def test_what_is_no_command_is_data_that_can_be_read() -> None:
    for block in BLOCKS:
        if block.kind is Kind.OTHER:
            assert json.loads(block.text), block.place


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_nothing_stands_in_the_list_without_need(beginning: str) -> None:
    if beginning in ("docker", "kubectl", "git clone"):
        return  # a document may name them at any time
    assert any(command.startswith(beginning) for command in COMMANDS_NOT_RUN)


@pytest.mark.parametrize("command", COMMANDS_NOT_RUN)
def test_a_command_that_is_not_run_could_be(command: str) -> None:
    plain = command.partition("#")[0].split()
    if plain[0] == "make":
        assert set(plain[1:]) <= TARGETS
    elif plain[0] == "panda":
        # Its options are read, and nothing is called.
        BY_NAME[plain[1]].load().make_context(plain[1], plain[2:])
    elif plain[:2] == ["docker", "compose"]:
        assert (ROOT / "docker-compose.yml").exists()  # test_deploy.py reads it
    else:
        assert plain[0] in ("docker", "kubectl", "git")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_command_that_is_spoken_of_exists(document: Path) -> None:
    for name, inner in SPOKEN_OF.findall(document.read_text()):
        assert name in BY_NAME, f"panda {name}"
        if BY_NAME[name].target.endswith(("app", "platforms", "merchants")) and inner:
            group = BY_NAME[name].load()
            assert inner in group.list_commands(typer.Context(group)), f"panda {name} {inner}"
