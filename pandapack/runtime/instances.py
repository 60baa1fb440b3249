"""The processes of a service, each with a row of its own: what one of them knows, any of them can tell.

A process writes its row every two seconds, and takes it away when it stops in order. One that is held, or was killed,
is shown as it was seen last until its row expires.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.documents import AnswerLost, Rows
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.loops import every

WRITE_PAUSE_S = 2.0
"""A row of some kilobytes: what is shown of a process is at most so much older than what it knows itself."""
FRESH_S = 10.0
"""A process that has not written for so long does not work: its partitions have gone to others, which tell of them."""
KEPT_S = 600.0
"""So long a killed process stays in sight; a new one in its stead has a row of its own."""
SHOWN_MAX = 200
EXPIRES = "expires"
INSTANCE_CHARACTERS = 8
_STATM = Path("/proc/self/statm")

Json = dict[str, Any]


class Instances:
    """The rows of one service. `told` is what of this process is written beside its name and its age."""

    def __init__(self, rows: Rows, clock: Clock, chance: Chance, *, service: str, version: str) -> None:
        self._rows, self._clock = rows, clock
        self.service, self.version = service, version
        self.instance = hashlib.sha256(chance.token().encode()).hexdigest()[:INSTANCE_CHARACTERS]
        self._since = clock.wall()
        self._told: dict[str, Callable[[], Any]] = {"memory_bytes": memory_bytes}
        self._others: list[Json] = []
        self._loop = every(WRITE_PAUSE_S, self.look, name="instances")

    def tells(self, name: str, tell: Callable[[], Any]) -> None:
        """From now on the row has what `tell` answers under a name: plain values, of bounded size."""
        self._told[name] = tell

    async def start(self) -> None:
        self._since = self._clock.wall()
        await self._loop.start()

    async def stop(self) -> None:
        """The row leaves: this process has ended in order."""
        await self._loop.stop()
        with contextlib.suppress(Unavailable, AnswerLost):
            await self._rows.set(self.instance, {"ended": True, EXPIRES: self._clock.wall()})

    async def look(self) -> None:
        """Writes this process's row, and reads the others'. A store that is away is told elsewhere."""
        with contextlib.suppress(Unavailable, AnswerLost):
            row = self._own()
            if not await self._rows.set(self.instance, row):
                await self._rows.insert({"_id": self.instance, **row})
            found = await self._rows.find({"ended": False}, limit=SHOWN_MAX)
            self._others = [_shown(one) for one in found if one["_id"] != self.instance]

    @property
    def all(self) -> list[Json]:
        """Every process's row: this one's as it is now, the others' as they were read last."""
        return [_shown({"_id": self.instance, **self._own()}), *self._others]

    @property
    def fresh_others(self) -> list[Json]:
        """The rows of other processes that are at work."""
        oldest = self._clock.wall() - timedelta(seconds=FRESH_S)
        return [row for row in self._others if datetime.fromisoformat(row["seen_at"]) >= oldest]

    def _own(self) -> Json:
        now = self._clock.wall()
        return {
            **{name: tell() for name, tell in self._told.items()},
            "version": self.version,
            "since": self._since,
            "seen_at": now,
            "ended": False,
            EXPIRES: now + timedelta(seconds=KEPT_S),
        }


def _shown(row: Json) -> Json:
    shown = {name: value for name, value in row.items() if name not in ("_id", "ended", EXPIRES)}
    times = {name: row[name].isoformat(timespec="milliseconds") for name in ("since", "seen_at")}
    return {"instance": row["_id"], **shown, **times}


def memory_bytes() -> int | None:
    """What of this process lies in memory; None where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return None


def stops_of(own: Sequence[Json], others: Sequence[Json]) -> list[Json]:
    """What stands still in any process, each partition and group once: this process knows best of its own."""
    found = {(one.get("group"), one["topic"], one["partition"]): one for row in others for one in row["stopped"]}
    found |= {(one.get("group"), one["topic"], one["partition"]): one for one in own}
    return list(found.values())
