"""A ledger as it is read: the one that counts, or a platform's tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.reversals import Reversals


@dataclass(frozen=True, slots=True)
class LedgerBook:
    """Pages and reversals of `shards` shards."""

    pages: Pages
    reversals: Reversals
    shards: int


LedgerOf = Callable[[str], Awaitable[LedgerBook]]
"""The ledger of a platform's tests; of no platform (empty) the one that counts. May raise StoreUnavailable."""
