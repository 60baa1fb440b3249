"""The one way to run something again and again: `every(pause_s, work)`.

A run that fails is logged and counted, and the next one waits longer; a run that says that more is waiting is followed
by the next at once; `wake()` ends a pause early. A stop lets go at the next await, and waits until the loop has ended:
whatever runs in a loop must be harmless when it ends anywhere, since a process may be killed anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from pandapack.backoff import Backoff
from pandapack.runtime.telemetry import LOOP_FAILURES, LOOP_RUNS

FAILURE_PAUSE_S_MAX = 15.0

log = structlog.get_logger(__name__)
Work = Callable[[], Awaitable[bool | None]]
"""One run. True: more is waiting, so the next run comes without a pause."""


class Loop:
    """`work`, every `pause_s` seconds, from `start` to `stop`. `name` is its label in logs and metrics."""

    def __init__(self, pause_s: float, work: Work, *, name: str) -> None:
        self.name = name
        self._pause_s, self._work = pause_s, work
        self._backoff = Backoff(pause_s, max(pause_s, FAILURE_PAUSE_S_MAX))
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The first run begins at once."""
        assert self._task is None, f"the loop {self.name} runs already"
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Cancels the run under way, if any, and returns when the loop has ended."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def wake(self) -> None:
        """The next run need not wait for the pause to end."""
        self._awake.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            self._awake.clear()
            try:
                is_more_waiting = await self._work()
            except Exception as error:
                failures += 1
                LOOP_FAILURES.labels(self.name).inc()
                log.warning("loop_failed", loop=self.name, failures=failures, error=repr(error))
                await self._pause(self._backoff.pause_s(failures))
            else:
                failures = 0
                LOOP_RUNS.labels(self.name).inc()
                await self._pause(0.0 if is_more_waiting else self._pause_s)

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0.0:
            await asyncio.sleep(0)  # requests and heartbeats share the event loop
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._awake.wait()


def every(pause_s: float, work: Work, *, name: str) -> Loop:
    """A loop that is not started yet: hand it to `Service.background`, or start and stop it."""
    return Loop(pause_s, work, name=name)
