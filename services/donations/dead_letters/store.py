"""Dead letters ⇄ MongoDB."""

from __future__ import annotations

from pandapack.runtime.store import Kind
from services.donations.dead_letters.domain.dead_letters import DeadLetter

DEAD_LETTERS: Kind[DeadLetter] = Kind(
    "dead_letters", DeadLetter, lambda id: DeadLetter(address=id), lambda id: f"/donations/dead-letters/{id}"
)
DEAD_LETTER_INDEXES = ("state.cause",)
