"""The tables to take along: CSV, Parquet and JSON as of a size of the public log, and a Data Package of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from pandapack.contracts.donations import NAME_PATTERN
from pandapack.decision import Refusal
from pandapack.recount.statement import sql
from pandapack.runtime.http import Problem, problem_of
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.ranges import FOR_GOOD, OF_NOW, answer_of
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.as_of import CHARACTERS_MAX
from services.reporting.domain.as_of import as_of as as_of_what
from services.reporting.domain.data_tables import MEDIA_TYPES, TABLES, Format, Table, package
from services.reporting.work.data_files import DataFiles, Filters, TooManyQueries
from services.reporting.work.snapshots import Snapshot, Snapshots

BUSY_RETRY_AFTER_S = 5
PACKAGE_TYPE = "application/json"
SQL_TYPE = "application/sql; charset=utf-8"

AsOf = Annotated[
    str | None,
    Query(max_length=CHARACTERS_MAX, description="A size of the log, an RFC 3339 moment, or a day's end."),
]


def wanted(
    programme: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
    country: Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="ISO 3166-1.")] = None,
    first: Annotated[date | None, Query(alias="from", description="The first day, in Asia/Shanghai.")] = None,
    last: Annotated[date | None, Query(alias="to", description="The last day, included.")] = None,
) -> Filters:
    """What is wanted of a table."""
    days = (one.isoformat() if one else None for one in (first, last))
    return Filters(programme, country, *days)


Wanted = Annotated[Filters, Depends(wanted)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A snapshot, and how long an answer of it may be kept: for good where its size was asked for."""

    snapshot: Snapshot
    cache: str

    @property
    def headers(self) -> Mapping[str, str]:
        link = f'</v1/data/datapackage.json?as_of={self.snapshot.size}>; rel="describedby"'
        return {"Panda-Snapshot": str(self.snapshot.size), "Link": link}


async def _asked(snapshots: Snapshots, as_of: str | None) -> _Asked:
    """Raises Problem for what is neither a size, a moment nor a day, and for a size that is not there yet."""
    wanted = None if as_of is None else as_of_what(as_of)
    if wanted is None:
        return _Asked(snapshots.current, OF_NOW)
    if isinstance(wanted, datetime):
        return _Asked(await snapshots.as_of_moment(wanted), OF_NOW)
    found = await snapshots.as_of_size(wanted) if isinstance(wanted, int) else wanted
    if isinstance(found, Refusal):
        raise problem_of(found)
    return _Asked(found, FOR_GOOD)


def _table_of(name: str, filters: Filters) -> Table:
    """The table, which knows each of the filters. Raises Problem."""
    table = TABLES.get(name)
    if table is None:
        raise Problem(404, "data_unknown", f"there is no table {name!r}; there are {', '.join(TABLES)}")
    if unknown := sorted(filters.given - set(table.filters)):
        known = ", ".join(table.filters)
        raise Problem(422, "data_filter_invalid", f"{name} is not narrowed by {', '.join(unknown)}, only by {known}")
    if filters.first_day and filters.last_day and filters.first_day > filters.last_day:
        raise Problem(422, "data_filter_invalid", f"from {filters.first_day} lies after to {filters.last_day}")
    return table


def _busy(error: TooManyQueries) -> Problem:
    return Problem(503, "data_busy", f"{error}: ask again soon").retry_after(BUSY_RETRY_AFTER_S)


def data_router(snapshots: Snapshots, files: DataFiles, limits: ReadLimits) -> APIRouter:
    """`/v1/data/datapackage.json` and `/v1/data/{table}.{format}`."""
    router = APIRouter(prefix="/data", tags=["data"], dependencies=[Depends(limits)])

    async def datapackage(request: Request, as_of: AsOf = None) -> Response:
        """A Data Package (v2) of all tables: schema, licence, sources, sizes and SHA-256 of every file."""
        asked = await _asked(snapshots, as_of)
        try:
            resources = await files.resources(asked.snapshot)
        except TooManyQueries as error:
            raise _busy(error) from error
        described = package(asked.snapshot.size, asked.snapshot.at, resources, PageTexts(Language.EN).text)
        content = msgspec.json.format(msgspec.json.encode(described), indent=2)
        tag = f"package-{asked.snapshot.size}"
        return answer_of(request, content, tag, media_type=PACKAGE_TYPE, cache=asked.cache, headers=asked.headers)

    async def table_file(request: Request, table: str, format: str, filters: Wanted, as_of: AsOf = None) -> Response:
        """A table as a file, whole or narrowed: the same bytes for the same size, always.

        `as_of` is a size of the log, a moment, or a day (its end in Asia/Shanghai). `from` and `to` are days: of gifts
        for `day`, of funding for `round`.
        """
        found = _table_of(table, filters)
        if format not in tuple(Format):
            raise Problem(404, "data_unknown", f"{table} is there as {', '.join(Format)}, and not as {format!r}")
        asked = await _asked(snapshots, as_of)
        try:
            one = await files.file(asked.snapshot, found, Format(format), filters)
        except TooManyQueries as error:
            raise _busy(error) from error
        media_type = MEDIA_TYPES[Format(format)]
        return answer_of(
            request, one.content, one.sha256, media_type=media_type, cache=asked.cache, headers=asked.headers
        )

    for path, endpoint, name in (
        ("/datapackage.json", datapackage, "get_data_package"),
        ("/{table}.{format}", table_file, "get_data_file"),
    ):
        router.add_api_route(path, endpoint, methods=["GET"], name=name, response_class=Response)
        # Engines that read a range ask first how long the whole is.
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
    return router


def recount_router() -> APIRouter:
    """`/log/recount.sql`."""
    router, text = APIRouter(prefix="/log", tags=["public log"]), sql().encode()

    @router.get("/recount.sql", response_class=Response)
    async def get_recount_sql(request: Request) -> Response:
        """The SQL (DuckDB) that recounts every public figure from the log's entries."""
        return answer_of(request, text, "recount", media_type=SQL_TYPE, cache=OF_NOW)

    return router
