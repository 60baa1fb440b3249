"""Alerts, as one process evaluates them for all: every two seconds, whether the store answers or not.

Among any number of processes one owns the book: it writes it after each look, version for version, and another takes
over where that has stopped. What has been found while the store was away is written once it is back; until then each
process shows what it sees itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from pandapack.decision import Refusal
from pandapack.runtime.clock import Clock
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.store import Command, Outcome, Store
from pandapack.runtime.telemetry import ALERTS_FIRING
from services.reporting.domain.alerts import orders
from services.reporting.domain.alerts.book import AlertBook, AlertState, evaluated
from services.reporting.domain.alerts.known import Known
from services.reporting.domain.alerts.orders import AlertOrders
from services.reporting.domain.alerts.rules import RULE_NAMES
from services.reporting.store.alerts import AlertRows, KeptBook

LOOK_PAUSE_S = 2.0
STAND_BY_S = 6.0
"""A book that was not written for so long has no owner any more: three looks."""
STORE_WAIT_S = 1.0
"""The book is a few kilobytes; a store that takes longer is away, and alerts go on without it."""
ORDERS = "orders"
"""The one document of silences and acknowledgements."""
SILENCE_ID_CHARACTERS = 12

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AlertsNow:
    """The book as of the last look that this process knows of, and what people have said."""

    book: AlertBook
    orders: AlertOrders


class Alerts:
    """One process's. `name` tells processes apart; `may_own`: False for one that only shows what others find."""

    def __init__(
        self,
        kept: AlertRows,
        store: Store[AlertOrders],
        look: Callable[[], Awaitable[Known]],
        clock: Clock,
        *,
        name: str,
        may_own: bool = True,
    ) -> None:
        self._kept, self._store, self._look, self._clock = kept, store, look, clock
        self._name, self._may_own = name, may_own
        self._version = -1
        self._now = AlertsNow(AlertBook(), AlertOrders())

    async def evaluate(self) -> None:
        """One look. Raises nothing that a store that is away would raise."""
        known = await self._look() if self._may_own else None
        try:
            async with asyncio.timeout(STORE_WAIT_S):
                latest = await self._store.get(ORDERS) or AlertOrders()
                book = await self._shared(await self._kept.latest(), known)
        except (Unavailable, AnswerLost, TimeoutError):
            if known is None:
                return  # what is shown is old, and says so by its `at`
            latest, book = self._now.orders, evaluated(self._now.book, known)
        self._tell(self._now.book, book)
        self._now = AlertsNow(book, latest)

    async def _shared(self, kept: KeptBook | None, known: Known | None) -> AlertBook:
        """The owner's book; after a look of our own where we are that, or nobody is."""
        at = self._clock.wall()
        version = 0 if kept is None else kept.version
        if known is None or (kept is not None and self._stands_by(kept)):
            self._version = version
            return AlertBook() if kept is None else kept.book
        # What was found while the store was away goes on; a book that another has written since is the newer one.
        before = self._now.book if kept is None or version == self._version else kept.book
        book = evaluated(before, known)
        if await self._kept.keep(version, book, self._name, at):
            self._version = version + 1
        return book

    def _stands_by(self, kept: KeptBook) -> bool:
        is_others = kept.owner != self._name
        return is_others and self._clock.wall() < kept.moved_at + timedelta(seconds=STAND_BY_S)

    def _tell(self, before: AlertBook, after: AlertBook) -> None:
        for name, alert in after.alerts.items():
            ALERTS_FIRING.labels(name).set(alert.state is AlertState.FIRING)
            was = before.alert(name).state
            if alert.state is not was and AlertState.FIRING in (alert.state, was):
                log.warning("alert", alert=name, state=alert.state, subjects=alert.subjects[:3])

    @property
    def now(self) -> AlertsNow:
        """As of the last look: nobody who asks waits for one."""
        return self._now

    async def acknowledge(self, name: str, by: str, reason: str, command: Command) -> Outcome[AlertOrders] | Refusal:
        """Refused: alert_unknown, alert_not_firing. Raises StoreUnavailable, AnswerLost."""
        if name not in RULE_NAMES:
            return orders.unknown_alert(name)
        alert, at = self._now.book.alert(name), self._clock.wall()
        return await self._change(lambda state: orders.acknowledge(state, alert, by=by, reason=reason, at=at), command)

    async def silence(
        self, alert: str, subject: str, minutes: int, by: str, reason: str, command: Command
    ) -> Outcome[AlertOrders] | Refusal:
        """Refused: alert_unknown, silences_full. Raises StoreUnavailable, AnswerLost."""
        id = hashlib.sha256(command.key.encode()).hexdigest()[:SILENCE_ID_CHARACTERS]
        at = self._clock.wall()
        return await self._change(
            lambda state: orders.silence(state, id, alert, subject, minutes=minutes, by=by, reason=reason, at=at),
            command,
        )

    async def end_silence(self, id: str, command: Command) -> Outcome[AlertOrders] | Refusal:
        """Refused: silence_unknown. Raises StoreUnavailable, AnswerLost."""
        at = self._clock.wall()
        return await self._change(lambda state: orders.end_silence(state, id, at), command)

    async def _change(self, decide: Any, command: Command) -> Outcome[AlertOrders] | Refusal:
        outcome = await self._store.change(ORDERS, decide, command)
        if isinstance(outcome, Outcome):
            self._now = AlertsNow(self._now.book, outcome.state)
        return outcome
