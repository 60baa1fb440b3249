"""How the public log stands in this process: how long it is, why it stopped, what has waited for its causes for long.

All else of reporting goes on meanwhile, and serves. So this is told and makes nothing unready.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from pandapack.runtime.clock import Clock
from pandapack.runtime.telemetry import LOG_BLOCKED, LOG_BLOCKED_SECONDS, LOG_SIZE, LOG_STOPPED
from services.reporting.domain.log_order import Blocked

BLOCKED_TOLD_S = 120.0
"""Gifts alone hold a fund's credits for a minute; whatever waits twice as long lacks a cause."""
LACKING_SHOWN_MAX = 3

Json = dict[str, Any]
log = structlog.get_logger(__name__)


class LogStanding:
    """Filled by the log's owner after each of its runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._size: int | None = None
        self._stopped: tuple[datetime, str] | None = None
        self.blocked: tuple[Blocked, ...] = ()
        """What the last run left waiting for its causes: at most one event a partition."""

    def show(self, size: int, blocked: Sequence[Blocked]) -> None:
        """The log has so many entries, and this waits; what has waited for long is in the process's log, too."""
        self._size, self.blocked = size, tuple(blocked)
        LOG_SIZE.set(size)
        LOG_BLOCKED.set(len(blocked))
        LOG_BLOCKED_SECONDS.set(max((self._age_s(one) for one in blocked), default=0.0))
        for one in self._blocked_long():
            log.warning("log_event_waits", key=one.event.key, age_s=round(self._age_s(one)), lacking=one.lacking[:3])

    def stop(self, reason: str) -> None:
        """The log contradicts itself, or what is kept: a person must look. Since when stays, whatever comes behind."""
        since = self._stopped[0] if self._stopped is not None else self._clock.wall()
        self._stopped = (since, reason)
        LOG_STOPPED.set(1)

    def resume(self) -> None:
        """It appends again."""
        self._stopped = None
        LOG_STOPPED.set(0)

    def report(self) -> Json:
        """`size`: null where it is not known yet; `stopped`: since when and why, or null; `blocked`: for long, at what.

        A blocked partition names its next event, since when that waits (wall time of Kafka), and what it lacks.
        """
        since, reason = self._stopped or (None, None)
        return {
            "size": self._size,
            "stopped": since and {"since": since.isoformat(timespec="seconds"), "reason": reason},
            "blocked": [_shown(one) for one in self._blocked_long()],
        }

    def _age_s(self, one: Blocked) -> float:
        return self._clock.wall().timestamp() - one.event.appended_at_ms / 1000

    def _blocked_long(self) -> list[Blocked]:
        return [one for one in self.blocked if self._age_s(one) >= BLOCKED_TOLD_S]


def _shown(one: Blocked) -> Json:
    return {
        "partition": one.event.place.partition,
        "event": one.event.key,
        "since": datetime.fromtimestamp(one.event.appended_at_ms // 1000, UTC).isoformat(),
        "lacking": list(one.lacking[:LACKING_SHOWN_MAX]),
    }
