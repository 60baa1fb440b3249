"""What is kept, and where, behind two protocols.

`Documents`: one shape for all states, with inbox and outbox; six operations: read one or some, write where the version
still fits, confirm, unpublished, find. `Rows`: plain rows by `_id`, for what is too many or too large for that shape.
Each has an implementation in memory here and one in MongoDB (`runtime.mongo`), and both pass one suite.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pandapack.contracts.causation import Consumed
from pandapack.contracts.outbox import OutboxEvent

Json = dict[str, Any]
Filter = Mapping[str, Any]


class AnswerLost(Exception):
    """The answer to a write did not come: done, not done, or done later. Read again to know."""


class DocumentTooLarge(Exception):
    """A document outgrew what the database takes (16 MiB). Nothing was written."""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """A command that was accepted: its key, its body's digest and what was answered."""

    key: str
    digest: str
    answer: Json


@dataclass(frozen=True, slots=True)
class Document:
    """One document as ARCHITECTURE.md draws it. `version` 0 is a document that does not exist yet."""

    id: str
    version: int = 0
    inbox: Mapping[str, int] = field(default_factory=dict)
    state: Json | None = None
    sequence: int = 0
    outbox: tuple[OutboxEvent, ...] = ()
    answers: tuple[CommandAnswer, ...] = ()
    consumed: Consumed = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """What one write changes. `outbox` is appended; the rest replaces.

    `consumed`: what of each stream was consumed since the document's last event, which its next one names.
    """

    inbox: Mapping[str, int]
    state: Json
    sequence: int
    outbox: tuple[OutboxEvent, ...]
    answers: tuple[CommandAnswer, ...]
    consumed: Consumed = field(default_factory=dict)


class Documents(Protocol):
    """A collection of documents of one kind."""

    name: str

    async def read(self, id: str) -> Document | None:
        """The document as a majority knows it, or None."""
        ...

    async def read_all(self, ids: Sequence[str]) -> dict[str, Document]:
        """Those of these documents that there are, as `read` finds each, in few trips."""
        ...

    async def write(self, id: str, version: int, update: Update) -> bool:
        """Writes where the version still is `version` (0: where there is none), making it `version + 1`.

        False: somebody else was first. Raises AnswerLost when the outcome is unknown.
        """
        ...

    async def confirm(self, id: str, sequence: int) -> None:
        """Empties the outbox up to `sequence`; leaves the version alone."""
        ...

    async def unpublished(self, limit: int) -> list[Document]:
        """Documents whose outbox is not empty."""
        ...

    async def count_waiting(self, path: str, limit: int) -> int:
        """How many elements the lists at a dotted path have together, in at most `limit` documents that have any.

        Each element has a field `at`. `Mongo.documents` is told of such a path.
        """
        ...

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[Document]:
        """Documents by dotted path → value (equal) or list of values (one of), ordered by id, past `after`."""
        ...


class Rows(Protocol):
    """A collection of rows by `_id`. A row is inserted once, and replaced or amended only on purpose."""

    name: str

    async def insert(self, row: Json) -> bool:
        """False: a row with this `_id` is there already. Raises AnswerLost."""
        ...

    async def insert_in_order(self, rows: Sequence[Json]) -> None:
        """Rows whose `_id` exists already are skipped; the first other failure stops. Raises AnswerLost."""
        ...

    async def replace(self, id: Any, version: int, row: Json) -> bool:
        """Replaces the row where its `version` still is `version`. False: another was first. Raises AnswerLost."""
        ...

    async def set(self, id: Any, fields: Json) -> bool:
        """Sets fields of one row. False: there is none. Raises AnswerLost."""
        ...

    async def one(self, id: Any) -> Json | None:
        """The row with this `_id`, or None."""
        ...

    async def read(self, ids: Sequence[Any]) -> dict[Any, Json]:
        """The rows that exist, by `_id`."""
        ...

    async def find(
        self,
        where: Filter,
        sort: Sequence[tuple[str, int]] = (("_id", 1),),
        limit: int = 1000,
        fields: Mapping[str, int] | None = None,
    ) -> list[Json]:
        """Rows by a filter of MongoDB's (equality, bounds and `$in` on dotted paths), at most `limit`."""
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
        # As MongoDB has it: a list fits where one of its elements does.
        values = [value, *value] if isinstance(value, list) else [value]
        if not any(one in wanted if isinstance(wanted, list) else one == wanted for one in values):
            return False
    return True


class MemoryDocuments:
    """Documents in a dict, for pure tests and the seeded simulation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._by_id: dict[str, Document] = {}

    async def read(self, id: str) -> Document | None:
        return copy.deepcopy(self._by_id.get(id))

    async def read_all(self, ids: Sequence[str]) -> dict[str, Document]:
        return {id: copy.deepcopy(self._by_id[id]) for id in ids if id in self._by_id}

    async def write(self, id: str, version: int, update: Update) -> bool:
        current = self._by_id.get(id, Document(id))
        if current.version != version:
            return False
        self._by_id[id] = Document(
            id=id,
            version=version + 1,
            inbox=dict(update.inbox),
            state=copy.deepcopy(update.state),
            sequence=update.sequence,
            outbox=current.outbox + update.outbox,
            answers=update.answers,
            consumed=dict(update.consumed),
        )
        return True

    async def confirm(self, id: str, sequence: int) -> None:
        current = self._by_id.get(id)
        if current is not None:
            kept = tuple(event for event in current.outbox if event.sequence > sequence)
            self._by_id[id] = replace(current, outbox=kept)

    async def unpublished(self, limit: int) -> list[Document]:
        return [copy.deepcopy(d) for d in self._by_id.values() if d.outbox][:limit]

    async def count_waiting(self, path: str, limit: int) -> int:
        lists = [_value_at({"state": one.state or {}}, path) for one in self._by_id.values()]
        return sum(len(waiting) for waiting in [one for one in lists if one][:limit])

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[Document]:
        ids: Sequence[str] = sorted(self._by_id, reverse=newest_first)
        past = [i for i in ids if not after or (i < after if newest_first else i > after)]
        found = [self._by_id[i] for i in past if _matches(self._by_id[i], where)]
        return copy.deepcopy(found[:limit])


_BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def _fits(value: Any, wanted: Any) -> bool:
    """A filter's value against a row's: equal, one of a list's elements, or within bounds."""
    if isinstance(wanted, Mapping):
        values = [*value, value] if isinstance(value, list) else [value]
        return all(_fits_one(values, comparison, operand) for comparison, operand in wanted.items())
    return bool(value == wanted or (isinstance(value, list) and wanted in value))


def _fits_one(values: Sequence[Any], comparison: str, operand: Any) -> bool:
    if comparison == "$in":
        return any(value in operand for value in values)
    return any(_is_comparable(value, operand) and _BOUNDS[comparison](value, operand) for value in values)


def _is_comparable(value: Any, bound: Any) -> bool:
    """As MongoDB has it: what is missing or of another type is within no bounds."""
    return type(value) is type(bound) or (isinstance(value, int | float) and isinstance(bound, int | float))


def _sorts_as(value: Any) -> tuple[bool, Any]:
    """What is missing sorts before all else."""
    return value is not None, value


class MemoryRows:
    """`Rows` in a dict, for pure tests and the seeded simulation."""

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
        """Of `fields` it knows top-level ones to include."""
        found = [r for r in self._by_id.values() if all(_fits(_value_at(r, path), v) for path, v in where.items())]
        for path, direction in reversed(sort):
            found.sort(key=lambda row: _sorts_as(_value_at(row, path)), reverse=direction < 0)
        found = found[:limit]
        if fields is not None:
            assert all(is_in == 1 and "." not in name for name, is_in in fields.items()), f"not known here: {fields}"
            found = [{name: row[name] for name in row if name == "_id" or name in fields} for row in found]
        return copy.deepcopy(found)
