"""A chart as it is shown, in a language: its sheet, its rows, and those as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.reporting.api.chart_names import named
from services.reporting.api.chart_words import WRITTEN
from services.reporting.api.texts import PageTexts
from services.reporting.domain.charts.sheets import COLUMNS, ChartName, Json, Sheet
from services.reporting.domain.data_tables import LICENCE
from services.reporting.work.snapshots import Snapshot

DASH = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """Of a chart's table; numbers stand to the right."""

    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class View:
    """A chart as it is shown: its sheet, its rows, and those as a table."""

    sheet: Sheet
    rows: list[Json]
    head: list[Cell]
    table: list[list[Cell]]


def view_of(name: ChartName, rows: list[Json], texts: PageTexts, snapshot: Snapshot) -> View:
    """The chart of these rows, as of the snapshot."""
    key = name.name.lower()
    if rows:
        title, marks, wording = WRITTEN[name](rows, texts)
    else:
        title, marks, wording = texts.text(f"chart_{key}_empty"), [], {}
    source = (
        texts.text("chart_source", size=texts.count(snapshot.size), at=texts.instant(snapshot.at))
        if snapshot.size
        else texts.text("chart_source_none")
    )
    sheet = Sheet(
        name=name,
        language=texts.html,
        title=title,
        description=texts.text(f"chart_{key}_description"),
        source=f"{source}{texts.text('chart_dot')}{LICENCE['name']}",
        marks=marks,
        wording=wording,
    )
    return View(sheet, rows, [_head(column, texts) for column in COLUMNS[name]], _table(name, rows, texts))


def _head(column: str, texts: PageTexts) -> Cell:
    return Cell(texts.text(f"chart_column_{column}"), _is_number(column))


def _is_number(column: str) -> bool:
    return column not in TEXT_COLUMNS


TEXT_COLUMNS = frozenset(
    {
        *("from", "to", "country", "period", "peak_day", "category", "specification", "effective_from", "indicator"),
    }
)


def _table(name: ChartName, rows: Sequence[Json], texts: PageTexts) -> list[list[Cell]]:
    return [[Cell(_cell(column, row[column], texts), _is_number(column)) for column in COLUMNS[name]] for row in rows]


def _cell(column: str, value: Any, texts: PageTexts) -> str:
    if value is None:
        return DASH
    if column in TEXT_COLUMNS:
        return named(column, value, texts)
    if column.endswith("_fen"):
        return texts.money(value)
    if column.endswith("per_mille"):
        return f"{texts.tenths(value)}%"
    return texts.count(value)
