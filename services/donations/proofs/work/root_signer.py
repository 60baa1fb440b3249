"""Signing daily roots, once a day has ended and all that its root covers is sealed."""

from __future__ import annotations

from pathlib import Path

import structlog

from pandapack.contracts.donations import day_name, microseconds_of
from pandapack.contracts.proof import DailyRoot, ShardRoot, Signer, make_daily_root
from pandapack.runtime.clock import Clock
from pandapack.runtime.errors import Misconfigured
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.seals import Seals
from services.donations.proofs.domain.roots import due_day, first_new, shard_root
from services.donations.proofs.store import DailyRoots

SIGN_PAUSE_S = 2.0
ROOTS_A_RUN_MAX = 100

log = structlog.get_logger(__name__)


def signer_of(key: str, file: Path | None) -> Signer | None:
    """The signer by its private key (hex), itself or in a file; None where there is none. Raises Misconfigured."""
    try:
        text = key or (file.read_text() if file else "")
        if not text:
            log.warning("roots_not_signed", reason="PANDA_SIGNING_KEY_FILE is not set")
        return Signer(text) if text else None
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the key that signs daily roots is not 32 bytes in hex: {type(error).__name__}") from error


class RootSigner:
    """Signs each ended day's root, in order. Several processes may."""

    def __init__(
        self, roots: DailyRoots, pages: Pages, seals: Seals, clock: Clock, signer: Signer | None, *, shards: int
    ) -> None:
        self._roots, self._pages, self._seals, self._clock = roots, pages, seals, clock
        self._signer, self._shards = signer, shards

    async def sign_due(self) -> int:
        """Signs what is due, `ROOTS_A_RUN_MAX` days at most, and returns how many. Raises Unavailable, AnswerLost."""
        if self._signer is None:
            return 0
        for signed in range(ROOTS_A_RUN_MAX):
            before = await self._roots.last()
            opened = None if before else await self._first_opened_day()
            day = due_day(before.day if before else None, opened, microseconds_of(self._clock.now()))
            shards = None if day is None else await self._shard_roots(day, before)
            if day is None or shards is None:
                return signed
            await self._roots.write(make_daily_root(day_name(day), shards, before, self._signer))
        return ROOTS_A_RUN_MAX

    async def run(self) -> bool:
        """One run of the loop: whether more is waiting."""
        return await self.sign_due() == ROOTS_A_RUN_MAX

    async def _first_opened_day(self) -> int | None:
        days = [await self._pages.first_opened_day(shard) for shard in range(self._shards)]
        return min((day for day in days if day is not None), default=None)

    async def _shard_roots(self, day: int, before: DailyRoot | None) -> list[ShardRoot] | None:
        """Every shard when the day had ended; None while a closed page of it is not sealed yet."""
        shards: list[ShardRoot] = []
        for number in range(self._shards):
            end, first = await self._pages.end_of(number, day), first_new(before, number)
            chained = await self._seals.chained(number, first, end.page)
            if len(chained) < end.page + 1 - first:
                return None
            shards.append(shard_root(end, before, chained))
        return shards
