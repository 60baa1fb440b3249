"""`GET /v1/ops/events`: Server-Sent Events that say when the operations page has something new to show.

An event carries no figures: a page reads itself again, with whatever its reader has asked for, one request at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from pandapack.runtime.auth import Caller
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem
from pandapack.runtime.shares import Shares
from services.reporting.api.needs_shown import shown_needs
from services.reporting.api.ops import reader_of
from services.reporting.api.pipeline import shown_pipeline
from services.reporting.work.needs import NeedsBook
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.readings import Recent

STREAMS_MAX = 100
"""Operators and auditors with a page open; no key holds more than are left for all others."""
STREAM_S_MAX = 300.0
"""A stream ends after this, and the browser asks again: its key or session may have ended."""
NEWS_PAUSE_S = 2.0
STREAM_RETRY_MS = 1_000
PASSING = frozenset({"complete_to", "seen_at", "memory_bytes"})
"""Fields of the pipeline that go on by themselves: nothing is new by them, and the page reads itself all the same."""
RETRY_AFTER_S = 30


class OpsNews:
    """What the page shows of the pipeline and of needs, as an id that is another when they have changed."""

    def __init__(self, pipeline: Pipeline, needs: NeedsBook) -> None:
        self._pipeline, self._needs = pipeline, needs
        self._recent: Recent[str] = Recent(self._read, NEWS_PAUSE_S / 2)
        self._shares, self._ends = Shares(STREAMS_MAX), asyncio.Event()

    def end(self) -> None:
        """The process is about to stop: every stream ends, so that draining need not wait for pages left open."""
        self._ends.set()

    async def events(self, viewer: str, last_seen: str) -> AsyncIterator[bytes]:
        """`changed` with a new id, `beat` where nothing has changed since; ends when the figures cannot be read."""
        until_s = monotonic_s() + STREAM_S_MAX
        if not self._shares.take(viewer):
            return  # others came between: it ends, and is asked for again
        try:
            yield f"retry: {STREAM_RETRY_MS}\n\n".encode()
            while not self._ends.is_set() and monotonic_s() < until_s:
                id = await self._recent.get()
                name = "beat" if id == last_seen else "changed"
                last_seen = id
                yield f"event: {name}\nid: {id}\ndata: {{}}\n\n".encode()
                await self._pause()
        except Unavailable:
            return
        finally:
            self._shares.give_back(viewer)

    def admit(self, viewer: str) -> None:
        """Raises Problem 503."""
        if not self._shares.is_room(viewer):
            detail = f"your key has as many streams open as are left for all others, of {STREAMS_MAX}: close one"
            raise Problem(503, "too_many_streams", detail).retry_after(RETRY_AFTER_S)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._ends.wait(), NEWS_PAUSE_S)
        except TimeoutError:
            return

    async def _read(self) -> str:
        pipeline, needs = await asyncio.gather(self._pipeline.read(), self._needs.read())
        shown = msgspec.json.encode([_lasting(shown_pipeline(pipeline)), shown_needs(needs)], enc_hook=str)
        return hashlib.blake2b(shown, digest_size=8).hexdigest()


def _lasting(shown: Any) -> Any:
    """Without what is another at each look though nothing has happened."""
    if isinstance(shown, dict):
        return {name: _lasting(value) for name, value in shown.items() if name not in PASSING}
    return [_lasting(one) for one in shown] if isinstance(shown, list) else shown


def events_router(news: OpsNews) -> APIRouter:
    """`/ops/events`."""
    router = APIRouter(tags=["operations"])

    @router.get("/ops/events")
    async def get_ops_events(
        reader: Annotated[Caller, Depends(reader_of)], last_event_id: Annotated[str, Header()] = ""
    ) -> StreamingResponse:
        """Server-Sent Events of the operations page: `changed` when there is something new to read, else `beat`.

        By a key of an operator or auditor, or by the session of who is logged in on the page. With `Last-Event-ID`
        what is known already is a `beat`.
        """
        news.admit(reader.prefix)
        stream = news.events(reader.prefix, last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router
