"""The attacks in docs/security.md and the tamperings in docs/transparency.md: each row names a test that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.attack_tables import Row, rows_of
from tests.house.rules import ROOT, defines

ATTACKS = rows_of(ROOT / "docs/security.md", "| attack | what it meets | test |")
TAMPERINGS = rows_of(ROOT / "docs/transparency.md", "| tampering | what names it | test |")


def test_the_tables_have_a_row_for_each_of_many_attacks() -> None:
    assert len(ATTACKS) > 50 and len(TAMPERINGS) >= 15


@pytest.mark.parametrize("row", sorted({(row.path, row.name) for row in (*ATTACKS, *TAMPERINGS)}))
def test_a_row_names_a_test_that_exists(row: tuple[str, str]) -> None:
    path, name = row
    assert defines(ROOT / path, name.split("::")), f"{path} has no {name}"


def test_a_table_that_has_a_line_without_a_test_is_refused(tmp_path: Path) -> None:
    heading = "| attack | what it meets | test |"
    text = f"{heading}\n| --- | --- | --- |\n| a | b | `tests/a.py::test_b` |\n"
    document = tmp_path / "table.md"
    document.write_text(text)
    assert rows_of(document, heading) == [Row("a", "tests/a.py", "test_b")]
    document.write_text(f"{text}| c | d | missing |\n")
    with pytest.raises(AssertionError):
        rows_of(document, heading)
