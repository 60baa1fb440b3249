"""Taking test pushes: what named values bring about, and then what happens to any push."""

from __future__ import annotations

from dataclasses import replace

from pandapack.runtime.clock import Clock
from services.donations.programmes.store import Programmes
from services.donations.pushes.work.push_service import Answer, IncomingPush, PushService
from services.donations.test_ledger.domain.triggers import (
    MARK,
    NO_PROGRAMME,
    Rehearsal,
    rehearse_donations,
    rehearse_reversals,
)
from services.donations.test_ledger.work.publisher import TestPublisher
from services.donations.validation.domain.text_lines import TextLines


class Rehearsals:
    """Accepts test pushes of one platform, as `PushService` accepts those that count."""

    def __init__(
        self, service: PushService, publisher: TestPublisher, programmes: Programmes, clock: Clock, *, accept_days: int
    ) -> None:
        self._service, self._publisher, self._programmes = service, publisher, programmes
        self._clock, self._accept_days = clock, accept_days

    async def accept_donations(self, push: IncomingPush) -> Answer:
        """Raises as `PushService.accept_donations` does; Refused where the test ledger is full."""
        if MARK in push.lines.text.raw:
            rehearsal = rehearse_donations(
                push.lines.text.lines(), now=self._clock.now(), accept_days=self._accept_days
            )
            push = await self._staged(push, rehearsal)
        return await self._service.accept_donations(push)

    async def accept_reversals(self, push: IncomingPush) -> Answer:
        """Raises as `PushService.accept_reversals` does; Refused where the test ledger is full."""
        if MARK in push.lines.text.raw:
            programme = await self._programmes.any() or NO_PROGRAMME
            push = await self._staged(push, rehearse_reversals(push.lines.text.lines(), programme=programme))
        return await self._service.accept_reversals(push)

    async def _staged(self, push: IncomingPush, rehearsal: Rehearsal) -> IncomingPush:
        await self._publisher.put_before(push.owner, rehearsal.before)
        return replace(push, lines=replace(push.lines, text=TextLines(*rehearsal.lines)))
