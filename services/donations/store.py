"""Pages, seals and pushes ⇄ MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pandapack.contracts.donations import day_name, day_of_name
from pandapack.contracts.pages import Columns, line_prefix, pack, page_id, page_number, unpack
from pandapack.runtime.mongo import Rows
from pandapack.runtime.service import Service
from services.donations.domain.ledger import Anchor, DayIndex, Finding, PageHead
from services.donations.domain.seals import Seal

PAGES_A_READ = 64
PUSH_PAGES_MAX = 2_000
LAST_OF_LINE = "\x7f"

SaidEvent = tuple[int, bytes]
"""A line's event: its sequence and its structured-mode JSON."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as kept: its head, its rows, what the line may still have to say, and what was found beside the rows."""

    head: PageHead
    columns: Columns
    saying: tuple[SaidEvent, ...]
    findings: tuple[Finding, ...] = ()


def _row_of(page: Page) -> dict[str, Any]:
    head = page.head
    anchor = head.anchor
    assert anchor is not None, "a page is written because of a record"
    return {
        "_id": page_id(head.line, head.number),
        "line": head.line,
        "version": head.version,
        "closed": head.closed,
        "count": head.count,
        "days": sorted(day_name(day) for day in head.days),
        "intervals": {programme: list(interval) for programme, interval in head.intervals.items()},
        "fronts": head.fronts,
        "counts": head.counts,
        "anchor": {"offset": anchor.offset, "timestamp_ms": anchor.timestamp_ms, "digest": anchor.digest},
        "said": head.said,
        "opened_day": head.opened_day,
        "found": head.found,
        "columns": pack(page.columns),
        "saying": [{"n": number, "e": envelope} for number, envelope in page.saying],
        "findings": [[f.push, f.place, f.kind, f.merchant, f.id] for f in page.findings],
        "pushes": sorted({f.push for f in page.findings}),
    }


def _head_of(row: dict[str, Any]) -> PageHead:
    return PageHead(
        line=row["line"],
        number=page_number(row["_id"]),
        version=row["version"],
        closed=row["closed"],
        count=row["count"],
        days=frozenset(day_of_name(day) for day in row["days"]),
        intervals={programme: (low, high) for programme, (low, high) in row["intervals"].items()},
        fronts=row["fronts"],
        counts=row["counts"],
        anchor=Anchor(**row["anchor"]),
        said=row["said"],
        opened_day=row["opened_day"],
        found=row["found"],
    )


def page_of(row: dict[str, Any]) -> Page:
    """A page as it was written."""
    saying = tuple((one["n"], bytes(one["e"])) for one in row["saying"])
    findings = tuple(Finding(*values) for values in row["findings"])
    return Page(_head_of(row), unpack(bytes(row["columns"])), saying, findings)


class Pages:
    """The lines' pages. An open page is replaced version for version; a closed one never changes."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def last(self, line: int) -> Page | None:
        """The line's state: its last page."""
        found = await self._rows.find(_on_line(line), sort=[("_id", -1)], limit=1)
        return page_of(found[0]) if found else None

    async def write(self, page: Page) -> bool:
        """The commit. False: another owner was first. Raises AnswerLost when the outcome is unknown."""
        row = _row_of(page)
        if page.head.version == 1:
            return await self._rows.insert(row)
        return await self._rows.replace(row["_id"], page.head.version - 1, row)

    async def known(self, line: int, day: int) -> DayIndex:
        """What is known of a day on a line, from all pages that cover it."""
        index, after = DayIndex(), line_prefix(line)
        while True:
            where = {"days": day_name(day), "_id": {"$gt": after, "$lt": line_prefix(line) + LAST_OF_LINE}}
            rows = await self._rows.find(where, limit=PAGES_A_READ, fields={"columns": 1})
            for row in rows:
                index.learn(unpack(bytes(row["columns"])), day)
            if len(rows) < PAGES_A_READ:
                return index
            after = rows[-1]["_id"]

    async def covering(self, line: int, day: str) -> AsyncIterator[Page]:
        """Pages of a line that cover a day, newest first."""
        before = line_prefix(line) + LAST_OF_LINE
        while True:
            where = {"days": day, "_id": {"$gt": line_prefix(line), "$lt": before}}
            rows = await self._rows.find(where, sort=[("_id", -1)], limit=PAGES_A_READ)
            for row in rows:
                yield page_of(row)
            if len(rows) < PAGES_A_READ:
                return
            before = rows[-1]["_id"]

    async def finding(self, push: str) -> list[Finding]:
        """What the ledger found in a push that was not counted."""
        rows = await self._rows.find({"pushes": push}, limit=PUSH_PAGES_MAX, fields={"findings": 1})
        return [Finding(*values) for row in rows for values in row["findings"] if values[0] == push]

    async def closed_from(self, line: int, number: int, limit: int) -> list[Page]:
        """Closed pages of a line from `number` on, in order."""
        where = {**_on_line(line, from_number=number), "closed": True}
        return [page_of(row) for row in await self._rows.find(where, limit=limit)]


class Seals:
    """One seal a closed page, written once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def last(self, line: int) -> Seal | None:
        """The last seal of a line's chain."""
        found = await self._rows.find(_on_line(line), sort=[("_id", -1)], limit=1)
        return _seal_of(found[0]) if found else None

    async def one(self, line: int, number: int) -> Seal | None:
        """The seal of a page, if it is sealed already."""
        row = await self._rows.one(page_id(line, number))
        return _seal_of(row) if row else None

    async def write(self, seal: Seal) -> None:
        """Two owners would write the same seal: the first one stays."""
        await self._rows.insert(
            {
                "_id": page_id(seal.line, seal.number),
                "rows": seal.rows,
                "root": seal.root,
                "previous": seal.previous,
                "chained": seal.chained,
            }
        )


def _seal_of(row: dict[str, Any]) -> Seal:
    line, number = row["_id"].split("/")
    return Seal(int(line), int(number), row["rows"], bytes(row["root"]), bytes(row["previous"]), bytes(row["chained"]))


def _on_line(line: int, from_number: int = 0) -> dict[str, Any]:
    return {"_id": {"$gte": page_id(line, from_number), "$lt": line_prefix(line) + LAST_OF_LINE}}


@dataclass(frozen=True, slots=True)
class Push:
    """A push as stored before it is published: `answer` is None until Kafka has all of it."""

    id: str
    digest: str
    caller: str
    at: datetime
    answer: dict[str, Any] | None


class Pushes:
    """The pushes, by an id that derives from caller and Idempotency-Key."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def open(self, push: Push) -> Push:
        """Stores a push, or answers the one that is stored under its id already."""
        row = {"_id": push.id, "digest": push.digest, "caller": push.caller, "at": push.at, "answer": push.answer}
        if await self._rows.insert(row):
            return push
        return await self.get(push.id) or push

    async def answered(self, id: str, answer: dict[str, Any]) -> None:
        """Kafka has all of it, and this was answered."""
        await self._rows.set(id, {"answer": answer})

    async def get(self, id: str) -> Push | None:
        row = await self._rows.one(id)
        return None if row is None else Push(id, row["digest"], row["caller"], row["at"], row["answer"])


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the donations service keeps."""

    pages: Pages
    seals: Seals
    pushes: Pushes
    settings: Rows


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries above need."""
    pages = service.rows("pages", indexes=["days", "pushes"])
    return Stores(Pages(pages), Seals(service.rows("seals")), Pushes(service.rows("pushes")), service.rows("settings"))
