"""MongoDB behind `Documents` and `Rows`: the one file that knows the driver.

All reads are primary and majority, all writes majority and journaled. Motor's upstream has ended it in favour of
PyMongo's asynchronous client; the day it is changed, this file changes and no other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import getitem
from typing import Any

from bson.binary import Binary
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ASCENDING, DESCENDING, ReadPreference
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    WriteConcernError,
    WTimeoutError,
)
from pymongo.errors import (
    DocumentTooLarge as DriverDocumentTooLarge,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from pandapack.contracts.outbox import OutboxEvent
from pandapack.runtime.documents import (
    AnswerLost,
    CommandAnswer,
    Document,
    DocumentTooLarge,
    Filter,
    Json,
    Update,
)
from pandapack.runtime.errors import Unavailable

SERVER_WAIT_MS = 5_000
ANSWER_WAIT_MS = 30_000
MAJORITY_WAIT_MS = 20_000
DUPLICATE_KEY = 11000
ROWS_A_WRITE_MAX = 1_000
READ_TOGETHER_MAX = 256
"""Documents of one trip: the largest have some hundred KiB."""
UNTIL = "until"
"""Where `Keep` notes when a document or row may leave."""

_LOST = (ConnectionFailure, ExecutionTimeout, WTimeoutError, WriteConcernError)
"""After these a write may have happened, may not have, or may still happen."""


class StoreUnavailable(Unavailable):
    """MongoDB does not answer. Nothing is known to be wrong with the data: try again."""


@asynccontextmanager
async def _writing() -> AsyncIterator[None]:
    try:
        yield
    except DriverDocumentTooLarge as error:
        raise DocumentTooLarge(str(error)) from error
    except _LOST as error:
        raise AnswerLost(str(error)) from error


@asynccontextmanager
async def _reading() -> AsyncIterator[None]:
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout) as error:
        raise StoreUnavailable(f"MongoDB does not answer: {error}") from error


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what is written stays: MongoDB takes it away `days` of wall time after its last write."""

    days: int
    wall: Callable[[], datetime]

    def stamp(self) -> Json:
        """The field that tells MongoDB when."""
        return {UNTIL: self.wall() + timedelta(days=self.days)}


class Mongo:
    """One service's database."""

    def __init__(self, uri: str, database: str) -> None:
        self._client: AsyncIOMotorClient[Json] = AsyncIOMotorClient(
            uri,
            serverSelectionTimeoutMS=SERVER_WAIT_MS,
            socketTimeoutMS=ANSWER_WAIT_MS,
            tz_aware=True,
            retryWrites=True,
            uuidRepresentation="standard",
        )
        self._database = self._client.get_database(
            database,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern(w="majority", j=True, wtimeout=MAJORITY_WAIT_MS),
        )
        self._indexes: list[tuple[str, list[tuple[str, int]], bool]] = []
        self._expiring: list[tuple[str, str]] = []

    def documents(
        self, name: str, *, indexes: Sequence[str] = (), waiting: Sequence[str] = (), keep: Keep | None = None
    ) -> MongoDocuments:
        """A collection of documents. `indexes` are dotted paths that queries use. Without `keep` they stay.

        `waiting`: dotted paths of lists, mostly empty, that `count_waiting` counts by an index of those that are not.
        """
        if keep is not None:
            self._expiring.append((name, UNTIL))
        self._indexes.append((name, [("outbox.0.sequence", ASCENDING)], True))
        self._indexes.extend((name, [(path, ASCENDING), ("_id", ASCENDING)], False) for path in indexes)
        self._indexes.extend((name, [(f"{path}.0.at", ASCENDING)], True) for path in waiting)
        return MongoDocuments(name, self._database[name], keep)

    def rows(
        self,
        name: str,
        *,
        indexes: Sequence[str | tuple[str, ...]] = (),
        expires: str | None = None,
        keep: Keep | None = None,
    ) -> MongoRows:
        """A collection of rows. Rows leave once the time in their field `expires` has passed, or as `keep` says.

        `indexes` are dotted paths that queries use, or several together.
        """
        expires = UNTIL if keep is not None else expires
        if expires is not None:
            self._expiring.append((name, expires))
        for index in indexes:
            paths = index if isinstance(index, tuple) else (index, "_id")
            self._indexes.append((name, [(path, ASCENDING) for path in paths], False))
        return MongoRows(name, self._database[name], keep)

    async def prepare(self, prefix: str = "") -> None:
        """Makes the indexes of the collections so far whose names begin so. Raises StoreUnavailable."""
        async with _reading():
            for name, keys, sparse in self._indexes:
                if name.startswith(prefix):
                    await self._database[name].create_index(keys, sparse=sparse)
            for name, field in self._expiring:
                if name.startswith(prefix):
                    await self._database[name].create_index(field, expireAfterSeconds=0)

    async def ping(self) -> None:
        """Raises StoreUnavailable where MongoDB does not answer."""
        async with _reading():
            await self._client.admin.command("ping")

    @property
    def name(self) -> str:
        """The database's name."""
        return str(self._database.name)

    async def filled(self) -> list[str]:
        """The collections that hold anything, sorted. Raises StoreUnavailable."""
        async with _reading():
            names = sorted(await self._database.list_collection_names())
            return [name for name in names if await self._database[name].find_one({}, {"_id": 1}) is not None]

    async def drop(self) -> None:
        """Forgets the whole database: for tests."""
        await self._client.drop_database(self._database.name)

    def close(self) -> None:
        self._client.close()


def _document(found: Json) -> Document:
    return Document(
        id=found["_id"],
        version=found["version"],
        inbox=found["inbox"],
        state=found["state"],
        sequence=found["sequence"],
        outbox=tuple(OutboxEvent(event["sequence"], bytes(event["envelope"])) for event in found.get("outbox", ())),
        answers=tuple(CommandAnswer(a["key"], a["digest"], a["answer"]) for a in found.get("answers", ())),
        consumed={stream: (first, last) for stream, first, last in found.get("consumed", ())},
    )


class MongoDocuments:
    """`Documents` in one collection."""

    def __init__(self, name: str, collection: AsyncIOMotorCollection[Json], keep: Keep | None = None) -> None:
        self.name, self._collection = name, collection
        self._stamp: Callable[[], Json] = keep.stamp if keep else dict

    async def read(self, id: str) -> Document | None:
        async with _reading():
            found = await self._collection.find_one({"_id": id})
        return None if found is None else _document(found)

    async def read_all(self, ids: Sequence[str]) -> dict[str, Document]:
        found = dict[str, Document]()
        for first in range(0, len(ids), READ_TOGETHER_MAX):
            some = list(ids[first : first + READ_TOGETHER_MAX])
            cursor = self._collection.find({"_id": {"$in": some}}).batch_size(len(some))
            async with _reading():
                found |= {one["_id"]: _document(one) for one in await cursor.to_list(len(some))}
        return found

    async def write(self, id: str, version: int, update: Update) -> bool:
        outbox = [{"sequence": event.sequence, "envelope": Binary(event.envelope)} for event in update.outbox]
        fields: Json = {
            "version": version + 1,
            "inbox": dict(update.inbox),
            "state": update.state,
            "sequence": update.sequence,
            "answers": [{"key": a.key, "digest": a.digest, "answer": a.answer} for a in update.answers],
            "consumed": [[stream, first, last] for stream, (first, last) in update.consumed.items()],
            **self._stamp(),
        }
        async with _writing():
            if version == 0:
                return await self._insert({"_id": id, **fields, "outbox": outbox})
            change: Json = {"$set": fields}
            if outbox:
                change["$push"] = {"outbox": {"$each": outbox}}
            result = await self._collection.update_one({"_id": id, "version": version}, change)
            return result.matched_count == 1

    async def _insert(self, document: Json) -> bool:
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def confirm(self, id: str, sequence: int) -> None:
        # By sequence, never by count, and without the version: it commutes with `write`.
        async with _writing():
            await self._collection.update_one({"_id": id}, {"$pull": {"outbox": {"sequence": {"$lte": sequence}}}})

    async def unpublished(self, limit: int) -> list[Document]:
        async with _reading():
            cursor = self._collection.find({"outbox.0.sequence": {"$exists": True}}).limit(limit)
            found = await cursor.batch_size(limit).to_list(limit)
        return [_document(one) for one in found]

    async def count_waiting(self, path: str, limit: int) -> int:
        async with _reading():
            cursor = self._collection.find({f"{path}.0.at": {"$exists": True}}, {f"{path}.at": 1}).limit(limit)
            found = await cursor.batch_size(limit).to_list(limit)
        return sum(len(reduce(getitem, path.split("."), one)) for one in found)

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[Document]:
        query: Json = {path: {"$in": wanted} if isinstance(wanted, list) else wanted for path, wanted in where.items()}
        if after:
            query["_id"] = {"$lt" if newest_first else "$gt": after}
        order = DESCENDING if newest_first else ASCENDING
        cursor = self._collection.find(query).sort("_id", order).limit(limit).batch_size(limit)
        async with _reading():
            return [_document(one) for one in await cursor.to_list(limit)]


class MongoRows:
    """`Rows` in one collection: pages, seals, pushes, keys, the journal."""

    def __init__(self, name: str, collection: AsyncIOMotorCollection[Json], keep: Keep | None = None) -> None:
        self.name, self._collection = name, collection
        self._stamp: Callable[[], Json] = keep.stamp if keep else dict

    async def insert(self, row: Json) -> bool:
        async with _writing():
            try:
                await self._collection.insert_one(row | self._stamp())
            except DuplicateKeyError:
                return False
            return True

    async def insert_in_order(self, rows: Sequence[Json]) -> None:
        rest = [row | self._stamp() for row in rows]
        while rest:
            part = rest[:ROWS_A_WRITE_MAX]
            async with _writing():
                try:
                    await self._collection.insert_many(part, ordered=True)
                    rest = rest[len(part) :]
                except BulkWriteError as error:
                    rest = rest[_behind_duplicate(error) :]

    async def replace(self, id: Any, version: int, row: Json) -> bool:
        async with _writing():
            result = await self._collection.replace_one({"_id": id, "version": version}, row | self._stamp())
            return result.matched_count == 1

    async def set(self, id: Any, fields: Json) -> bool:
        async with _writing():
            result = await self._collection.update_one({"_id": id}, {"$set": fields | self._stamp()})
            return result.matched_count == 1

    async def one(self, id: Any) -> Json | None:
        async with _reading():
            return await self._collection.find_one({"_id": id})

    async def read(self, ids: Sequence[Any]) -> dict[Any, Json]:
        async with _reading():
            found = await self._collection.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {row["_id"]: row for row in found}

    async def find(
        self,
        where: Mapping[str, Any],
        sort: Sequence[tuple[str, int]] = (("_id", 1),),
        limit: int = 1000,
        fields: Mapping[str, int] | None = None,
    ) -> list[Json]:
        async with _reading():
            cursor = self._collection.find(dict(where), fields).sort(list(sort)).limit(limit).batch_size(limit)
            return await cursor.to_list(limit)


def _behind_duplicate(error: BulkWriteError) -> int:
    """Where to go on after an ordered insert met a duplicate. Any other failure is raised."""
    details = error.details or {}
    if details.get("writeConcernErrors"):
        raise AnswerLost(str(details["writeConcernErrors"])) from error
    failures = details.get("writeErrors", [])
    if len(failures) != 1 or failures[0]["code"] != DUPLICATE_KEY:
        raise error
    return int(failures[0]["index"]) + 1
