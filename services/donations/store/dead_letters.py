"""Dead letters ⇄ MongoDB."""

from __future__ import annotations

from pandapack.runtime.documents import Filter
from pandapack.runtime.store import Kind, Store
from services.donations.domain.dead_letters import DeadLetter

DEAD_LETTERS = Kind(
    "dead_letters", DeadLetter, lambda id: DeadLetter(place=id), lambda id: f"/donations/dead-letters/{id}"
)
DEAD_LETTER_INDEXES = ("state.cause",)


async def dead_letters_known(
    letters: Store[DeadLetter], where: Filter, *, after: str, limit: int
) -> list[tuple[str, DeadLetter]]:
    """Dead letters, by place."""
    return await letters.find(where, after=after, limit=limit)
