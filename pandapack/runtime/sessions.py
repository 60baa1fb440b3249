"""Sessions of people who logged in on a page: kept here, so that they end when they are ended.

A browser has a random token in its cookie; what is kept is the token's SHA-256, whose key opened it and until when. It
ends with log-out, with its key, and by itself.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response

from pandapack.runtime.auth import Caller, Keys
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.documents import Rows

COOKIE = "panda_page"
SESSION_S_MAX = 12 * 3600
"""A working day: whoever left a page open last night logs in again."""
TOKEN_CHARACTERS_MAX = 128
"""A longer cookie is none of ours, and is not looked up."""
ENDS = "ends"
"""The field of a session's row behind which MongoDB takes it away."""


class Sessions:
    """The sessions of one service's pages. `rows` expire by their field `ends`, which is wall time."""

    def __init__(self, rows: Rows, keys: Keys, clock: Clock, chance: Chance, *, always_secure: bool = False) -> None:
        self._rows, self._keys, self._clock, self._chance = rows, keys, clock, chance
        self._always_secure = always_secure

    async def open(self, caller: Caller, request: Request, answer: Response) -> None:
        """Logs the caller in: the answer gets the cookie, `Secure` where the request came by TLS."""
        token, now = self._chance.token(), self._clock.wall()
        ends = now + timedelta(seconds=SESSION_S_MAX)
        row: dict[str, Any] = {"_id": _digest_of(token), "prefix": caller.prefix, "made": now, ENDS: ends}
        await self._rows.insert(row)
        answer.set_cookie(COOKIE, token, max_age=SESSION_S_MAX, **self._terms(request))

    async def end(self, request: Request, answer: Response) -> None:
        """Logs out: the session is over wherever its cookie lies."""
        token = _token_of(request)
        if token is not None:
            now = self._clock.wall()
            await self._rows.set(_digest_of(token), {"ended": now, ENDS: now})
        answer.delete_cookie(COOKIE, **self._terms(request))

    async def caller(self, request: Request) -> Caller | None:
        """Who is logged in, if the session goes on and the key that opened it still stands."""
        token = _token_of(request)
        found = None if token is None else await self._rows.one(_digest_of(token))
        if found is None or found.get("ended") is not None:
            return None
        ends: datetime = found[ENDS]
        return await self._keys.holder(found["prefix"]) if self._clock.wall() < ends else None

    def _terms(self, request: Request) -> dict[str, Any]:
        is_secure = self._always_secure or request.url.scheme == "https"
        return {"httponly": True, "samesite": "strict", "secure": is_secure}


def sessions_of(request: Request) -> Sessions:
    """The service's sessions."""
    sessions: Sessions = request.app.state.sessions
    return sessions


async def page_caller(request: Request) -> Caller | None:
    """Who is logged in on a page, or None: the page then redirects to `/login?next=…`."""
    return await sessions_of(request).caller(request)


def _token_of(request: Request) -> str | None:
    token = request.cookies.get(COOKIE, "")
    return token if 0 < len(token) <= TOKEN_CHARACTERS_MAX else None


def _digest_of(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
