"""`/v1/audit-log`: accepted commands, by whom and why; searched, and taken along as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from pandapack.contracts.acts import COMMAND_CHARACTERS_MAX, SUBJECT_CHARACTERS_MAX
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem, json_bytes
from pandapack.runtime.sessions import page_caller
from services.reporting.api.login import login_address
from services.reporting.store.audit_log import Search
from services.reporting.work.audit_log import AuditLog, ChainStanding

ENTRIES_DEFAULT = 100
ENTRIES_MAX = 500
ACTOR_CHARACTERS_MAX = 200
COLUMNS = (
    *("n", "when", "actor", "role", "key", "command", "subject", "why", "document", "request_id"),
    *("digest", "prev", "hash"),
)

Json = dict[str, Any]
Reader = Depends(needs(Role.AUDITOR))


class FileFormat(StrEnum):
    """What a file of the audit log is written in."""

    CSV = "csv"
    NDJSON = "ndjson"


MEDIA_TYPES = {FileFormat.CSV: "text/csv; charset=utf-8", FileFormat.NDJSON: "application/x-ndjson"}


def searched(
    actor: Annotated[str, Query(max_length=ACTOR_CHARACTERS_MAX, description="A key's name, or its prefix.")] = "",
    role: Annotated[str, Query(max_length=20, description="A key's role.")] = "",
    command: Annotated[
        str, Query(max_length=COMMAND_CHARACTERS_MAX, description="As entries have it: an event's type, or a route.")
    ] = "",
    subject: Annotated[
        str,
        Query(max_length=SUBJECT_CHARACTERS_MAX, description="A document, or a name that stands in one: an order's."),
    ] = "",
    first: Annotated[str, Query(alias="from", max_length=40, description="RFC 3339, or a day.")] = "",
    last: Annotated[str, Query(alias="to", max_length=40, description="RFC 3339, or a day; not included.")] = "",
) -> Search:
    """What is wanted of the audit log. Raises Problem 422."""
    texts = (actor.strip(), role.strip(), command.strip(), subject.strip())
    return Search(*texts, _moment("from", first.strip()), _moment("to", last.strip()))


Searched = Annotated[Search, Depends(searched)]


def audit_log_router(audit_log: AuditLog) -> APIRouter:
    """`/audit-log`, and the same as files."""
    router = APIRouter(tags=["audit log"])

    @router.get("/audit-log", dependencies=[Reader])
    async def get_audit_log(
        search: Searched,
        after: Annotated[int | None, Query(ge=1, description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=ENTRIES_MAX)] = ENTRIES_DEFAULT,
    ) -> Json:
        """Accepted commands, the newest first: who, when, what, why, and the event that tells of each.

        `chain`: how many there are, the hash of the last, and how many of them the public log has vouched for.
        """
        return await shown_audit_log(audit_log, search, after=after, limit=limit)

    @router.get("/audit-log.{format}", dependencies=[Reader], response_class=Response)
    async def get_audit_log_file(format: FileFormat, search: Searched) -> Response:
        """The same as a file, of all entries that fit: a million at most."""
        return _file(audit_log, format, search)

    return router


def audit_log_files_router(audit_log: AuditLog) -> APIRouter:
    """The files again for who is logged in on the page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ops/audit-log.{format}")
    async def get_file(request: Request, format: FileFormat, search: Searched) -> Response:
        if await page_caller(request) is None:
            return RedirectResponse(login_address(None), 303)
        return _file(audit_log, format, search)

    return router


async def shown_audit_log(audit_log: AuditLog, search: Search, *, after: int | None, limit: int) -> Json:
    """A page of entries, and where the chain stands."""
    rows = await audit_log.newest(search, before=after, limit=limit + 1)
    items = [shown_entry(row) for row in rows[:limit]]
    standing = await audit_log.standing()
    return {"items": items, "next": items[-1]["n"] if len(rows) > limit else None, "chain": _chain(standing)}


def shown_entry(row: Json) -> Json:
    """An entry as JSON."""
    names = ("when", "actor", "command", "subject", "why", "document", "request_id", "digest", "prev", "hash")
    return {"n": row["_id"], **{name: row[name] for name in names}}


def _chain(standing: ChainStanding) -> Json:
    published = standing.published
    logged = {"n": published.n, "hash": published.hash, "at": published.at.isoformat()} if published.n else None
    return {"n": standing.n, "hash": standing.hash, "in_public_log": logged}


def _moment(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+08:00")
    except ValueError as error:
        raise _unreadable(name, text) from error
    if moment.tzinfo is None:
        raise _unreadable(name, text)
    return int(moment.timestamp() * 1_000_000)


def _unreadable(name: str, text: str) -> Problem:
    detail = f"{name} is {text!r}: send a day as 2021-11-11, or a moment as 2021-11-11T00:00:00+08:00"
    return Problem(422, "as_of_invalid", detail)


def _file(audit_log: AuditLog, format: FileFormat, search: Search) -> Response:
    parts = _csv(audit_log, search) if format is FileFormat.CSV else _ndjson(audit_log, search)
    named = {"Content-Disposition": f'attachment; filename="audit-log.{format}"', "Cache-Control": "no-store"}
    return StreamingResponse(parts, media_type=MEDIA_TYPES[format], headers=named)


async def _ndjson(audit_log: AuditLog, search: Search) -> AsyncIterator[bytes]:
    async for row in audit_log.all_of(search):
        yield json_bytes(shown_entry(row)) + b"\n"


async def _csv(audit_log: AuditLog, search: Search) -> AsyncIterator[bytes]:
    yield _line(COLUMNS)
    async for row in audit_log.all_of(search):
        entry = shown_entry(row)
        actor = entry["actor"]
        entry |= {"actor": actor["name"], "role": actor["role"], "key": actor["key"]}
        yield _line([_plain(str(entry[name])) for name in COLUMNS])


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: names and reasons are what people wrote."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
