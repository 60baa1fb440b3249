"""The published `recount.sql`, for whoever shows it or runs it."""

from __future__ import annotations

from pathlib import Path

SQL_FILE = Path(__file__).with_name("recount.sql")


def sql() -> str:
    """The published text."""
    return SQL_FILE.read_text()
