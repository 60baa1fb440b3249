"""The attacks in docs/security.md: each row names a test that exists."""

from __future__ import annotations

import re

import pytest

from tests.house.rules import ROOT, defines

TEXT = (ROOT / "docs/security.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| .+ \| `(tests/[\w/.]+)::([\w.:]+)` \|$", TEXT, re.MULTILINE)


def test_the_table_has_a_row_for_each_of_many_attacks() -> None:
    table = TEXT.partition("| attack | what it meets | test |")[2]
    assert len(ROWS) == len([line for line in table.splitlines() if line.startswith("| ")]) - 1 > 50
    assert len({attack for attack, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("path", "name"), sorted({row[1:] for row in ROWS}))
def test_a_row_names_a_test_that_exists(path: str, name: str) -> None:
    assert defines(ROOT / path, name.split("::")), f"{path} has no {name}"
