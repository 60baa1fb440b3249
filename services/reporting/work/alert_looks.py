"""What alerts look at, gathered every two seconds: services, hops, laws, the public log, and what waits for a person.

Nothing that is asked here keeps a look waiting: what does not answer in time is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.telemetry import LAW_BROKEN, WAITING_FOR_PERSON
from services.reporting.domain.alerts.known import (
    Known,
    Movement,
    hops_of,
    log_known,
    moved,
    service_known,
    still_s_of,
)
from services.reporting.domain.needs.matters import Kind, Needs
from services.reporting.work.pipeline import WatchesNeighbours
from services.reporting.work.readings import Readings

ANSWER_WAIT_S = 1.0
"""Readings are made in milliseconds; a store that is away must not keep alerts from telling so."""
NEEDS_PAUSE_S = 5.0
"""What waits for a person is asked of all services, and waits for hours."""
NEEDS_WAIT_S = 3.0
NEEDS_SHOWN_MAX = 20
NAN = float("nan")
"""What is not known, to Prometheus: it compares with nothing, so that no rule fires by it."""

Json = dict[str, Any]
T = TypeVar("T")


class AlertLooks:
    """One process's looks. `own`: this one's readiness; `needs`: None where nobody tells what waits for a person."""

    def __init__(
        self,
        neighbours: WatchesNeighbours,
        own: Callable[[], Awaitable[Json]],
        readings: Readings,
        clock: Clock,
        needs: Callable[[], Awaitable[Needs]] | None = None,
    ) -> None:
        self._neighbours, self._own, self._readings = neighbours, own, readings
        self._clock, self._needs = clock, needs
        self._movement = Movement()
        self._needed: tuple[tuple[str, ...] | None, tuple[str, ...] | None] = (None, None)
        self._needs_at_s: float | None = None

    async def look(self) -> Known:
        """All that is known now."""
        at = self._clock.wall()
        own = await self._own()
        others = list(self._neighbours.neighbours)
        readinesses = [*(one.readiness for one in others), own]
        self._movement, hops = moved(self._movement, hops_of(readinesses), at)
        services = [service_known(one.service, one.readiness) for one in others]
        stopped, blocked = log_known(own)
        dead_letters, overdue = await self._waiting()
        fresh = await _in_time(self._readings.freshness(), ANSWER_WAIT_S)
        behind_s = None if fresh is None else fresh.behind_s
        return Known(
            at=at,
            services=(*services, service_known("reporting", own)),
            hops=hops,
            still_s=still_s_of(self._movement, hops, at),
            behind_s=behind_s,
            laws=await _in_time(self._broken_laws(), ANSWER_WAIT_S),
            log_stopped=stopped,
            log_blocked=blocked,
            dead_letters=dead_letters,
            overdue=overdue,
        )

    async def _broken_laws(self) -> tuple[str, ...]:
        reading = await self._readings.now()
        for law in reading.laws:
            LAW_BROKEN.labels(law.name).set(not law.holds)
        return tuple(f"{law.name}: {law.difference}" for law in reading.laws if not law.holds)

    async def _waiting(self) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        """Dead letters and overdue steps, as they were known at most `NEEDS_PAUSE_S` ago."""
        is_due = self._needs_at_s is None or monotonic_s() >= self._needs_at_s + NEEDS_PAUSE_S
        if self._needs is not None and is_due:
            self._needs_at_s = monotonic_s()
            self._needed = waiting_of(await _in_time(self._needs(), NEEDS_WAIT_S))
            for kind, waiting in zip(("dead-letters", "overdue"), self._needed, strict=True):
                WAITING_FOR_PERSON.labels(kind).set(NAN if waiting is None else len(waiting))
        return self._needed


LETTERS = frozenset({Kind.DEAD_LETTERS})
OVERDUE = frozenset({Kind.INVOICE_HELD, Kind.ORDER_UNTAKEN, Kind.CUSTOMS_LONG, Kind.PROOF_OVERDUE, Kind.MONEY_IDLE})
"""Steps that somebody has to take, and has not taken in the time that they have."""


def waiting_of(needs: Needs | None) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Dead letters and overdue steps among what waits for a person; None where a service that has them is unknown."""
    if needs is None:
        return None, None
    dead_letters, overdue = _of_kinds(needs, LETTERS), _of_kinds(needs, OVERDUE)
    unknown = set(needs.unknown)
    is_known = not unknown & {"procurement", "logistics"}
    return (dead_letters if dead_letters or "donations" not in unknown else None), (
        overdue if overdue or is_known else None
    )


def _of_kinds(needs: Needs, kinds: frozenset[Kind]) -> tuple[str, ...]:
    found = [f"{one.service}: {one.id}" for one in needs.matters if one.kind in kinds]
    return tuple(found[:NEEDS_SHOWN_MAX])


async def _in_time(asked: Awaitable[T], wait_s: float) -> T | None:
    """What is answered in time; None: it is not known."""
    try:
        return await asyncio.wait_for(asked, wait_s)
    except (Unavailable, AnswerLost, TimeoutError):
        return None
