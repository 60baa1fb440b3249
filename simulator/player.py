"""What all players have in common: they look at lists, act on what is new there, and look again."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pandapack.backoff import Backoff

IDLE_PAUSES = Backoff(first_s=0.5, max_s=2.0)


class Player(Protocol):
    """Somebody with a key for a trade."""

    async def turn(self) -> int:
        """Looks once, does all that there is to do, and returns how much that was."""
        ...


async def keep_playing(player: Player) -> None:
    """Turn after turn, at longer intervals while there is nothing to do."""
    idle_turns = 0
    while True:
        idle_turns = 0 if await player.turn() else idle_turns + 1
        await asyncio.sleep(IDLE_PAUSES.pause_s(1 + idle_turns))
