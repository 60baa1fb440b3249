"""Pages that all see alike are made ahead of those who ask, while anybody does: nobody waits for one to be made.

A page is then at most `PAGE_S_MAX` behind what the API answers; it names the snapshot that it is of, and its script
follows the live stream from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import Unavailable

PAGE_PAUSE_S = 0.25
PAGE_S_MAX = 0.5
"""A page that is older is made anew while its reader waits."""
ASKED_S = 10.0
"""So long after somebody has asked a page is made ahead of the next one."""
PAGES_MAX = 16
"""Kept at once. Those beyond are made for each who asks: whoever asks chooses the address by which we are called."""

K = TypeVar("K")


@dataclass(slots=True)
class _Kept:
    """A page, when what it shows was read, and when it was last asked for."""

    html: bytes
    at_s: float
    asked_s: float


class PagesAhead(Generic[K]):
    """`make` makes the page of a key."""

    def __init__(self, make: Callable[[K], Awaitable[bytes]]) -> None:
        self._make = make
        self._kept: dict[K, _Kept] = {}
        self._lock = asyncio.Lock()
        self._making: asyncio.Task[None] | None = None

    async def get(self, key: K) -> bytes:
        """The page, at most `PAGE_S_MAX` old. Raises what making it raises."""
        if (html := self._fresh(key)) is not None:
            return html
        async with self._lock:
            if (html := self._fresh(key)) is not None:  # made for another meanwhile
                return html
            now_s = monotonic_s()
            html = await self._make(key)
            if key in self._kept or len(self._kept) < PAGES_MAX:
                self._kept[key] = _Kept(html, now_s, now_s)
                if self._making is None or self._making.done():
                    self._making = asyncio.create_task(self._run())
            return html

    def _fresh(self, key: K) -> bytes | None:
        """The kept page, where it is young enough."""
        now_s, kept = monotonic_s(), self._kept.get(key)
        if kept is None:
            return None
        kept.asked_s = now_s
        return kept.html if now_s - kept.at_s <= PAGE_S_MAX else None

    async def _run(self) -> None:
        """Makes all that is asked for; ends where nothing is, or the figures cannot be read: then who asks is told."""
        while self._kept:
            await asyncio.sleep(PAGE_PAUSE_S)
            for key, kept in list(self._kept.items()):
                now_s = monotonic_s()
                if now_s - kept.asked_s > ASKED_S:
                    del self._kept[key]
                    continue
                try:
                    html = await self._make(key)
                except Unavailable:
                    self._kept.clear()
                    return
                kept.html, kept.at_s = html, now_s
