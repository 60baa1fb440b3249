"""Daily roots ⇄ MongoDB."""

from __future__ import annotations

from typing import Any

import msgspec

from pandapack.contracts.donations import day_name
from pandapack.contracts.proof import DailyRoot
from pandapack.runtime.documents import Rows


class DailyRoots:
    """One signed root a day, of the time before the public log: they are read, and no new ones are made."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def one(self, day: str) -> DailyRoot | None:
        """The root of a day, if it is signed already."""
        row = await self._rows.one(day)
        return None if row is None else _root_of(row)

    async def newest(self, limit: int, before: str = "") -> list[DailyRoot]:
        """Roots, newest first, of days before `before`."""
        where = {"_id": {"$lt": before}} if before else {}
        return [_root_of(row) for row in await self._rows.find(where, sort=[("_id", -1)], limit=limit)]

    async def covering(self, shard: int, page: int, opened_day: int) -> DailyRoot | None:
        """The root that covers a page, which was opened on `opened_day` (days since 1970): the first that has it."""
        where = {"_id": {"$gte": day_name(opened_day)}, f"root.shards.{shard}.page": {"$gte": page}}
        found = await self._rows.find(where, limit=1)
        return _root_of(found[0]) if found else None


def _root_of(row: dict[str, Any]) -> DailyRoot:
    return msgspec.convert(row["root"], DailyRoot)
