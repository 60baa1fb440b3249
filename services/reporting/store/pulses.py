"""The pipeline's pulse of the last hour, a row a step: whichever process is first writes it, and all show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pandapack.runtime.documents import Rows

STEP_S = 10
"""An hour of sparks is 360 points: as many as a spark has pixels."""
KEPT_H = 2
"""An hour is shown; MongoDB takes away what is older once a minute, and a clock may be off."""
STEPS_MAX = 3_600 // STEP_S
EXPIRES = "expires"

Json = dict[str, Any]


class Pulses:
    """Rows by step. `rows` expire by `EXPIRES`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def keep(self, at: datetime, pulse: Json) -> None:
        """The pulse of the step that `at` (wall time) is in, unless another process was first. Raises AnswerLost."""
        step = int(at.timestamp()) // STEP_S
        await self._rows.insert({"_id": step, **pulse, EXPIRES: at + timedelta(hours=KEPT_H)})

    async def since(self, at: datetime) -> list[Json]:
        """Every step from `at` on, in order, at most an hour of them. Raises Unavailable."""
        first = int(at.timestamp()) // STEP_S
        rows = await self._rows.find({"_id": {"$gte": first}}, limit=STEPS_MAX)
        return [{name: value for name, value in row.items() if name not in ("_id", EXPIRES)} for row in rows]
