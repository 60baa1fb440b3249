"""Sessions of people who logged in on a page: kept here, so that they end when they are ended.

A browser has a random token in its cookie; what is kept is the token's SHA-256, whose key opened it and until when. It
ends with log-out, with its key, and by itself.

What its holder does on a page is done with the holder's own key, so that each service decides and notes who did it. The
key is kept sealed by the token: neither the cookie alone is a key, nor a row of the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
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
SEALED = "sealed"
"""The field that has the key, sealed."""
NOTE = "note"
"""The field that has what was noted last: what came of a form, for the page that is shown next."""
NONCE = bytes(12)
"""A token seals one key, once."""


class Sessions:
    """The sessions of one service's pages. `rows` expire by their field `ends`, which is wall time."""

    def __init__(self, rows: Rows, keys: Keys, clock: Clock, chance: Chance, *, always_secure: bool = False) -> None:
        self._rows, self._keys, self._clock, self._chance = rows, keys, clock, chance
        self._always_secure = always_secure

    async def open(self, caller: Caller, request: Request, answer: Response, key: str = "") -> None:
        """Logs the caller in: the answer gets the cookie, `Secure` where the request came by TLS.

        `key`: the caller's, with which acts on pages are forwarded; without it there are none.
        """
        token, now = self._chance.token(), self._clock.wall()
        ends = now + timedelta(seconds=SESSION_S_MAX)
        row: dict[str, Any] = {"_id": _digest_of(token), "prefix": caller.prefix, "made": now, ENDS: ends}
        if key:
            row[SEALED] = _cipher(token).encrypt(NONCE, key.encode(), row["_id"].encode())
        await self._rows.insert(row)
        answer.set_cookie(COOKIE, token, max_age=SESSION_S_MAX, **self._terms(request))

    async def end(self, request: Request, answer: Response) -> None:
        """Logs out: the session is over wherever its cookie lies."""
        token = _token_of(request)
        if token is not None:
            now = self._clock.wall()
            await self._rows.set(_digest_of(token), {"ended": now, ENDS: now, SEALED: None, NOTE: None})
        answer.delete_cookie(COOKIE, **self._terms(request))

    async def caller(self, request: Request) -> Caller | None:
        """Who is logged in, if the session goes on and the key that opened it still stands."""
        found = await self._going_on(request)
        return None if found is None else await self._keys.holder(found["prefix"])

    async def key(self, request: Request) -> str | None:
        """The key of who is logged in, if it still stands; None also where the session keeps none."""
        token, found = _token_of(request), await self._going_on(request)
        if token is None or found is None or found.get(SEALED) is None:
            return None
        try:
            key = _cipher(token).decrypt(NONCE, bytes(found[SEALED]), found["_id"].encode()).decode()
        except InvalidTag:
            return None  # the row is another's: whoever put it there gets no further
        return key if await self._keys.caller(key) is not None else None

    async def note(self, request: Request, note: Mapping[str, Any]) -> None:
        """Keeps a note for the session's next page, in the place of the one before. Raises AnswerLost."""
        token = _token_of(request)
        if token is not None:
            await self._rows.set(_digest_of(token), {NOTE: dict(note)})

    async def noted(self, request: Request) -> dict[str, Any] | None:
        """What was noted last, if the session goes on."""
        found = await self._going_on(request)
        note: dict[str, Any] | None = None if found is None else found.get(NOTE)
        return note

    async def _going_on(self, request: Request) -> dict[str, Any] | None:
        """The session's row, if it has not ended."""
        token = _token_of(request)
        found = None if token is None else await self._rows.one(_digest_of(token))
        if found is None or found.get("ended") is not None:
            return None
        ends: datetime = found[ENDS]
        return found if self._clock.wall() < ends else None

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


def _cipher(token: str) -> AESGCM:
    """A token of full entropy needs no slow derivation, only another one than its digest, which is kept."""
    return AESGCM(hashlib.sha256(b"panda-session-key/1\n" + token.encode(errors="replace")).digest())
