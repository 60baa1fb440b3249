"""What is kept of the public log: its head, its entries by index, its full tiles. All of it follows from `public.log`.

A tile or an entry is inserted once and never changes. The head is replaced version for version: whoever finds another
version has been overtaken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from bson.binary import Binary

from pandapack.contracts.donations import PageSealed
from pandapack.contracts.pages import page_id
from pandapack.contracts.tlog.tiles import Tile
from pandapack.contracts.tlog.tree import Edge
from pandapack.runtime.documents import Rows
from services.reporting.domain.public_log import LogHead

HEAD = "head"
ENTRIES_A_READ_MAX = 1_024
"""Four bundles; of the longest entries that is 64 MiB, of common ones half of one."""


class LogContradicted(Exception):
    """What is kept contradicts `public.log`. The log must stop, and a person must look."""


class _Sealed(msgspec.Struct):
    """Of an entry that tells of a sealed page; a continuation has neither."""

    shard: int | None = None
    page: int | None = None


_sealed = msgspec.json.Decoder(_Sealed)
_SEAL_MARK = f'"type":"{PageSealed.TYPE}"'.encode()


class PublicLog:
    """Four collections. `seals`: where the log tells of each sealed page."""

    def __init__(self, heads: Rows, entries: Rows, tiles: Rows, seals: Rows) -> None:
        self._heads, self._entries, self._tiles, self._seals = heads, entries, tiles, seals

    async def head(self) -> LogHead:
        """The head; of a log that has none yet the empty one, of version 0."""
        row = await self._heads.one(HEAD)
        return LogHead() if row is None else _head_of(row)

    async def move(self, head: LogHead) -> bool:
        """Stores the head behind `head.version`, as the next. False: somebody else was first. Raises AnswerLost."""
        row = _row_of(head)
        if head.version == 0:
            return await self._heads.insert(row)
        return await self._heads.replace(HEAD, head.version, row)

    async def keep(self, first: int, entries: Sequence[bytes], tiles: Mapping[Tile, bytes]) -> None:
        """Keeps entries from index `first` on, and full tiles. What is there already must be the same.

        Raises LogContradicted, AnswerLost.
        """
        rows = [{"_id": first + n, "entry": Binary(entry)} for n, entry in enumerate(entries)]
        for known in await self._rows(first, len(entries)):
            if bytes(known["entry"]) != entries[known["_id"] - first]:
                raise LogContradicted(f"entry {known['_id']} is kept already, and is another")
        await self._seals.insert_in_order(list(_seals_in(first, entries)))
        await self._entries.insert_in_order(rows)
        await self._tiles.insert_in_order(
            [{"_id": _tile_id(tile), "hashes": Binary(hashes)} for tile, hashes in sorted(tiles.items(), key=_rank)]
        )

    async def entries(self, first: int, count: int) -> list[bytes]:
        """Entries from an index on, in order: those that are kept, `ENTRIES_A_READ_MAX` at most."""
        rows = await self._rows(first, count)
        if [row["_id"] for row in rows] != list(range(first, first + len(rows))):
            raise LogContradicted(f"of the entries from {first} on some are missing")
        return [bytes(row["entry"]) for row in rows]

    async def _rows(self, first: int, count: int) -> list[dict[str, Any]]:
        where = {"_id": {"$gte": first, "$lt": first + count}}
        return await self._entries.find(where, limit=min(count, ENTRIES_A_READ_MAX))

    async def sealed_at(self, shard: int, page: int) -> int | None:
        """The index of the entry that tells of a sealed page, which may not be kept yet; None where there is none."""
        row = await self._seals.one(page_id(shard, page))
        return None if row is None else int(row["index"])

    async def full_tile(self, level: int, index: int) -> bytes | None:
        """A full tile's 256 hashes, or None."""
        row = await self._tiles.one(f"{level}/{index}")
        return None if row is None else bytes(row["hashes"])


def _seals_in(first: int, entries: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """The entries that tell of sealed pages, by page. `first`: the index of the first entry."""
    for index, entry in enumerate(entries, first):
        told = _sealed.decode(entry) if _SEAL_MARK in entry else _Sealed()
        if told.shard is not None and told.page is not None:
            yield {"_id": page_id(told.shard, told.page), "index": index}


def _tile_id(tile: Tile) -> str:
    return f"{tile.level}/{tile.index}"


def _rank(tile: tuple[Tile, bytes]) -> tuple[int, int]:
    return tile[0].level, tile[0].index


def _row_of(head: LogHead) -> dict[str, Any]:
    return {
        "_id": HEAD,
        "version": head.version + 1,
        "size": head.size,
        "levels": [Binary(b"".join(level)) for level in head.edge.levels],
        "at": head.at.isoformat(),
        "next_offset": head.next_offset,
        "positions": dict(head.positions),
        "owner": head.owner,
        "moved_at": head.moved_at.isoformat(),
    }


def _head_of(row: Mapping[str, Any]) -> LogHead:
    levels = tuple(_hashes(bytes(level)) for level in row["levels"])
    return LogHead(
        version=row["version"],
        edge=Edge(row["size"], levels),
        at=datetime.fromisoformat(row["at"]).astimezone(UTC),
        next_offset=row["next_offset"],
        positions=row["positions"],
        owner=row["owner"],
        moved_at=datetime.fromisoformat(row["moved_at"]).astimezone(UTC),
    )


def _hashes(level: bytes) -> tuple[bytes, ...]:
    return tuple(level[at : at + 32] for at in range(0, len(level), 32))
