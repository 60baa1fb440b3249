"""What is kept of the audit log: its head, which is replaced version for version, and its entries by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from pandapack.contracts.audit_log import SOURCES, moment_us
from pandapack.runtime.documents import Rows
from pandapack.runtime.store import Kind
from services.reporting.domain.audit_log import ChainHead, Link, PublishedRoot

Json = dict[str, Any]
HEAD = "head"
ENTRIES_A_READ_MAX = 1_000
INDEXES = ("who", "actor.role", "command", "about", "at_us")
"""What a search narrows by; behind each come the numbers, so that the newest are read first."""
ROOTS = Kind("audit_roots", PublishedRoot, lambda _: PublishedRoot(), lambda id: f"{SOURCES}{id}")


@dataclass(frozen=True, slots=True)
class Search:
    """What of the audit log is wanted; empty: all. `first_us`, `last_us`: business time, the last not included.

    `actor`: a key's name or prefix; `subject`: a path, or a name that stands in one.
    """

    actor: str = ""
    role: str = ""
    command: str = ""
    subject: str = ""
    first_us: int | None = None
    last_us: int | None = None

    def where(self) -> Json:
        """As a filter of rows."""
        named = {"who": self.actor, "actor.role": self.role, "command": self.command, "about": self.subject}
        found: Json = {path: wanted for path, wanted in named.items() if wanted}
        bounds = {"$gte": self.first_us, "$lt": self.last_us}
        if known := {word: moment for word, moment in bounds.items() if moment is not None}:
            found["at_us"] = known
        return found


class AuditRows:
    """Two collections. An entry is inserted once, behind a head that has it already."""

    def __init__(self, heads: Rows, entries: Rows) -> None:
        self._heads, self._entries = heads, entries

    async def head(self) -> ChainHead:
        """The head; of a chain that has none yet the empty one, of version 0."""
        row = await self._heads.one(HEAD)
        return ChainHead() if row is None else _head_of(row)

    async def move(self, head: ChainHead) -> bool:
        """Stores the head behind `head.version`, as the next. False: somebody else was first. Raises AnswerLost."""
        row = _row_of(head)
        if head.version == 0:
            return await self._heads.insert(row)
        return await self._heads.replace(HEAD, head.version, row)

    async def keep(self, head: ChainHead) -> None:
        """The head's newest entries stand by themselves. Raises AnswerLost."""
        await self._entries.insert_in_order([_entry_row(link) for link in head.links])

    async def newest(self, search: Search, *, before: int | None, limit: int) -> list[Json]:
        """Entries that fit, the newest first, of those before a number; rows with `_id`, `prev` and `hash`."""
        where = search.where() | ({} if before is None else {"_id": {"$lt": before}})
        return await self._entries.find(where, sort=(("_id", -1),), limit=min(limit, ENTRIES_A_READ_MAX))


def _entry_row(link: Link) -> Json:
    entry: Json = msgspec.to_builtins(link.entry)
    n = entry.pop("n")
    source = link.entry.document.partition("#")[0]
    about = {link.entry.subject, source, link.entry.document}
    about |= {part for path in (link.entry.subject, source) for part in path.split("/") if part}
    return {
        "_id": n,
        **entry,
        "prev": link.prev,
        "hash": link.hash,
        "at_us": moment_us(link.entry.when),
        "who": sorted({link.entry.actor.name, link.entry.actor.key} - {""}),
        "about": sorted(about),
    }


def _row_of(head: ChainHead) -> Json:
    return {
        "_id": HEAD,
        "version": head.version + 1,
        "n": head.n,
        "hash": head.hash,
        "positions": dict(head.positions),
        "name": head.name,
        "links": [msgspec.json.encode(link).decode() for link in head.links],
        "owner": head.owner,
        "moved_at": head.moved_at.isoformat(),
    }


def _head_of(row: Mapping[str, Any]) -> ChainHead:
    return ChainHead(
        version=row["version"],
        n=row["n"],
        hash=row["hash"],
        positions=row["positions"],
        name=row["name"],
        links=tuple(msgspec.json.decode(link, type=Link) for link in row["links"]),
        owner=row["owner"],
        moved_at=datetime.fromisoformat(row["moved_at"]).astimezone(UTC),
    )
