"""Where documents live, behind four operations: read, write where the version still fits, confirm, find.

`MemoryDocuments` here and `MongoDocuments` in `runtime.mongo` pass one suite.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]
Filter = Mapping[str, Any]


class AnswerLost(Exception):
    """The answer to a write did not come: done, not done, or done later. Read again to know."""


class DocumentTooLarge(Exception):
    """A document outgrew what the database takes (16 MiB). Nothing was written."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event that is decided and not yet confirmed by Kafka. `envelope` is its structured-mode JSON."""

    sequence: int
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """A command that was taken: its key, its body's digest and what was answered."""

    key: str
    digest: str
    answer: Json


@dataclass(frozen=True, slots=True)
class Document:
    """One document as architecture.md draws it. `version` 0 is a document that does not exist yet."""

    id: str
    version: int = 0
    heard: Mapping[str, int] = field(default_factory=dict)
    state: Json | None = None
    said: int = 0
    saying: tuple[Said, ...] = ()
    answered: tuple[Answered, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """What one write changes. `saying` is appended; the rest replaces."""

    heard: Mapping[str, int]
    state: Json
    said: int
    saying: tuple[Said, ...]
    answered: tuple[Answered, ...]


class Documents(Protocol):
    """A collection of documents of one kind."""

    name: str

    async def read(self, id: str) -> Document | None:
        """The document as a majority knows it, or None."""
        ...

    async def write(self, id: str, version: int, update: Update) -> bool:
        """Writes where the version still is `version` (0: where there is none), making it `version + 1`.

        False: somebody else was first. Raises AnswerLost when the outcome is unknown.
        """
        ...

    async def confirm(self, id: str, sequence: int) -> None:
        """Forgets what the document was saying up to `sequence`; leaves the version alone."""
        ...

    async def unsaid(self, limit: int) -> list[Document]:
        """Documents that have something to say."""
        ...

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[Document]:
        """Documents by dotted path → value (equal) or list of values (one of), ordered by id, past `after`."""
        ...


def _value_at(document: Json, path: str) -> Any:
    value: Any = document
    for step in path.split("."):
        if isinstance(value, list):  # a path through a list leads to every element
            value = [one.get(step) for one in value if isinstance(one, Mapping)]
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _matches(document: Document, where: Filter) -> bool:
    whole: Json = {"_id": document.id, "state": document.state or {}}
    for path, wanted in where.items():
        value = _value_at(whole, path)
        if not (value in wanted if isinstance(wanted, list) else value == wanted):
            return False
    return True


class MemoryDocuments:
    """Documents in a dict, for pure tests and the seeded simulation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._by_id: dict[str, Document] = {}

    async def read(self, id: str) -> Document | None:
        return copy.deepcopy(self._by_id.get(id))

    async def write(self, id: str, version: int, update: Update) -> bool:
        current = self._by_id.get(id, Document(id))
        if current.version != version:
            return False
        self._by_id[id] = Document(
            id=id,
            version=version + 1,
            heard=dict(update.heard),
            state=copy.deepcopy(update.state),
            said=update.said,
            saying=current.saying + update.saying,
            answered=update.answered,
        )
        return True

    async def confirm(self, id: str, sequence: int) -> None:
        current = self._by_id.get(id)
        if current is not None:
            kept = tuple(said for said in current.saying if said.sequence > sequence)
            self._by_id[id] = Document(
                current.id, current.version, current.heard, current.state, current.said, kept, current.answered
            )

    async def unsaid(self, limit: int) -> list[Document]:
        return [copy.deepcopy(d) for d in self._by_id.values() if d.saying][:limit]

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[Document]:
        ids: Sequence[str] = sorted(self._by_id, reverse=newest_first)
        past = [i for i in ids if not after or (i < after if newest_first else i > after)]
        found = [self._by_id[i] for i in past if _matches(self._by_id[i], where)]
        return copy.deepcopy(found[:limit])


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, bound: value > bound,
    "$gte": lambda value, bound: value >= bound,
    "$lt": lambda value, bound: value < bound,
    "$lte": lambda value, bound: value <= bound,
    "$in": lambda value, wanted: any(one in wanted for one in (value if isinstance(value, list) else [value])),
}


def _fits(value: Any, wanted: Any) -> bool:
    """A filter's value against a row's: equal, one of a list's elements, or within bounds."""
    if isinstance(wanted, Mapping):
        return all(_COMPARISONS[operator](value, bound) for operator, bound in wanted.items())
    return bool(value == wanted or (isinstance(value, list) and wanted in value))


class MemoryRows:
    """Rows in a dict: the in-memory twin of `runtime.mongo.Rows`, for pure tests and the seeded simulation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._by_id: dict[Any, Json] = {}

    async def insert(self, row: Json) -> bool:
        if row["_id"] in self._by_id:
            return False
        self._by_id[row["_id"]] = copy.deepcopy(row)
        return True

    async def insert_in_order(self, rows: Sequence[Json]) -> None:
        for row in rows:
            await self.insert(row)

    async def replace(self, id: Any, version: int, row: Json) -> bool:
        if self._by_id.get(id, {}).get("version") != version:
            return False
        self._by_id[id] = copy.deepcopy(row)
        return True

    async def set(self, id: Any, fields: Json) -> bool:
        if id not in self._by_id:
            return False
        self._by_id[id] |= copy.deepcopy(fields)
        return True

    async def one(self, id: Any) -> Json | None:
        return copy.deepcopy(self._by_id.get(id))

    async def read(self, ids: Sequence[Any]) -> dict[Any, Json]:
        return {id: copy.deepcopy(self._by_id[id]) for id in ids if id in self._by_id}

    async def find(
        self,
        where: Filter,
        sort: Sequence[tuple[str, int]] = (("_id", 1),),
        limit: int = 1000,
        fields: Mapping[str, int] | None = None,
    ) -> list[Json]:
        """Equality and bounds on dotted paths."""
        found = [r for r in self._by_id.values() if all(_fits(_value_at(r, path), v) for path, v in where.items())]
        for path, direction in reversed(sort):
            found.sort(key=lambda row: _value_at(row, path), reverse=direction < 0)
        return copy.deepcopy(found[:limit])
