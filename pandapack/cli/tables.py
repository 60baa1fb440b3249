"""Tables for people: as wide as the terminal, and wide enough elsewhere. An empty one says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH_ELSEWHERE = 160
"""Of what is written to a file or a pipe: rows that are cut nobody can search."""
UNKNOWN = "unknown"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Rows under a title; `empty` where there is none. What is None is unknown, and numbers stand to the right."""
    known = [list(row) for row in rows]
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH_ELSEWHERE)
    if not known:
        console.print(escape(empty), soft_wrap=True)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=escape(title) or None, title_justify="left")
    for number, name in enumerate(columns):
        is_number = any(isinstance(row[number], int | float) for row in known)
        table.add_column(escape(name), justify="right" if is_number else "left", overflow="fold")
    for row in known:
        table.add_row(*(escape(shown(value)) for value in row))
    console.print(table)


def shown(value: object) -> str:
    """A value as people read it: unknown, or a number with its thousands apart."""
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case _:
            return str(value)
