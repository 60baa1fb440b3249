"""The blocks of README and docs as their readers copy them: what each is, and which are not run by a test, and why."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

NOT_RUN = {
    "make demo": "fetches and starts everything; what it calls, `panda demo`, is what the other blocks run against",
    "make test": "runs this test",
    "panda demo --scale": "a demonstration of its own: tests/system/played/ plays one to its end",
    "panda witness": "serves until it is stopped: tests/service/reporting/test_watched.py runs one",
    "docker": "needs a Docker engine",
    "kubectl": "needs a cluster",
    "git clone": "needs the network",
}
"""By how a line begins: why it is not run here. It is looked at instead (tests/house/test_command_blocks.py)."""
SHELL = re.compile(r"^(export )?[A-Z_]+=|^(panda|curl|make|docker|kubectl|git|for|python3?|echo|printf|cat) ")
PYTHON = re.compile(r"^(import|from) \w")
INDENT = "    "
FENCE = "```"


class Kind(StrEnum):
    """What a block is."""

    SHELL = "shell"
    PYTHON = "python"
    OTHER = "other"  # JSON, a picture in letters


@dataclass(frozen=True)
class Block:
    """A block of a document. `line`: where it begins, from 1."""

    document: Path
    line: int
    text: str

    @property
    def kind(self) -> Kind:
        if SHELL.match(self.text):
            return Kind.SHELL
        return Kind.PYTHON if PYTHON.match(self.text) else Kind.OTHER

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    def commands(self) -> Iterator[str]:
        """The complete commands of a shell block in order, each with all of its lines."""
        command = ""
        for line in self.text.splitlines(keepends=True):
            command += line
            if command.strip() and not command.endswith("\\\n") and is_complete(command):
                yield command.strip()
                command = ""
        assert not command.strip(), f"{self.place}: {command!r} is not complete"


def is_complete(command: str) -> bool:
    """Whether bash takes this as a whole command. Nothing is run."""
    return subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True, check=False).returncode == 0


def reason_not_run(command: str) -> str | None:
    """Why this command is in the list of those that are not run; None: it is run."""
    return next((why for beginning, why in NOT_RUN.items() if command.startswith(beginning)), None)


def blocks_of(document: Path) -> list[Block]:
    """The indented and the fenced blocks of a Markdown document, in order, without their indent."""
    blocks: list[Block] = []
    begin, lines, is_fenced, is_paragraph = 0, list[str](), False, False
    for number, line in enumerate([*document.read_text().splitlines(), "."], 1):
        is_fence = line.startswith(FENCE)
        is_inside = is_fenced or (line.startswith(INDENT) and (bool(lines) or not is_paragraph))
        if not is_fence and (is_inside or (lines and not line.strip())):
            begin = begin if lines else number
            lines.append(line if is_fenced else line.removeprefix(INDENT))
        elif lines:
            blocks.append(Block(document, begin, "\n".join(lines).strip("\n") + "\n"))
            lines = []
        is_fenced ^= is_fence
        is_paragraph = bool(line.strip()) and not is_inside and not is_fence
    return blocks
