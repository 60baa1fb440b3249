"""The decision records: each is listed, numbered without gaps, and has its parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.rules import ROOT

RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PARTS = ("**Context.**", "**Decision.**", "**Consequences.**")


def test_the_records_are_numbered_without_gaps() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_the_list_has_each_record_under_its_title() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    rows = dict(re.findall(r"^\| \[\d{4}\]\(([^)]+)\) \| (.+?) \|$", listed, re.MULTILINE))
    titles = {record.name: record.read_text().split("\n")[0].partition(". ")[2] for record in RECORDS}
    assert rows == titles


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_a_record_has_all_its_parts(record: Path) -> None:
    text = record.read_text()
    assert [part for part in PARTS if part not in text] == []
