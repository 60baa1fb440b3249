"""Settlements as routes see them: those that bank, or a platform's tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.donations.ledger.store.pages import Pages
from services.donations.settlements.store import Settlements
from services.donations.settlements.work.intake import SettlementIntake


@dataclass(frozen=True, slots=True)
class SettlementBook:
    """What takes settlements, where they are kept, and the pages that they settle.

    `draw_up`: sees to it that the statement that is due comes; of a test it is there when this returns.
    """

    intake: SettlementIntake
    settlements: Settlements
    pages: Pages
    draw_up: Callable[[], Awaitable[None]]


SettlementsOf = Callable[[str], Awaitable[SettlementBook]]
"""The settlements of a platform's tests; of no platform (empty) those that bank. May raise StoreUnavailable."""
