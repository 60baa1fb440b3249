"""The book of alerts: one row, replaced version for version by the process that looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pandapack.runtime.documents import Rows
from services.reporting.domain.alerts.book import AlertBook

BOOK = "book"


@dataclass(frozen=True, slots=True)
class KeptBook:
    """The book as `owner` wrote it at wall time `moved_at`. `version` fences whoever writes it."""

    version: int
    book: AlertBook
    owner: str
    moved_at: datetime


class AlertRows:
    """One collection, of one row."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def latest(self) -> KeptBook | None:
        """None: nobody has looked yet. Raises StoreUnavailable."""
        row = await self._rows.one(BOOK)
        if row is None:
            return None
        moved_at = datetime.fromisoformat(row["moved_at"]).astimezone(UTC)
        return KeptBook(row["version"], AlertBook.model_validate(row["book"]), row["owner"], moved_at)

    async def keep(self, version: int, book: AlertBook, owner: str, moved_at: datetime) -> bool:
        """Keeps a book in the place of that version (0: of none). False: another was first.

        Raises StoreUnavailable, AnswerLost.
        """
        row = {
            "_id": BOOK,
            "version": version + 1,
            "book": book.model_dump(mode="json"),
            "owner": owner,
            "moved_at": moved_at.isoformat(),
        }
        return await (self._rows.replace(BOOK, version, row) if version else self._rows.insert(row))
