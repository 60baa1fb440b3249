"""Day heads: signed beside the requests once a day has ended, and published to everybody."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Query

from pandapack.contracts.donations import day_name, microseconds_of
from pandapack.contracts.proof import DayHead, LineHead, Signer, make_head
from pandapack.runtime.clock import Clock
from pandapack.runtime.errors import Misconfigured
from pandapack.runtime.http import Problem
from services.donations.domain.heads import due_day, first_new, line_head
from services.donations.settings import Settings
from services.donations.store.heads import Heads

LOOK_PAUSE_S = 2.0
HEADS_A_LOOK_MAX = 100
HEADS_SHOWN_MAX = 100

log = structlog.get_logger(__name__)


def signer_of(settings: Settings) -> Signer | None:
    """The signing key of PANDA_HEAD_KEY or PANDA_HEAD_KEY_FILE; None where there is neither. Raises Misconfigured."""
    try:
        text = settings.head_key or (settings.head_key_file.read_text() if settings.head_key_file else "")
        return Signer(text) if text else None
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the key that signs heads is not 32 bytes in hex: {type(error).__name__}") from error


def signing(signer: Signer | None) -> Signer:
    """The key. Raises Problem where this installation has none."""
    if signer is None:
        raise Problem(503, "no_signing_key", "this installation has no key to sign with: set PANDA_HEAD_KEY_FILE")
    return signer


class Notary:
    """Signs each ended day's head, in order, once all that it covers is sealed. Several processes may."""

    def __init__(self, heads: Heads, clock: Clock, signer: Signer | None, lines: int) -> None:
        self._heads, self._clock, self._signer, self._lines = heads, clock, signer, lines
        self._working: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._signer is None:
            log.warning("heads_not_signed", reason="PANDA_HEAD_KEY_FILE is not set")
            return
        self._working = asyncio.create_task(self._work(self._signer))

    async def stop(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    async def _work(self, signer: Signer) -> None:
        while True:
            try:
                await self.sign_due(signer)
            except Exception as error:
                log.warning("head_not_signed", error=repr(error))
            await asyncio.sleep(LOOK_PAUSE_S)

    async def sign_due(self, signer: Signer) -> int:
        """Signs what is due, `HEADS_A_LOOK_MAX` days at most, and answers how many. Raises Unavailable, AnswerLost."""
        for signed in range(HEADS_A_LOOK_MAX):
            before = await self._heads.last()
            opened = None if before else await self._heads.first_opened(self._lines)
            day = due_day(before.day if before else None, opened, microseconds_of(self._clock.now()))
            lines = None if day is None else await self._lines_of(day, before)
            if day is None or lines is None:
                return signed
            await self._heads.write(make_head(day_name(day), lines, before, signer))
        return HEADS_A_LOOK_MAX

    async def _lines_of(self, day: int, before: DayHead | None) -> list[LineHead] | None:
        """Every line when the day had ended; None while a closed page of it is not sealed yet."""
        lines: list[LineHead] = []
        for number in range(self._lines):
            end, first = await self._heads.end_of(number, day), first_new(before, number)
            chained = await self._heads.chained(number, first, end.page)
            if len(chained) < end.page + 1 - first:
                return None
            lines.append(line_head(end, before, chained))
        return lines


def heads_router(heads: Heads, signer: Signer | None) -> APIRouter:
    """`GET /v1/heads`, `/v1/heads/key`, `/v1/heads/{day}`: public, so that nobody can show two people two histories."""
    router = APIRouter(prefix="/v1/heads", tags=["heads"])

    @router.get("")
    async def newest(
        limit: Annotated[int, Query(ge=1, le=HEADS_SHOWN_MAX)] = HEADS_SHOWN_MAX,
        before: Annotated[date | None, Query(description="Only days before this one.")] = None,
    ) -> dict[str, Any]:
        """The signed heads, newest first."""
        found = await heads.newest(limit, before.isoformat() if before else "")
        return {"items": [_shown(head) for head in found]}

    @router.get("/key")
    async def key() -> dict[str, str]:
        """The public key that signs. Keep it from a day on which you trust us: `panda verify --key` takes this file."""
        return {"algorithm": "Ed25519", "key": signing(signer).public}

    @router.get("/{day}")
    async def of_day(day: date) -> dict[str, Any]:
        """The signed head of a day."""
        found = await heads.one(day.isoformat())
        if found is None:
            raise Problem(404, "head_unknown", f"{day.isoformat()} has no signed head (yet)")
        return _shown(found)

    return router


def _shown(head: DayHead) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(head)
    return shown
