"""Tables for people say what is empty and what is unknown."""

from __future__ import annotations

import pytest

from pandapack.cli.tables import print_table, shown


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Hops", ("from", "to"), [], empty="no hop is known")
    assert capsys.readouterr().out == "no hop is known\n"


def test_rows_stand_under_their_columns_and_what_looks_like_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Hops", ("from", "records"), [("a[b]", 1_200), ("c", None)], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Hops"
    assert any("a[b]" in line and "1,200" in line for line in lines)
    assert any("unknown" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "unknown"), (0, "0"), (True, "yes"), (1_234.56, "1,234.6"), ("x", "x")]
)
def test_a_value_is_shown_as_people_read_it(value: object, text: str) -> None:
    assert shown(value) == text
