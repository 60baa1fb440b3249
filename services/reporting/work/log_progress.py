"""How far the public log and its snapshot have come: whether anything that this service has read is in neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pandapack.runtime.lag import Lag
from pandapack.runtime.settings import EVENT_PARTITIONS
from services.reporting.store.journal import Journal
from services.reporting.store.public_log import PublicLog
from services.reporting.work.log_owner import SERVICES
from services.reporting.work.readings import Recent

FRESH_S = 0.2
"""A few dozen small readings, made for all who ask within it."""


@dataclass(frozen=True, slots=True)
class LogProgress:
    """`size`: of the kept log. `waiting_partitions`: those with journaled events that it does not have.

    `unread_records`: of the ledger's topic, not archived yet, so that no owner of the log can know them; None: unknown.
    Where both are 0, a snapshot of `size` has all that had come.
    """

    size: int
    waiting_partitions: int
    unread_records: int | None


class LogWatch:
    """Looks how far the log is behind the journals. `archive_lags`: of what the archive reads, as Kafka said last."""

    def __init__(self, kept: PublicLog, journal: Journal, archive: Journal) -> None:
        self._kept = kept
        self._journals = {service: archive if service == "donations" else journal for service in SERVICES}
        self._recent = Recent(self._read, FRESH_S)

    async def read(self, archive_lags: Sequence[Lag]) -> LogProgress:
        """What is known now."""
        records = [lag.records for lag in archive_lags]
        unread = None if not records or None in records else sum(filter(None, records))
        size, waiting = await self._recent.get()
        return LogProgress(size, waiting, unread)

    async def _read(self) -> tuple[int, int]:
        head = await self._kept.head()  # first: what is journaled later may be in the log already, and is not waiting
        waiting = 0
        for service, journal in self._journals.items():
            for partition in range(EVENT_PARTITIONS):
                position = head.positions.get(f"{service}/{partition}", 0)
                waiting += bool(await journal.behind(f"{service}.events", partition, position, limit=1))
        return head.size, waiting
