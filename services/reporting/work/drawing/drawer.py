"""Our end of the drawing process: one order at a time, so long at most, and a new process where one is dead."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import msgspec
import structlog

from pandapack.backoff import Backoff
from pandapack.runtime.clock import monotonic_s
from services.reporting.work.drawing.orders import FRAME_BYTES_MAX, HEAD, Drawn, Order, frame

DRAWING_S_MAX = 20.0
"""Of one order, with the start of the process, which takes some seconds of a busy machine. Then it is killed."""
WAITING_MAX = 32
"""Orders that wait at once: three seconds of drawing. Beyond them it is better to be told."""
PAUSES = Backoff(first_s=1.0, max_s=30.0)
"""Between a death and the next start."""
PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""Of our environment: the process needs no key, and gets none."""
ROOT = Path(__file__).parents[4]

log = structlog.get_logger(__name__)


class NotDrawn(Exception):
    """There is no picture now: why, for the log. The figures are there all the same."""


class Drawer:
    """The process is started by the first order. `start` and `stop` are those of a background task."""

    def __init__(self, *command: str, limit_s: float = DRAWING_S_MAX) -> None:
        """`command`: what is started instead of the worker; `limit_s`: how long one order may take."""
        self._limit_s = limit_s
        self._command = command or (sys.executable, "-m", "services.reporting.work.drawing.worker")
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._deaths = 0
        self._not_before_s = 0.0
        self.last: Drawn | None = None
        """What the last order took."""

    async def start(self) -> None:
        """Nothing yet: the first order starts it."""

    async def stop(self) -> None:
        """Ends the process."""
        await self._kill()

    @property
    def pid(self) -> int | None:
        """The process that draws now."""
        return None if self._process is None else self._process.pid

    async def draw(self, order: Order) -> Drawn:
        """What the process answers. Raises NotDrawn."""
        if self._waiting >= WAITING_MAX:
            raise NotDrawn(f"{self._waiting} drawings are being waited for")
        self._waiting += 1
        try:
            async with self._turn:
                drawn = await self._answer(order)
        finally:
            self._waiting -= 1
        if drawn.failure is not None:
            raise NotDrawn(drawn.failure)
        self.last = drawn
        return drawn

    async def _answer(self, order: Order) -> Drawn:
        if self._process is None and monotonic_s() < self._not_before_s:
            raise NotDrawn("the drawing process died a moment ago")
        try:
            async with asyncio.timeout(self._limit_s):
                drawn = await self._asked(order)
        except (OSError, EOFError, ValueError, TimeoutError, msgspec.DecodeError) as error:
            await self._kill()
            self._deaths += 1
            self._not_before_s = monotonic_s() + PAUSES.pause_s(self._deaths)
            log.warning("drawing_process_died", error=repr(error), deaths=self._deaths)
            raise NotDrawn(repr(error)) from error
        except asyncio.CancelledError:
            await self._kill()  # half an answer may be in the pipe
            raise
        self._deaths = 0
        return drawn

    async def _asked(self, order: Order) -> Drawn:
        process = self._process = self._process or await self._started()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(frame(order))
        await process.stdin.drain()
        (length,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
        if length > FRAME_BYTES_MAX:
            raise ValueError(f"an answer of {length} bytes")
        return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Drawn)

    async def _started(self) -> asyncio.subprocess.Process:
        environment = {name: value for name in PASSED_ON if (value := os.environ.get(name)) is not None}
        return await asyncio.create_subprocess_exec(
            *self._command,
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
