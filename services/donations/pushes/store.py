"""Pushes ⇄ MongoDB, and what of them was refused.

A push's id derives from who pushes and the Idempotency-Key; a key's later use replaces the row. Of refusals each
platform has so many slots, which are used again in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pandapack.runtime.documents import Rows
from services.donations.pushes.domain.push import Push, key_id_of
from services.donations.pushes.domain.refusals import RefusedPush

PUSH_KEPT_DAYS = 35
EXPIRES = "until"
"""MongoDB takes a row away once this (wall time) has passed."""
REFUSALS_A_PLATFORM_MAX = 500
"""So many are kept of each platform: whoever is refused more often overwrites its own, and nobody else's."""
BY_OWNER = (("caller", "opened", "_id"),)
"""Whose they are, newest first."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: behind the row that was opened at this wall time and has this `_id`."""

    opened: datetime
    id: str


async def newest_of(rows: Rows, owner: str, after: Cursor | None, limit: int) -> list[dict[str, Any]]:
    """The rows of an owner, newest first, behind `after`."""
    order = (("opened", -1), ("_id", -1))
    if after is None:
        return await rows.find({"caller": owner}, sort=order, limit=limit)
    same = {"caller": owner, "opened": after.opened, "_id": {"$lt": after.id}}
    found = await rows.find(same, sort=order, limit=limit)
    if len(found) < limit:
        older = {"caller": owner, "opened": {"$lt": after.opened}}
        found += await rows.find(older, sort=order, limit=limit - len(found))
    return found


def _row_of(push: Push) -> dict[str, Any]:
    return {
        "_id": push.key_id,
        "version": push.version,
        "digest": push.digest,
        "caller": push.owner,
        "at": push.at,
        "opened": push.opened,
        EXPIRES: push.opened + timedelta(days=PUSH_KEPT_DAYS),
        "answer": push.answer,
        "request": push.request_id,
        **_ends_row(push.ends, is_resent=push.is_resent),
    }


def _ends_row(ends: Mapping[int, int], *, is_resent: bool) -> dict[str, Any]:
    return {"ends": {str(shard): offset for shard, offset in ends.items()}, "resent": is_resent}


def _push_of(row: dict[str, Any]) -> Push:
    version = row["version"]
    id = row["_id"] if version == 1 else f"{row['_id']}-{version}"
    ends = {int(shard): offset for shard, offset in row.get("ends", {}).items()}
    # Without an answer it may be in Kafka, or not: whoever publishes it now publishes it again.
    is_resent = row.get("resent", False) or row["answer"] is None
    request = row.get("request", "")
    return Push(
        id, row["digest"], row["caller"], row["at"], row["opened"], row["answer"], version, ends, is_resent, request
    )


class Pushes:
    """The stored pushes."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def open(self, push: Push) -> Push:
        """Stores a push, or returns the one that its key stands for. Raises AnswerLost, StoreUnavailable."""
        if await self._rows.insert(_row_of(push)):
            return push
        found = await self._by_key(push.key_id)
        if found is None or found.is_standing(push.opened):
            return found or push
        later = found.succeeded_by(push)
        if await self._rows.replace(push.key_id, found.version, _row_of(later)):
            return later
        return await self._by_key(push.key_id) or later  # another one with the same key was first

    async def insert_answered(self, push: Push, answer: dict[str, Any], ends: Mapping[int, int]) -> None:
        """Stores a push that its sender gave no key, with its answer, and where it ends. Raises AnswerLost."""
        await self._rows.insert(_row_of(replace(push, answer=answer, ends=ends)))

    async def set_answer(self, push: Push, answer: dict[str, Any], ends: Mapping[int, int]) -> None:
        """Kafka has all of it up to `ends`, and this was answered."""
        await self._rows.set(push.key_id, {"answer": answer, **_ends_row(ends, is_resent=push.is_resent)})

    async def standing(self, id: str, wall: datetime) -> Push | None:
        """The push that a key's first id stands for at wall time `wall`; None where there is none any more."""
        push = await self._by_key(id)
        return push if push is not None and push.is_standing(wall) else None

    async def get(self, id: str) -> Push | None:
        """A push by its own id; None also where its key was used again since."""
        push = await self._by_key(key_id_of(id))
        return push if push is not None and push.id == id else None

    async def newest_of(self, owner: str, after: Cursor | None, limit: int) -> list[Push]:
        """The pushes of an owner, newest first, behind `after`."""
        return [_push_of(row) for row in await newest_of(self._rows, owner, after, limit)]

    async def _by_key(self, id: str) -> Push | None:
        row = await self._rows.one(id)
        return None if row is None else _push_of(row)


class RefusedPushes:
    """The stored refusals. Their slots bound them, whoever writes: two processes may take the same, and one is lost."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def add(self, owner: str, refused: Sequence[RefusedPush]) -> None:
        """Adds refusals of one owner, in order. Raises AnswerLost, StoreUnavailable."""
        last = await newest_of(self._rows, owner, None, 1)
        slot = last[0]["slot"] if last else -1
        for one in refused:
            slot = (slot + 1) % REFUSALS_A_PLATFORM_MAX
            row = _refusal_row(one, slot)
            if not await self._rows.set(row["_id"], {name: value for name, value in row.items() if name != "_id"}):
                await self._rows.insert(row)

    async def newest_of(self, owner: str, after: Cursor | None, limit: int) -> list[tuple[str, RefusedPush]]:
        """(row, refusal) of an owner, newest first, behind `after`."""
        return [(row["_id"], _refused_of(row)) for row in await newest_of(self._rows, owner, after, limit)]


def _refusal_row(one: RefusedPush, slot: int) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(one).items() if name != "owner"}
    until = one.opened + timedelta(days=PUSH_KEPT_DAYS)
    return {"_id": f"{one.owner}/{slot}", "caller": one.owner, "slot": slot, EXPIRES: until, **fields}


def _refused_of(row: dict[str, Any]) -> RefusedPush:
    names = [name for name in RefusedPush.__dataclass_fields__ if name != "owner"]
    return RefusedPush(owner=row["caller"], **{name: row[name] for name in names})
