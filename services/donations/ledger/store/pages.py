"""Pages ⇄ MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np

from pandapack.contracts.columns import Columns, Row, id_key
from pandapack.contracts.donations import DAY_US, day_begins_us, day_name, day_of_name
from pandapack.contracts.outbox import OutboxEvent
from pandapack.contracts.pages import pack, page_id, page_number, shard_prefix, unpack
from pandapack.runtime.documents import Rows
from services.donations.ledger.domain.findings import Anchor, Finding, First
from services.donations.ledger.domain.pages import Page, PageHeader
from services.donations.ledger.domain.reversals import ReversalRecord
from services.donations.validation.domain.reversal_lines import Reversal
from services.donations.validation.domain.reversal_refusals import ReversalRefusal

PAGES_A_READ = 16
BOUNDS_A_READ = 1_000
PUSH_PAGES_MAX = 2_000
FINDING_VALUES_OLD = 5
"""So many values a finding has that was stored before findings had amounts: push, line, kind, merchant, id."""
LAST_OF_SHARD = "\x7f"
PAGE_INDEXES = (
    "days",
    "pushes",
    ("days", "ids.high", "ids.low"),
    "reversals.day",
    "reversals.key",
    "reversals.of",
    "reversals.state",
)


def row_of(page: Page) -> dict[str, Any]:
    """A page as it is written."""
    header = page.header
    anchor = header.anchor
    assert anchor is not None, "a page is written because of a record"
    return {
        "_id": page_id(header.shard, header.number),
        "shard": header.shard,
        "version": header.version,
        "closed": header.closed,
        "count": header.count,
        "days": sorted(day_name(day) for day in header.days),
        "intervals": {programme: list(interval) for programme, interval in header.intervals.items()},
        "fronts": header.fronts,
        "counts": header.counts,
        "anchor": {"offset": anchor.offset, "timestamp_ms": anchor.timestamp_ms, "digest": anchor.digest},
        "sequence": header.sequence,
        "opened_day": header.opened_day,
        "found": header.found,
        "reversed_fen": header.reversed_fen,
        "reversals": [_reversal_row(record) for record in page.reversals],
        "ids": dict(zip(("low", "high"), page.columns.ids.bounds(), strict=True)),
        "columns": pack(page.columns),
        "outbox": [{"sequence": event.sequence, "envelope": event.envelope} for event in page.outbox],
        "findings": [_finding_row(finding) for finding in page.findings],
        "pushes": sorted({f.push for f in page.findings}),
    }


def _header_of(row: Mapping[str, Any]) -> PageHeader:
    return PageHeader(
        shard=row["shard"],
        number=page_number(row["_id"]),
        version=row["version"],
        closed=row["closed"],
        count=row["count"],
        days=frozenset(day_of_name(day) for day in row["days"]),
        intervals={programme: (low, high) for programme, (low, high) in row["intervals"].items()},
        fronts=row["fronts"],
        counts=row["counts"],
        anchor=Anchor(**row["anchor"]),
        sequence=row["sequence"],
        opened_day=row["opened_day"],
        found=row["found"],
        reversed_fen=row["reversed_fen"],
    )


def _finding_row(f: Finding) -> list[Any]:
    row = [f.push, f.index, f.kind, f.merchant, f.id, f.day, f.amount_fen, f.left_fen]
    return row if f.first is None else [*row, *f.first]


def _finding_of(values: Sequence[Any]) -> Finding:
    if len(values) == FINDING_VALUES_OLD:
        push, _, kind, merchant, id = values  # its index was that of its line in the record
        return Finding(push, None, kind, merchant, id)
    push, index, kind, merchant, id, day, amount_fen, left_fen, *first = values
    return Finding(push, index, kind, merchant, id, day, amount_fen, First(*first) if first else None, left_fen)


def _reversal_row(record: ReversalRecord) -> dict[str, Any]:
    reversal = record.reversal
    fields = {**msgspec.structs.asdict(reversal), "at": reversal.at.isoformat()}
    stands = {"state": record.state, "programme": record.programme}
    refusal = {} if record.refusal is None else {"refusal": asdict(record.refusal)}
    return {"key": reversal.key, "of": reversal.of, **stands, **fields, **refusal}


def reversal_records_on(row: Mapping[str, Any]) -> list[ReversalRecord]:
    """The reversals on a page's row, in order."""
    fields = Reversal.__struct_fields__
    return [
        ReversalRecord(
            msgspec.convert({name: one[name] for name in fields}, Reversal),
            one["state"],
            one["programme"],
            row["_id"],
            ReversalRefusal(**one["refusal"]) if "refusal" in one else None,
        )
        for one in row["reversals"]
    ]


def page_of(row: Mapping[str, Any]) -> Page:
    """A page as it was written."""
    outbox = tuple(OutboxEvent(event["sequence"], bytes(event["envelope"])) for event in row["outbox"])
    findings = tuple(map(_finding_of, row["findings"]))
    reversals = tuple(reversal_records_on(row))
    return Page(_header_of(row), unpack(bytes(row["columns"])), outbox, findings, reversals)


@dataclass(frozen=True, slots=True)
class FoundDonation:
    """A donation on its page: row `row` of it, counted from 0."""

    page: Page
    row: int

    @property
    def donation(self) -> Row:
        """The donation itself."""
        return self.page.columns.row(self.row)

    @property
    def fen_from(self) -> int:
        """Where it begins on its programme's fen line; it is as long as its amount."""
        return self.page.header.intervals[self.donation.programme][0] + self.page.columns.fen_before(self.row)


class Pages:
    """The shards' pages. An open page is replaced version for version; a closed one never changes."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def last(self, shard: int) -> Page | None:
        """The shard's state: its last page."""
        found = await self._rows.find(on_shard(shard), sort=[("_id", -1)], limit=1)
        return page_of(found[0]) if found else None

    async def write(self, page: Page) -> bool:
        """The commit. False: another owner was first. Raises AnswerLost when the outcome is unknown."""
        row = row_of(page)
        if page.header.version == 1:
            return await self._rows.insert(row)
        return await self._rows.replace(row["_id"], page.header.version - 1, row)

    async def next_offset(self, shard: int) -> int:
        """The first offset of a shard's log that is not decided yet."""
        found = await self._rows.find(on_shard(shard), sort=[("_id", -1)], limit=1, fields={"anchor": 1})
        return int(found[0]["anchor"]["offset"]) + 1 if found else 0

    async def rows_held(self, shard: int) -> int:
        """How many donations the shard's pages hold, and what they keep beside them; of a shard of few pages."""
        held = self.in_order(shard, {}, {"count": 1, "found": 1})
        return sum([int(row["count"]) + int(row["found"]) async for row in held])

    async def one(self, shard: int, number: int) -> Page | None:
        """One page, if it was written."""
        row = await self._rows.one(page_id(shard, number))
        return None if row is None else page_of(row)

    async def columns(self, shard: int, numbers: Sequence[int]) -> dict[int, Columns]:
        """The columns of some pages of a shard, by number."""
        rows = await self._rows.read([page_id(shard, number) for number in numbers])
        return {page_number(id): unpack(bytes(row["columns"])) for id, row in rows.items()}

    async def of_day(self, shard: int, day: int) -> AsyncIterator[tuple[int, Columns]]:
        """(number, columns) of all pages of a shard that cover a day (in days since 1970), in order."""
        async for row in self.in_order(shard, {"days": day_name(day)}, {"columns": 1}):
            yield page_number(row["_id"]), unpack(bytes(row["columns"]))

    async def enclosing(self, shard: int, day: str, low: str, high: str) -> AsyncIterator[tuple[int, str, str]]:
        """(number, lowest, highest id key) of the pages that cover a day and may hold ids between two id keys."""
        where = {"days": day, "ids.high": {"$gte": low}, "ids.low": {"$lte": high}}
        async for row in self.in_order(shard, where, {"ids": 1}, at_once=BOUNDS_A_READ):
            yield page_number(row["_id"]), row["ids"]["low"], row["ids"]["high"]

    async def last_rows(self, shard: int, merchants_of: str, limit: int) -> list[Row]:
        """The last donations of a platform's merchants on the shard's last page, newest first."""
        page = await self.last(shard)
        names = [] if page is None else [name.startswith(merchants_of) for name in page.columns.merchants.strings]
        if page is None or not any(names):
            return []
        rows = np.flatnonzero(np.array(names, bool)[page.columns.merchants.indices])[-limit:]
        return [page.columns.row(row) for row in rows[::-1].tolist()]

    async def find(self, shard: int, merchant: str, id: str, day: str) -> FoundDonation | None:
        """The donation of a merchant's id and day (such as 2021-11-11), if the ledger has it."""
        from_us = day_begins_us(day_of_name(day))
        # Pages that cover the day and may hold the id: one or two, where ids rise.
        async for row in self.in_order(shard, {"days": day, **may_hold(id_key(id))}):
            page = page_of(row)
            found = page.columns.find(merchant, id, from_us, from_us + DAY_US)
            if found is not None:
                return FoundDonation(page, found)
        return None

    async def find_fen(self, shard: int, programme: str, fen: int) -> FoundDonation | None:
        """The donation that has a fen of its programme's fen line, if any has: a search by halves, page by page."""
        last = await self._rows.find(on_shard(shard), sort=[("_id", -1)], limit=1, fields={"fronts": 1})
        if not last or not 0 <= fen < last[0]["fronts"].get(programme, 0):
            return None
        low, high = 0, page_number(last[0]["_id"])
        while low < high:
            middle = (low + high) // 2
            found = await self._rows.find({"_id": page_id(shard, middle)}, limit=1, fields={"fronts": 1})
            if found and found[0]["fronts"].get(programme, 0) > fen:
                high = middle
            else:
                low = middle + 1
        page = await self.one(shard, low)
        assert page is not None, "the page up to which the fen line was seen"
        row = page.columns.row_at(programme, fen - page.header.intervals[programme][0])
        return None if row is None else FoundDonation(page, row)

    async def covering(self, shard: int, days: Sequence[str]) -> AsyncIterator[Page]:
        """Pages of a shard that cover any of these days, newest first."""
        before = shard_prefix(shard) + LAST_OF_SHARD
        while True:
            where = {"days": {"$in": list(days)}, "_id": {"$gt": shard_prefix(shard), "$lt": before}}
            rows = await self._rows.find(where, sort=[("_id", -1)], limit=PAGES_A_READ)
            for row in rows:
                yield page_of(row)
            if len(rows) < PAGES_A_READ:
                return
            before = rows[-1]["_id"]

    async def findings_of(self, push: str) -> list[tuple[int, Finding]]:
        """(shard, finding) of what the ledger found in a push that was not counted."""
        rows = await self._rows.find({"pushes": push}, limit=PUSH_PAGES_MAX, fields={"shard": 1, "findings": 1})
        return [(row["shard"], _finding_of(values)) for row in rows for values in row["findings"] if values[0] == push]

    async def closed_from(self, shard: int, number: int, limit: int) -> list[Page]:
        """Closed pages of a shard from `number` on, in order."""
        where = {**on_shard(shard, from_number=number), "closed": True}
        return [page_of(row) for row in await self._rows.find(where, limit=limit)]

    async def in_order(
        self, shard: int, where: Mapping[str, Any], fields: Mapping[str, int] | None = None, at_once: int = PAGES_A_READ
    ) -> AsyncIterator[dict[str, Any]]:
        """The rows of a shard's pages that fit a filter, so many in memory at a time."""
        after = shard_prefix(shard)
        while True:
            ids = {"$gt": after, "$lt": shard_prefix(shard) + LAST_OF_SHARD}
            rows = await self._rows.find({**where, "_id": ids}, limit=at_once, fields=fields)
            for row in rows:
                yield row
            if len(rows) < at_once:
                return
            after = rows[-1]["_id"]


def may_hold(key: str) -> dict[str, Any]:
    """A filter: pages between whose lowest and highest id key this one lies."""
    return {"ids.high": {"$gte": key}, "ids.low": {"$lte": key}}


def on_shard(shard: int, from_number: int = 0) -> dict[str, Any]:
    """A filter: the rows of one shard, from a number on."""
    return {"_id": {"$gte": page_id(shard, from_number), "$lt": shard_prefix(shard) + LAST_OF_SHARD}}
