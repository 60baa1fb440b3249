"""Dead letters ⇄ MongoDB."""

from __future__ import annotations

from pandapack.runtime.budgets import DOCUMENT_BYTES_CEILING, Budget
from pandapack.runtime.store import Kind
from services.donations.dead_letters.domain.dead_letters import DeadLetter

DEAD_LETTERS: Kind[DeadLetter] = Kind(
    "dead_letters",
    DeadLetter,
    lambda id: DeadLetter(address=id),
    lambda id: f"/donations/dead-letters/{id}",
    # The bytes of half a mebibyte as base64, and what was sent in their place each time.
    Budget(DOCUMENT_BYTES_CEILING, instead="push what is in it anew"),
    publishes=False,
)
DEAD_LETTER_INDEXES = ("state.cause",)
