"""Tables of documents of which each row names a test: what they say, read from the Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROW = re.compile(r"^\| (.+?) \| .+ \| `(tests/[\w/.]+)::([\w.:]+)` \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """What was tried, and the test that shows what it meets: its file, and its name in it."""

    attack: str
    path: str
    name: str


def rows_of(document: Path, heading: str) -> list[Row]:
    """The rows behind a table's heading. Fails where a line of the table is none, or two tell of the same."""
    table = document.read_text().partition(heading)[2]
    assert table, f"{document.name} has no table {heading}"
    rows = [Row(*found) for found in ROW.findall(table)]
    assert len(rows) == len([line for line in table.splitlines() if line.startswith("| ")]) - 1
    assert len({row.attack for row in rows}) == len(rows)
    return rows
