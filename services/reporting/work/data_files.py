"""Files of the tables, written by DuckDB from the rows of a snapshot: the same bytes for the same size, always."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from pandapack.contracts.public_log.fold import contents, costs, figures, parcels, surveys
from services.reporting.domain.data_tables import TABLES, Format, Json, Resource, Table, duckdb_types, flat
from services.reporting.work.snapshots import Snapshot

QUERIES_AT_ONCE_MAX = 2
"""As many threads of DuckDB: a file of 50,000 rounds takes one of them for a second or two."""
QUERIES_WAITING_MAX = 32
"""Beyond them it is better to be told at once: each waits for a second or so."""
MEMORY_MIB_MAX = 256
"""Of one query: 50,000 rounds take a third of it. What goes beyond is written to a temporary file."""
KEPT_BYTES_MAX = 64 * 1024 * 1024
"""Files that were asked for last: several of the longest, and every file of several sizes of a usual programme."""
ROUNDS_A_READ = 1_000

WRITTEN: Mapping[Format, str] = {
    Format.CSV: "FORMAT csv, HEADER true",
    Format.PARQUET: "FORMAT parquet, COMPRESSION zstd",
    Format.JSON: "FORMAT json, ARRAY true",
}
_encoder = msgspec.json.Encoder()
IN_CHINA = "(CAST(replace(funded_at, 'Z', '') AS TIMESTAMP) + INTERVAL 8 HOUR)::DATE"
"""A round's day, as a period means it: that on which it was funded."""


class TooManyQueries(Exception):
    """More wait for a file than may."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted of a table; None: all of it. Days are `YYYY-MM-DD` in Asia/Shanghai, both included."""

    programme: str | None = None
    country: str | None = None
    first_day: str | None = None
    last_day: str | None = None

    @property
    def given(self) -> set[str]:
        """Their names as parameters have them."""
        named = zip(("programme", "country", "from", "to"), self._values, strict=True)
        return {name for name, value in named if value is not None}

    @property
    def _values(self) -> tuple[str | None, ...]:
        return self.programme, self.country, self.first_day, self.last_day


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file and its SHA-256 (hex)."""

    content: bytes
    sha256: str


class DataFiles:
    """Writes files, a few at a time and never in the event loop, and keeps those that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str, Format, Filters], DataFile] = OrderedDict()
        self._kept_bytes = 0
        self._querying = asyncio.Semaphore(QUERIES_AT_ONCE_MAX)
        self._waiting = 0

    async def file(self, snapshot: Snapshot, table: Table, format: Format, filters: Filters = EVERYTHING) -> DataFile:
        """A table as of the snapshot. Raises TooManyQueries, StoreUnavailable."""
        name = (snapshot.size, table.name, format, filters)
        if (found := self._kept.get(name)) is not None:
            self._kept.move_to_end(name)
            return found
        if self._waiting >= QUERIES_WAITING_MAX:
            raise TooManyQueries(f"{self._waiting} files are being waited for")
        self._waiting += 1
        try:
            async with self._querying:
                rows = await rows_of(snapshot, table, filters)
                found = await asyncio.to_thread(written, table, rows, format, filters)
        finally:
            self._waiting -= 1
        self._keep(name, found)
        return found

    async def resources(self, snapshot: Snapshot) -> list[Resource]:
        """Every table in every format, whole. Raises as `file` does."""
        found = []
        for table in TABLES.values():
            for format in Format:
                one = await self.file(snapshot, table, format)
                found.append(Resource(table, format, len(one.content), one.sha256))
        return found

    def _keep(self, name: tuple[int, str, Format, Filters], found: DataFile) -> None:
        if name in self._kept:  # two asked at a time
            return
        self._kept[name] = found
        self._kept_bytes += len(found.content)
        while self._kept_bytes > KEPT_BYTES_MAX:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest.content)


async def rows_of(snapshot: Snapshot, table: Table, filters: Filters) -> list[Json]:
    """A table's rows as `/v1/totals/{by}` has them; of one programme where that changes the sums."""
    books, programme = snapshot.books, filters.programme
    match table.name:
        case "programme":
            rows = figures.programme_rows(books)
        case "country":
            rows = figures.country_rows(books, programme)
        case "item":
            rows = figures.item_rows(books)
        case "category":
            rows = costs.category_rows(books, programme)
        case "content":
            rows = contents.content_rows(books, programme)
        case "year":
            rows = costs.year_rows(books, programme)
        case "specification":
            rows = parcels.specification_rows(books, programme)
        case "indicator":
            rows = surveys.indicator_rows(books, programme)
        case "complaint":
            rows = surveys.complaint_rows(books, programme)
        case "day":
            rows = figures.day_rows(await snapshot.days(), programme)
        case _:
            rows = await _round_rows(snapshot)
    return rows


async def _round_rows(snapshot: Snapshot) -> list[Json]:
    rows: list[Json] = []
    after = ""
    while True:
        rounds = await snapshot.rounds(after, ROUNDS_A_READ)
        rows += map(figures.round_row, rounds)
        if len(rounds) < ROUNDS_A_READ:
            return rows
        after = rounds[-1].round


def written(table: Table, rows: Sequence[Json], format: Format, filters: Filters) -> DataFile:
    """The file of these rows, sorted by key. One thread and one order: the same rows give the same bytes."""
    import duckdb  # not while a service starts: most processes never write a file

    types = duckdb_types(table.columns)
    where, values = _where(table, filters)
    with TemporaryDirectory() as folder, duckdb.connect(config=_config(folder)) as connection:
        source = Path(folder) / "rows.ndjson"
        source.write_bytes(b"".join(_encoder.encode(flat(row)) + b"\n" for row in rows))
        read = f"read_json('{source}', format = 'newline_delimited', columns = {types})"
        connection.execute(f"CREATE TABLE found AS SELECT * FROM {read}")  # noqa: S608 - the folder is ours, too
        target = Path(folder) / "file"
        columns = ", ".join(f'"{name}"' for name in types)
        key = ", ".join(f'"{name}" NULLS FIRST' for name in table.key)
        query = f"SELECT {columns} FROM found {where} ORDER BY {key}"  # noqa: S608 - names are this module's own
        connection.execute(f"COPY ({query}) TO '{target}' ({WRITTEN[format]})", values)
        content = target.read_bytes()
    return DataFile(content, sha256(content).hexdigest())


def _config(folder: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": 1,
        "memory_limit": f"{MEMORY_MIB_MAX}MiB",
        "temp_directory": folder,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _where(table: Table, filters: Filters) -> tuple[str, dict[str, str]]:
    """What rows must hold. A programme's sums of days and countries are its own already."""
    day = "day" if table.name == "day" else IN_CHINA
    names = {column.name for column in table.columns}
    wanted = [
        ('"programme" = $programme', "programme", filters.programme if "programme" in names else None),
        ('"country" = $country', "country", filters.country),
        (f"{day} >= CAST($first AS DATE)", "first", filters.first_day),
        (f"{day} <= CAST($last AS DATE)", "last", filters.last_day),
    ]
    given = [(text, name, value) for text, name, value in wanted if value is not None]
    conditions = " AND ".join(text for text, _, _ in given)
    return f"WHERE {conditions}" if given else "", {name: value for _, name, value in given}
