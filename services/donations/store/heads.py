"""Heads ⇄ MongoDB, and what of pages and seals a head is made of."""

from __future__ import annotations

from typing import Any

import msgspec

from pandapack.contracts.donations import day_name
from pandapack.contracts.pages import page_number
from pandapack.contracts.proof import DayHead
from pandapack.runtime.mongo import Rows
from services.donations.domain.heads import LineEnd
from services.donations.store.pages import on_line

SEALS_A_READ = 4_096


class Heads:
    """One signed head a day, written once; of two processes the first wins, and both would sign the same chains."""

    def __init__(self, heads: Rows, pages: Rows, seals: Rows) -> None:
        self._heads, self._pages, self._seals = heads, pages, seals

    async def write(self, head: DayHead) -> bool:
        """False: the day has its head already. Raises AnswerLost."""
        return await self._heads.insert({"_id": head.day, "head": msgspec.to_builtins(head)})

    async def last(self) -> DayHead | None:
        """The newest head."""
        found = await self._heads.find({}, sort=[("_id", -1)], limit=1)
        return _head_of(found[0]) if found else None

    async def one(self, day: str) -> DayHead | None:
        """The head of a day, if it is signed already."""
        row = await self._heads.one(day)
        return None if row is None else _head_of(row)

    async def newest(self, limit: int, before: str = "") -> list[DayHead]:
        """Heads, newest first, of days before `before`."""
        where = {"_id": {"$lt": before}} if before else {}
        return [_head_of(row) for row in await self._heads.find(where, sort=[("_id", -1)], limit=limit)]

    async def covering(self, line: int, page: int, opened_day: int) -> DayHead | None:
        """The head that covers a page, which was opened on `opened_day` (days since 1970): the first that has it."""
        where = {"_id": {"$gte": day_name(opened_day)}, f"head.lines.{line}.page": {"$gte": page}}
        found = await self._heads.find(where, limit=1)
        return _head_of(found[0]) if found else None

    async def first_opened(self, lines: int) -> int | None:
        """The day on which the ledger's first page was opened, in days since 1970."""
        firsts = [await self._pages.find(on_line(line), limit=1, fields={"opened_day": 1}) for line in range(lines)]
        return min((found[0]["opened_day"] for found in firsts if found), default=None)

    async def end_of(self, line: int, day: int) -> LineEnd:
        """The line's last closed page among those that were opened on a day or before it."""
        where = {**on_line(line), "closed": True, "opened_day": {"$lte": day}}
        fields = {"counts": 1, "fronts": 1}
        found = await self._pages.find(where, sort=[("_id", -1)], limit=1, fields=fields)
        if not found:
            return LineEnd(line)
        return LineEnd(line, page_number(found[0]["_id"]), found[0]["counts"], found[0]["fronts"])

    async def chained(self, line: int, first: int, last: int) -> list[str]:
        """The chained seals (hex) of pages `first` … `last` of a line, in order; fewer where some are not sealed."""
        seals: list[str] = []
        while first + len(seals) <= last:
            wanted = min(SEALS_A_READ, last + 1 - first - len(seals))
            rows = await self._seals.find(
                on_line(line, from_number=first + len(seals)), limit=wanted, fields={"chained": 1}
            )
            seals += [bytes(row["chained"]).hex() for row in rows]
            if len(rows) < wanted:
                break
        return seals


def _head_of(row: dict[str, Any]) -> DayHead:
    return msgspec.convert(row["head"], DayHead)
