"""Seals ⇄ MongoDB."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.pages import page_id
from pandapack.runtime.mongo import Rows
from services.donations.domain.seals import Seal
from services.donations.store.pages import on_line


class Seals:
    """One seal a closed page, written once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def last(self, line: int) -> Seal | None:
        """The last seal of a line's chain."""
        found = await self._rows.find(on_line(line), sort=[("_id", -1)], limit=1)
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
