"""What all players have in common: they look at lists, act on what is new there, and look again."""

from __future__ import annotations

import asyncio
from typing import Protocol

LOOK_AGAIN_S = 0.1
LOOK_IDLE_S_MAX = 0.8


class Player(Protocol):
    """Somebody with a key for a trade."""

    async def turn(self) -> int:
        """Looks once, does all that there is to do, and returns how much that was."""
        ...


async def keep_playing(player: Player) -> None:
    """Turn after turn, at longer intervals while there is nothing to do."""
    pause_s = LOOK_AGAIN_S
    while True:
        pause_s = LOOK_AGAIN_S if await player.turn() else min(2 * pause_s, LOOK_IDLE_S_MAX)
        await asyncio.sleep(pause_s)
