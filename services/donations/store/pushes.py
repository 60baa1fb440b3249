"""Pushes ⇄ MongoDB.

A push is kept for `PUSH_KEPT_DAYS`. Its answer is repeated for `ANSWER_KEPT_H`; after that the same key opens a new
push in the same row, one version later, under an id of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pandapack.runtime.mongo import Rows

ANSWER_KEPT_H = 24
PUSH_KEPT_DAYS = 35
EXPIRES = "until"
"""MongoDB takes a row away once this (wall time) has passed."""
ID_PREFIX = "psh_"
ID_DIGITS = 24


@dataclass(frozen=True, slots=True)
class Push:
    """A push as stored before it is published: `answer` is None until Kafka has all of it.

    `at` is business time; `opened`, wall time, tells when the answer is forgotten. `version` counts uses of its key.
    """

    id: str
    digest: str
    owner: str
    at: datetime
    opened: datetime
    answer: dict[str, Any] | None = None
    version: int = 1

    @property
    def row_id(self) -> str:
        """What all uses of a key have in common."""
        return self.id.partition("-")[0]


def push_id(owner: str, key: str) -> str:
    """The id of a key's first push: the same for all that repeat it."""
    return ID_PREFIX + hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()[:ID_DIGITS]


def _row_of(push: Push) -> dict[str, Any]:
    return {
        "_id": push.row_id,
        "version": push.version,
        "digest": push.digest,
        "caller": push.owner,
        "at": push.at,
        "opened": push.opened,
        EXPIRES: push.opened + timedelta(days=PUSH_KEPT_DAYS),
        "answer": push.answer,
    }


def _push_of(row: dict[str, Any]) -> Push:
    version = row.get("version", 1)
    id = row["_id"] if version == 1 else f"{row['_id']}-{version}"
    return Push(id, row["digest"], row["caller"], row["at"], row.get("opened", row["at"]), row["answer"], version)


class Pushes:
    """The pushes, by an id that derives from who pushes and the Idempotency-Key."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def open(self, push: Push) -> Push:
        """Stores a push, or answers the one that its key stands for already. Raises AnswerLost, StoreUnavailable."""
        if await self._rows.insert(_row_of(push)):
            return push
        found = await self._row(push.row_id)
        if found is None or push.opened - found.opened < timedelta(hours=ANSWER_KEPT_H):
            return found or push
        version = found.version + 1
        later = Push(f"{push.row_id}-{version}", push.digest, push.owner, push.at, push.opened, push.answer, version)
        if await self._rows.replace(push.row_id, found.version, _row_of(later)):
            return later
        return await self._row(push.row_id) or later  # another one with the same key was first

    async def keep(self, push: Push, answer: dict[str, Any]) -> None:
        """Stores a push that has no name of its sender's, with its answer. Raises AnswerLost."""
        await self._rows.insert(_row_of(replace(push, answer=answer)))

    async def answered(self, push: Push, answer: dict[str, Any]) -> None:
        """Kafka has all of it, and this was answered."""
        await self._rows.set(push.row_id, {"answer": answer})

    async def standing(self, id: str, wall: datetime) -> Push | None:
        """The push that a key's first id stands for at wall time `wall`; None where there is none any more."""
        push = await self._row(id)
        return push if push is not None and wall - push.opened < timedelta(hours=ANSWER_KEPT_H) else None

    async def get(self, id: str) -> Push | None:
        """A push by its own id; None also where its key was used again since."""
        push = await self._row(id.partition("-")[0])
        return push if push is not None and push.id == id else None

    async def _row(self, id: str) -> Push | None:
        row = await self._rows.one(id)
        return None if row is None else _push_of(row)
