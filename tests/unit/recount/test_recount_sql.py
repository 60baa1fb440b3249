"""`recount.sql` and the fold are one fold in two languages: they agree on every log and at every size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.recount.counting import Figures, count, figures_of, nested
from pandapack.recount.differences import compare, shown_figures
from pandapack.recount.statement import sql
from tests.unit.contracts.test_public_fold import ALL, FINISHED, Account
from tests.unit.recount.random_log import logs
from tests.unit.reporting.history import TOTALS

TABLES = (
    *("programme", "day", "country", "item", "content", "category", "year", "round"),
    *("specification", "indicator", "complaint"),
)


def counted(entries: Sequence[bytes], size: int | None = None, files: int = 1) -> Figures:
    """What the SQL counts of entries that lie in so many files."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.ndjson" for number in range(files)]
        each = -(-len(entries) // files)
        for number, path in enumerate(paths):
            path.write_bytes(b"".join(entry + b"\n" for entry in entries[number * each : (number + 1) * each]))
        return count(paths, len(entries) if size is None else size)


def folded(entries: Sequence[bytes]) -> Figures:
    """What the fold has of them, in the form that the page answers."""
    tables = Account(entries).tables
    return shown_figures(tables["totals"], {name: tables[name] for name in TABLES}, tables["conservation"])


def agree(entries: Sequence[bytes], sql: Figures) -> None:
    shown = folded(entries)
    comparison = compare(sql, shown)
    assert comparison.differences == []
    assert list(sql.totals) == list(shown.totals), "columns stand in the page's order"
    for name in TABLES:
        assert [list(row.items()) for row in sql.tables[name]] == [list(row.items()) for row in shown.tables[name]]


def test_the_history_gives_its_totals() -> None:
    totals = counted(ALL).totals
    assert {name: totals[name] for name in TOTALS} == TOTALS


@pytest.mark.parametrize("size", range(0, len(FINISHED) + 1, 13))
def test_every_size_of_the_history_agrees_with_the_fold(size: int) -> None:
    agree(FINISHED[:size], counted(FINISHED, size))


def test_entries_are_counted_in_the_order_of_their_files() -> None:
    agree(FINISHED[:50], counted(FINISHED, 50, files=9))


@settings(max_examples=25, deadline=None)
@given(log=logs(), data=st.data())
def test_any_log_at_any_size_agrees_with_the_fold(log: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.one_of(st.just(len(log)), st.integers(0, len(log))))
    agree(log[:size], counted(log, size))


def test_an_empty_log_has_figures_of_nothing() -> None:
    found = count([], 0)
    assert found.totals["donations"] == 0 and found.totals["parcels"]["packed"] == 0
    assert all(rows == [] for rows in found.tables.values())


def test_a_changed_figure_is_named_by_its_table_and_row() -> None:
    shown, sql = folded(FINISHED), counted(FINISHED)
    shown.totals["spent_fen"] += 1
    shown.tables["round"][0]["parcels"]["lost"] = 0
    shown.tables["day"].pop()  # type: ignore[attr-defined]
    told = [str(one) for one in compare(sql, shown).differences]
    assert "totals spent_fen: recounted 1940, shown 1941" in told
    assert "round R-000001 parcels lost: recounted 1, shown 0" in told
    assert "day: rows: recounted 2, shown 1" in told and "day 2021-11-12 fen: recounted 1007, shown nothing" in told


def test_columns_of_parcels_are_nested_as_in_json() -> None:
    row = {"round": "R-1", "parcels_planned": 7, "parcels_in_transit": 2}
    assert nested(row) == {"round": "R-1", "parcels_planned": 7, "parcels": {"in_transit": 2}}


def test_the_head_of_the_file_says_how_entries_are_loaded(tmp_path: Path) -> None:
    for first in range(0, len(FINISHED), 40):
        (tmp_path / f"{first:09d}.ndjson").write_bytes(b"".join(one + b"\n" for one in FINISHED[first : first + 40]))
    lines = [line.removeprefix("--").strip() for line in sql().splitlines()]
    begin = lines.index("CREATE TABLE entries AS")
    recipe = " ".join(lines[begin : begin + 3]).replace("log/entries", str(tmp_path)).replace("LIMIT N", "LIMIT 50")
    with duckdb.connect() as connection:
        connection.execute(recipe)
        connection.execute(sql())
        agree(FINISHED[:50], figures_of(connection))
