"""A runbook a kind of stop: each is listed, has its parts, and names commands and files that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pandapack.cli.drills.kinds import DRILLS
from pandapack.cli.main import COMMANDS
from tests.house.rules import ROOT

FOLDER = ROOT / "docs" / "operations"
KINDS = {
    *("refusal", "garbage", "unknown-type", "shard-gap", "producer-wedged", "poisoned-document", "parked-report"),
    *("service-killed", "service-frozen", "kafka-stopped", "store-stopped", "outbox-full", "public-log"),
    *("law-broken", "dead-letters", "lag-rising", "overdue"),
}
"""What rows, alerts and reasons lead to: a name of these is an address that people keep."""
PARTS = ("## How it shows", "## Why it happens", "## Mend it", "## It is over when")
RUNBOOKS = sorted(FOLDER.glob("*.md"))
COMMAND = re.compile(r"^ +(panda .+)$|`(panda [^`]+)`", re.MULTILINE)
STAND_INS = {"OFFSET": "7", "SHARD": "0", "WANTED": "1", "BEGINS": "3", "FILE": __file__, "TOPIC/PARTITION": "a.b/0"}
"""What a command can be read with in the place of a word that stands for something."""
BY_NAME = {entry.name: entry for entry in COMMANDS}


def commands_of(text: str) -> list[list[str]]:
    return [shlex.split((block or inline).partition("#")[0]) for block, inline in COMMAND.findall(text)]


def test_each_kind_has_a_runbook_that_is_listed() -> None:
    found = {book.stem for book in RUNBOOKS} - {"README", "metrics"}  # what is measured mends nothing
    listed = set(re.findall(r"^\| \[([a-z-]+)\]\(\1\.md\)", (FOLDER / "README.md").read_text(), re.MULTILINE))
    assert found == listed == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_runbook_has_its_parts_in_order(kind: str) -> None:
    text = (FOLDER / f"{kind}.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(PARTS)


@pytest.mark.parametrize("book", RUNBOOKS, ids=lambda book: book.stem)
def test_a_command_of_a_runbook_could_be_called_as_it_stands(book: Path) -> None:
    for command_line in commands_of(book.read_text()):
        _, name, *arguments = command_line
        if "|" in " ".join(command_line):
            continue  # several in one, which are spoken of and not called
        command, meant = BY_NAME[name].load(), [STAND_INS.get(one, one) for one in arguments]
        if inner := getattr(command, "commands", None):
            name, *meant = meant
            command = inner[name]
        if meant or inner or name in ("ops", "audit", "status"):  # one without its arguments is only spoken of
            command.make_context(name, meant)


@pytest.mark.parametrize("book", RUNBOOKS, ids=lambda book: book.stem)
def test_a_file_that_a_runbook_leads_to_is_there(book: Path) -> None:
    text = book.read_text()
    for name in re.findall(r"\(([a-z-]+\.md)\)", text):
        assert (FOLDER / name).exists(), name
    for name in re.findall(r"`(docs/[a-z./-]+)`", text):
        assert (ROOT / name).exists(), name


def test_each_drill_rehearses_a_runbook_that_tells_of_it() -> None:
    for name, drill in DRILLS.items():
        assert f"panda drill {name}" in (FOLDER / f"{drill.runbook}.md").read_text()
