"""Waiting for what comes about by itself: one way for all tests. It bounds how long, and asserts nothing of speed."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

WAIT_S = 120.0
"""Longer than anything takes, also on a machine that is slow: only what never comes about is waited for so long."""
ASK_EVERY_S = 0.05

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, *, wait_s: float = WAIT_S, every_s: float = ASK_EVERY_S) -> T:
    """What `look` returns, as soon as that is true. An AssertionError names `what` did not come about."""
    until_s = time.monotonic() + wait_s
    while not (found := look()):
        assert time.monotonic() < until_s, f"not within {wait_s:g} s: {what}; found {found!r}"
        time.sleep(every_s)
    return found


async def eventually_async(
    look: Callable[[], T | Awaitable[T]], what: str, *, wait_s: float = WAIT_S, every_s: float = ASK_EVERY_S
) -> T:
    """The same in an event loop; `look` may be a coroutine function."""
    until_s = time.monotonic() + wait_s
    while not (found := await _answer(look())):
        assert time.monotonic() < until_s, f"not within {wait_s:g} s: {what}; found {found!r}"
        await asyncio.sleep(every_s)
    return found


async def _answer(answer: T | Awaitable[T]) -> T:
    return cast(T, await answer if inspect.isawaitable(answer) else answer)
