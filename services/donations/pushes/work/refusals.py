"""Keeping what was refused, off the way of whoever is refused: noted in memory, and written now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from pandapack.runtime.clock import Clock
from services.donations.pushes.domain.refusals import DETAIL_CHARACTERS_MAX, RefusedPush
from services.donations.pushes.store import RefusedPushes

KEEP_PAUSE_S = 1.0
NOTED_A_PLATFORM_MAX = 20
"""Of each platform so many are noted between two writes, the newest."""


class RefusalNotes:
    """Refusals that are not written yet. Bounded by the number of registered platforms."""

    def __init__(self, store: RefusedPushes, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._noted: dict[str, deque[RefusedPush]] = {}

    def note(
        self,
        owner: str,
        request_id: str,
        status: int,
        code: str,
        detail: str,
        *,
        is_test: bool | None,
        extra: Mapping[str, Any],
    ) -> None:
        """A push of a registered platform was refused. `extra`: what the answer has beside code and detail."""
        now, wall = self._clock.now(), self._clock.wall()
        detail, rejected, signed = detail[:DETAIL_CHARACTERS_MAX], extra.get("rejected"), extra.get("signed")
        refused = RefusedPush(owner, request_id, now, wall, status, code, detail, rejected, is_test, signed)
        self._noted.setdefault(owner, deque(maxlen=NOTED_A_PLATFORM_MAX)).append(refused)

    async def run(self) -> None:
        """Writes what was noted. What cannot be written is lost: it was answered, and no money is in it."""
        noted, self._noted = self._noted, {}
        for owner, refused in noted.items():
            await self._store.add(owner, refused)
