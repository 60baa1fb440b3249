"""Runs `recount.sql` over files of entries, and reads what it counted in the form that the page's figures have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from pandapack.contracts.tlog.tiles import ENTRY_BYTES_MAX
from pandapack.recount.statement import sql

TABLES: Mapping[str, tuple[str, ...]] = {
    "programme": ("programme",),
    "day": ("day",),
    "country": ("country",),
    "item": ("programme", "item"),
    "content": ("programme", "specification", "item"),
    "category": ("category",),
    "year": ("year",),
    "specification": ("programme", "specification"),
    "indicator": ("indicator", "country"),
    "complaint": ("kind",),
    "round": ("round",),
}
"""Tables as in `/v1/totals/{by}` → what names a row."""
MEMORY_MIB_MAX = 4_096
"""A million entries take a quarter of it; beyond it DuckDB goes on in temporary files."""
NESTED = "parcels"
NOT_NESTED = ("parcels_planned",)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Every public figure at one size, as JSON has it. `laws`: law → part → its terms by side."""

    totals: Json
    tables: Mapping[str, Sequence[Json]]
    laws: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]


def count(files: Sequence[Path], size: int) -> Figures:
    """The figures of the first `size` entries of files that hold one a line, in their order. Raises duckdb.Error."""
    with TemporaryDirectory() as folder, connected(folder) as connection:
        load(connection, files, size)
        connection.execute(sql())
        return figures_of(connection)


def connected(folder: str) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory, and in this folder what exceeds it. It fetches nothing, extensions neither."""
    return duckdb.connect(
        config={
            "memory_limit": f"{MEMORY_MIB_MAX}MiB",
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def load(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], size: int) -> None:
    """Makes `entries` as the head of the SQL says."""
    if not files:
        connection.execute("CREATE TABLE entries (index BIGINT, entry JSON)")
        return
    connection.execute(
        "CREATE TABLE entries AS SELECT row_number() OVER () - 1 AS index, json AS entry "
        "FROM read_ndjson_objects($files, maximum_object_size = $bytes) LIMIT $size",
        {"files": [str(file) for file in files], "bytes": ENTRY_BYTES_MAX + 1, "size": size},
    )


def figures_of(connection: duckdb.DuckDBPyConnection) -> Figures:
    """What the SQL has counted."""
    tables = {name: rows_of(connection, name) for name in TABLES}
    laws: dict[str, dict[str, dict[str, dict[str, int]]]] = {"money": {}, "items": {}, "parcels": {}}
    for row in rows_of(connection, "law_terms"):
        sides = laws[row["law"]].setdefault(row["of"], {"left": {}, "right": {}})
        sides[row["side"]][row["term"]] = row["amount"]
    return Figures(rows_of(connection, "totals")[0], tables, laws)


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[Json]:
    """A table's rows in its order, with parcels nested as in JSON."""
    found = connection.table(table)
    return [nested(dict(zip(found.columns, row, strict=True))) for row in found.fetchall()]


def nested(row: Json) -> Json:
    """`parcels_packed` and the like as `parcels: {packed: …}`."""
    found: Json = {}
    for name, value in row.items():
        first, _, state = name.partition("_")
        if first == NESTED and name not in NOT_NESTED:
            found.setdefault(NESTED, {})[state] = value
        else:
            found[name] = value
    return found
