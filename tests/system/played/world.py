"""The demonstration beside which the tests here stand: where it is, and what it has come to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from pandapack.cli.demo_display import Display
from pandapack.local.running import NOTE_FILE
from tests.system.playing import DONATIONS, END_WAIT_S, LAST_FACT, PANDA, Json, last_different
from tests.waiting import eventually

AUDIT_WAIT_S = 600.0
SETTLED_WAIT_S = END_WAIT_S
ANSWER_WAIT_S = 120.0


@dataclass
class Printed:
    """What it goes on to print, line by line."""

    stdout: Iterable[str]
    lines: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Until it has ended; runs in a thread."""
        for line in self.stdout:
            self.lines.append(line)

    @property
    def end(self) -> bool:
        """Whether the three years are at their end: what was published is told beside what was played."""
        return any(line.startswith(LAST_FACT) for line in self.lines)


@dataclass
class World:
    """A demonstration in a folder: where its services and its databases are."""

    folder: Path
    env: dict[str, str]
    printed: Printed

    @property
    def home(self) -> Path:
        return self.folder / ".panda" / "demo"

    @property
    def note(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / NOTE_FILE).read_text())
        return found

    def panda(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (*PANDA, *arguments)
        return subprocess.run(
            command, cwd=self.folder, env=self.env, text=True, capture_output=True, timeout=AUDIT_WAIT_S, check=False
        )

    def asked(self, path: str) -> Json:
        answer: Json = httpx.get(
            f"{self.note['addresses']['reporting']}{path}", trust_env=False, timeout=ANSWER_WAIT_S
        ).json()
        return answer

    def totals(self) -> Json:
        return self.asked("/v1/totals")

    def outcome(self) -> Json:
        """Its figures once it has settled."""
        try:
            eventually(lambda: self.printed.end, "the demonstration settles", wait_s=SETTLED_WAIT_S, every_s=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{last_different(''.join(self.printed.lines), 20)}") from error
        laws, indicators = self.asked("/v1/conservation"), self.asked("/v1/totals/indicator")["items"]
        return Display(Console(quiet=True), 0.0, DONATIONS).outcome(self.totals(), laws, indicators)
