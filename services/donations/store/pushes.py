"""Pushes ⇄ MongoDB."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pandapack.runtime.mongo import Rows


@dataclass(frozen=True, slots=True)
class Push:
    """A push as stored before it is published: `answer` is None until Kafka has all of it."""

    id: str
    digest: str
    caller: str
    at: datetime
    answer: dict[str, Any] | None


class Pushes:
    """The pushes, by an id that derives from caller and Idempotency-Key."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def open(self, push: Push) -> Push:
        """Stores a push, or answers the one that is stored under its id already."""
        row = {"_id": push.id, "digest": push.digest, "caller": push.caller, "at": push.at, "answer": push.answer}
        if await self._rows.insert(row):
            return push
        return await self.get(push.id) or push

    async def answered(self, id: str, answer: dict[str, Any]) -> None:
        """Kafka has all of it, and this was answered."""
        await self._rows.set(id, {"answer": answer})

    async def get(self, id: str) -> Push | None:
        row = await self._rows.one(id)
        return None if row is None else Push(id, row["digest"], row["caller"], row["at"], row["answer"])
