"""Pushes as routes see them: those that count, or a platform's tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from services.donations.ledger.domain.gaps import ShardGaps
from services.donations.ledger.store.pages import Pages
from services.donations.pushes.store import Pushes
from services.donations.pushes.work.push_service import Answer, IncomingPush


class AcceptsPushes(Protocol):
    """What happens to pushes of donations and of reversals; see `PushService`."""

    async def accept_donations(self, push: IncomingPush) -> Answer: ...

    async def accept_reversals(self, push: IncomingPush) -> Answer: ...


class KnowsGaps(Protocol):
    """What a shard resumed without, by its number as text; None: it never stopped."""

    async def get(self, id: str) -> ShardGaps | None: ...


@dataclass(frozen=True, slots=True)
class PushBook:
    """What takes pushes, where they are kept, and the pages that tell what became of them."""

    accepting: AcceptsPushes
    pushes: Pushes
    pages: Pages
    gaps: KnowsGaps


PushesOf = Callable[[str], Awaitable[PushBook]]
"""The pushes of a platform's tests; of no platform (empty) those that count. May raise StoreUnavailable."""
