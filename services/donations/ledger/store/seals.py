"""Seals ⇄ MongoDB."""

from __future__ import annotations

from typing import Any

from pandapack.contracts.pages import page_id
from pandapack.runtime.documents import Rows
from services.donations.ledger.domain.seals import Seal
from services.donations.ledger.store.pages import on_shard

SEALS_A_READ = 4_096


class Seals:
    """One seal a closed page, written once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def last(self, shard: int) -> Seal | None:
        """The last seal of a shard's chain."""
        found = await self._rows.find(on_shard(shard), sort=[("_id", -1)], limit=1)
        return _seal_of(found[0]) if found else None

    async def one(self, shard: int, number: int) -> Seal | None:
        """The seal of a page, if it is sealed already."""
        row = await self._rows.one(page_id(shard, number))
        return _seal_of(row) if row else None

    async def chained(self, shard: int, first: int, last: int) -> list[str]:
        """The chained seals (hex) of pages `first` … `last` of a shard, in order; fewer where some are not sealed."""
        seals: list[str] = []
        while first + len(seals) <= last:
            wanted = min(SEALS_A_READ, last + 1 - first - len(seals))
            where = on_shard(shard, from_number=first + len(seals))
            rows = await self._rows.find(where, limit=wanted, fields={"chained": 1})
            seals += [bytes(row["chained"]).hex() for row in rows]
            if len(rows) < wanted:
                break
        return seals

    async def first_missing(self, shard: int, last: int) -> int | None:
        """The first of the pages 0 … `last` that has no seal."""
        number = 0
        while number <= last:
            wanted = min(SEALS_A_READ, last + 1 - number)
            rows = await self._rows.find(on_shard(shard, from_number=number), limit=wanted, fields={"_id": 1})
            for expected, row in enumerate(rows, number):
                if row["_id"] != page_id(shard, expected):
                    return expected
            number += len(rows)
            if len(rows) < wanted:
                return number
        return None

    async def write(self, seal: Seal) -> bool:
        """False: the page has a seal. Two owners would write the same one: the first stays. Raises AnswerLost."""
        return await self._rows.insert(
            {
                "_id": page_id(seal.shard, seal.number),
                "rows": seal.rows,
                "root": seal.root,
                "previous": seal.previous,
                "chained": seal.chained,
            }
        )


def _seal_of(row: dict[str, Any]) -> Seal:
    shard, number = row["_id"].split("/")
    return Seal(int(shard), int(number), row["rows"], bytes(row["root"]), bytes(row["previous"]), bytes(row["chained"]))
