"""Starting beside stores that may come up later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import structlog

from pandapack.backoff import Backoff
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.errors import Unavailable

START_WAIT_S_MAX = 60.0
START_BACKOFF = Backoff(first_s=0.2, max_s=3.0)

log = structlog.get_logger(__name__)
Starter = Callable[[], Awaitable[Any]]


async def patiently(start: Starter) -> None:
    """Stores may come up after us: tries for `START_WAIT_S_MAX`, with a growing pause."""
    until_s = monotonic_s() + START_WAIT_S_MAX
    for failures in count(1):
        try:
            await start()
            return
        except (Unavailable, AnswerLost) as error:
            if monotonic_s() > until_s:
                raise
            log.warning("waiting_for_stores", error=str(error))
        await asyncio.sleep(START_BACKOFF.pause_s(failures))
