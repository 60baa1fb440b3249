"""The checkpoint that witnesses cosigned last: one row, replaced version for version."""

from __future__ import annotations

from datetime import UTC, datetime

from bson.binary import Binary

from pandapack.contracts.tlog.note import Note
from pandapack.runtime.documents import Rows
from services.reporting.domain.witnesses import CosignedCheckpoint

LATEST = "latest"


class CosignedCheckpoints:
    """One collection, of one row."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def latest(self) -> CosignedCheckpoint | None:
        """None: no witness has cosigned any yet."""
        row = await self._rows.one(LATEST)
        if row is None:
            return None
        note = Note.parse(bytes(row["note"]))
        moved_at = datetime.fromisoformat(row["moved_at"]).astimezone(UTC)
        return CosignedCheckpoint(row["version"], note, row["owner"], moved_at)

    async def keep(self, version: int, note: Note, owner: str, moved_at: datetime) -> bool:
        """Keeps a note in the place of that version (0: of none). False: another was first. Raises AnswerLost."""
        row = {
            "_id": LATEST,
            "version": version + 1,
            "note": Binary(note.raw),
            "owner": owner,
            "moved_at": moved_at.isoformat(),
        }
        return await (self._rows.replace(LATEST, version, row) if version else self._rows.insert(row))
