"""Pages ⇄ MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pandapack.contracts.columns import Columns, id_key
from pandapack.contracts.donations import day_name, day_of_name
from pandapack.contracts.pages import line_prefix, pack, page_id, page_number, unpack
from pandapack.runtime.mongo import Rows
from services.donations.domain.ledger import Anchor, Finding, PageHead
from services.donations.domain.reversals import Given, Kept, Reversal, given_on, standing

PAGES_A_READ = 16
PUSH_PAGES_MAX = 2_000
NUMBERS_A_READ = 1_000
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
REVERSAL_PAGES_MAX = 1_000
"""So many pages are read at most for one list of reversals."""

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


def _kept_of(page: str, row: dict[str, Any]) -> Kept:
    told = {name: row[name] for name in Reversal.__struct_fields__}
    return Kept(msgspec.convert(told, Reversal), row["state"], row["programme"], page)


def _kept_on(row: dict[str, Any]) -> list[Kept]:
    return [_kept_of(row["_id"], one) for one in row["reversals"]]


def page_of(row: dict[str, Any]) -> Page:
    """A page as it was written."""
    saying = tuple((one["n"], bytes(one["e"])) for one in row["saying"])
    findings = tuple(Finding(*values) for values in row["findings"])
    return Page(_head_of(row), unpack(bytes(row["columns"])), saying, findings, tuple(_kept_on(row)))


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
        async for row in self._in_order(line, {"days": day_name(day)}, {"columns": 1}):
            yield page_number(row["_id"]), unpack(bytes(row["columns"]))

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
        async for row in self._in_order(line, {"days": day, **_may_hold(id_key(id))}):
            yield page_of(row)

    async def _in_order(
        self, line: int, where: Mapping[str, Any], fields: Mapping[str, int] | None = None, at_once: int = PAGES_A_READ
    ) -> AsyncIterator[dict[str, Any]]:
        """The rows of a line's pages that fit, so many in memory at a time."""
        after = line_prefix(line)
        while True:
            place = {"$gt": after, "$lt": line_prefix(line) + LAST_OF_LINE}
            rows = await self._rows.find({**where, "_id": place}, limit=at_once, fields=fields)
            for row in rows:
                yield row
            if len(rows) < at_once:
                return
            after = rows[-1]["_id"]

    async def given(self, line: int, told: Iterable[Reversal]) -> dict[str, Given]:
        """The donations that reversals name, by `Reversal.of`, as far as the line has them. Reads each page once."""
        pages: dict[int, list[Reversal]] = {}
        holding: dict[tuple[str, str], list[int]] = {}
        for one in told:
            sought = (one.day, id_key(one.donation))
            if sought not in holding:
                where = {"days": one.day, **_may_hold(sought[1])}
                found = self._in_order(line, where, {"_id": 1}, at_once=NUMBERS_A_READ)
                holding[sought] = [page_number(row["_id"]) async for row in found]
            for number in holding[sought]:
                pages.setdefault(number, []).append(one)
        given: dict[str, Given] = {}
        numbers = sorted(pages)
        for begin in range(0, len(numbers), PAGES_A_READ):
            for number, columns in (await self.columns(line, numbers[begin : begin + PAGES_A_READ])).items():
                given |= given_on(columns, pages[number])
        return given

    async def reversals(self, line: int, keys: Collection[str], of: Collection[str]) -> list[Kept]:
        """What pages of a line keep of reversals with one of these keys, or of one of these donations, in order."""
        wanted_keys, wanted_of = set(keys), set(of)
        kept: dict[str, list[Kept]] = {}
        for path, wanted in (("reversals.key", wanted_keys), ("reversals.of", wanted_of)):
            if wanted:
                async for row in self._in_order(line, {path: {"$in": sorted(wanted)}}, {"reversals": 1}):
                    kept[row["_id"]] = [
                        one for one in _kept_on(row) if one.told.key in wanted_keys or one.told.of in wanted_of
                    ]
        return [one for page in sorted(kept) for one in kept[page]]

    async def reversals_in(self, state: str) -> list[Kept]:
        """Reversals of all lines that stand in this state, by line and page, at most `REVERSALS_SHOWN_MAX`.

        One that was parked or refused, and taken when it came again, stands as taken.
        """
        found, after = dict[str, Kept](), ""
        for _ in range(0, REVERSAL_PAGES_MAX, PAGES_A_READ):
            where = {"reversals.state": state, "_id": {"$gt": after}}
            rows = await self._rows.find(where, limit=PAGES_A_READ, fields={"line": 1, "reversals": 1})
            for row in rows:
                keys = {one.told.key: None for one in _kept_on(row) if one.state == state}
                now = standing(await self.reversals(row["line"], keys, ()))
                found |= {key: now[key] for key in keys if now[key].state == state}
            if len(rows) < PAGES_A_READ or len(found) >= REVERSALS_SHOWN_MAX:
                break
            after = rows[-1]["_id"]
        return list(found.values())[:REVERSALS_SHOWN_MAX]

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


def _may_hold(key: str) -> dict[str, Any]:
    """A filter: pages between whose lowest and highest id this one lies."""
    return {"ids.high": {"$gte": key}, "ids.low": {"$lte": key}}


def on_line(line: int, from_number: int = 0) -> dict[str, Any]:
    """A filter: the rows of one line, from a number on."""
    return {"_id": {"$gte": page_id(line, from_number), "$lt": line_prefix(line) + LAST_OF_LINE}}
