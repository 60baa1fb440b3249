"""Pages ⇄ MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pandapack.contracts.columns import Columns, id_key
from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, day_name, day_of_name
from pandapack.contracts.pages import line_prefix, pack, page_id, page_number, unpack
from pandapack.runtime.mongo import Rows
from services.donations.domain.ledger import Anchor, Finding, PageHead
from services.donations.domain.reversals import Given, Kept, Reversal

PAGES_A_READ = 16
PUSH_PAGES_MAX = 2_000
LAST_OF_LINE = "\x7f"
PAGE_INDEXES = (
    "days",
    "pushes",
    ("days", "ids.high", "ids.low"),
    "reversals.key",
    "reversals.of",
    "reversals.state",
)
REVERSALS_SHOWN_MAX = 1_000

SaidEvent = tuple[int, bytes]
"""A line's event: its sequence and its structured-mode JSON."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as kept: its head, its rows, what the line may still have to say, and what was found beside the rows."""

    head: PageHead
    columns: Columns
    saying: tuple[SaidEvent, ...]
    findings: tuple[Finding, ...] = ()
    reversals: tuple[Kept, ...] = ()


def row_of(page: Page) -> dict[str, Any]:
    """A page as it is written."""
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
        "reversed_fen": head.reversed_fen,
        "reversals": [_reversal_row(kept) for kept in page.reversals],
        "ids": dict(zip(("low", "high"), page.columns.ids.bounds(), strict=True)),
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
        reversed_fen=row["reversed_fen"],
    )


def _reversal_row(kept: Kept) -> dict[str, Any]:
    told = kept.told
    fields = {**msgspec.structs.asdict(told), "at": told.at.isoformat()}
    return {"key": told.key, "of": told.of, "state": kept.state, "programme": kept.programme, **fields}


def _kept_of(row: dict[str, Any]) -> Kept:
    told = {name: row[name] for name in Reversal.__struct_fields__}
    return Kept(msgspec.convert(told, Reversal), row["state"], row["programme"])


def page_of(row: dict[str, Any]) -> Page:
    """A page as it was written."""
    saying = tuple((one["n"], bytes(one["e"])) for one in row["saying"])
    findings = tuple(Finding(*values) for values in row["findings"])
    reversals = tuple(map(_kept_of, row["reversals"]))
    return Page(_head_of(row), unpack(bytes(row["columns"])), saying, findings, reversals)


class Pages:
    """The lines' pages. An open page is replaced version for version; a closed one never changes."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def last(self, line: int) -> Page | None:
        """The line's state: its last page."""
        found = await self._rows.find(on_line(line), sort=[("_id", -1)], limit=1)
        return page_of(found[0]) if found else None

    async def write(self, page: Page) -> bool:
        """The commit. False: another owner was first. Raises AnswerLost when the outcome is unknown."""
        row = row_of(page)
        if page.head.version == 1:
            return await self._rows.insert(row)
        return await self._rows.replace(row["_id"], page.head.version - 1, row)

    async def of_day(self, line: int, day: int) -> AsyncIterator[tuple[int, Columns]]:
        """(number, columns) of all pages of a line that cover a day, in order."""
        after = line_prefix(line)
        while True:
            where = {"days": day_name(day), "_id": {"$gt": after, "$lt": line_prefix(line) + LAST_OF_LINE}}
            rows = await self._rows.find(where, limit=PAGES_A_READ, fields={"columns": 1})
            for row in rows:
                yield page_number(row["_id"]), unpack(bytes(row["columns"]))
            if len(rows) < PAGES_A_READ:
                return
            after = rows[-1]["_id"]

    async def columns(self, line: int, numbers: Sequence[int]) -> dict[int, Columns]:
        """The columns of some pages of a line, by number."""
        rows = await self._rows.read([page_id(line, number) for number in numbers])
        return {page_number(id): unpack(bytes(row["columns"])) for id, row in rows.items()}

    async def one(self, line: int, number: int) -> Page | None:
        """One page, if it was written."""
        row = await self._rows.one(page_id(line, number))
        return None if row is None else page_of(row)

    async def holding(self, line: int, day: str, id: str) -> AsyncIterator[Page]:
        """The pages of a line that cover a day and may hold a donation of this id: one or two, where ids rise."""
        key, after = id_key(id), line_prefix(line)
        while True:
            place = {"$gt": after, "$lt": line_prefix(line) + LAST_OF_LINE}
            bounds = {"ids.high": {"$gte": key}, "ids.low": {"$lte": key}}
            rows = await self._rows.find({"days": day, "_id": place, **bounds}, limit=PAGES_A_READ)
            for row in rows:
                yield page_of(row)
            if len(rows) < PAGES_A_READ:
                return
            after = rows[-1]["_id"]

    async def given(self, line: int, reversal: Reversal) -> Given | None:
        """The donation that a reversal names, or None where the line does not have it."""
        day = day_of_name(reversal.day)
        low_us, high_us = day * DAY_US - DAY_OFFSET_US, (day + 1) * DAY_US - DAY_OFFSET_US
        async for page in self.holding(line, reversal.day, reversal.donation):
            row = page.columns.find(reversal.merchant, reversal.donation, low_us, high_us)
            if row is not None:
                one = page.columns.row(row)
                return Given(one.programme, one.amount_fen)
        return None

    async def reversals(self, line: int, keys: Sequence[str], of: Sequence[str]) -> list[Kept]:
        """What pages of a line keep of reversals with one of these keys, or of one of these donations, in order."""
        either = [{"reversals.key": {"$in": list(keys)}}, {"reversals.of": {"$in": list(of)}}]
        rows = await self._rows.find({**on_line(line), "$or": either}, limit=PUSH_PAGES_MAX, fields={"reversals": 1})
        kept = [_kept_of(one) for row in rows for one in row["reversals"]]
        return [one for one in kept if one.told.key in keys or one.told.of in of]

    async def reversals_in(self, state: str) -> list[Kept]:
        """Reversals of all lines that are in this state, the newest pages first, at most `REVERSALS_SHOWN_MAX`."""
        where = {"reversals.state": state}
        rows = await self._rows.find(where, sort=[("_id", -1)], limit=REVERSALS_SHOWN_MAX, fields={"reversals": 1})
        kept = [_kept_of(one) for row in rows for one in row["reversals"] if one["state"] == state]
        return kept[:REVERSALS_SHOWN_MAX]

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
        where = {**on_line(line, from_number=number), "closed": True}
        return [page_of(row) for row in await self._rows.find(where, limit=limit)]


def on_line(line: int, from_number: int = 0) -> dict[str, Any]:
    """A filter: the rows of one line, from a number on."""
    return {"_id": {"$gte": page_id(line, from_number), "$lt": line_prefix(line) + LAST_OF_LINE}}
