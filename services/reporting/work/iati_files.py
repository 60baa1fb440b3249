"""The aid record as a file of a snapshot: written beside the event loop, one at a time, and kept for a while."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pandapack.contracts.public_log.fold.books import DayBooks
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.clock import Clock, monotonic_s
from services.reporting.domain.as_of import as_of as as_of_what
from services.reporting.domain.iati.activities import accounts_of, activities_file
from services.reporting.domain.iati.elements import Narrator
from services.reporting.domain.iati.publisher import Publisher
from services.reporting.work.snapshots import Snapshot, Snapshots

FRESH_S = 10.0
"""So long the newest file is the newest: nobody reads an aid record by the second, and three years of eleven countries
are a fifth of a second of one core."""
KEPT_MAX = 4
"""Sizes that were asked for last, some two MB each: the newest, and those that a reader compares it with."""
WAITING_MAX = 8
"""Beyond them it is better to be told at once: each waits for a file of another size."""
GZIP_LEVEL = 6


class TooManyFiles(Exception):
    """More wait for a file than may."""


@dataclass(frozen=True, slots=True)
class IatiFile:
    """The file as of a size, itself and in gzip; `sha256` (hex) of the first."""

    size: int
    content: bytes
    zipped: bytes
    sha256: str


class IatiFiles:
    """Writes and keeps files. `publisher`: who reports, or why nobody does."""

    def __init__(self, snapshots: Snapshots, clock: Clock, publisher: Publisher | Refusal) -> None:
        self._snapshots, self._clock, self._publisher = snapshots, clock, publisher
        self._kept: OrderedDict[int, IatiFile] = OrderedDict()
        self._writing = asyncio.Lock()
        self._waiting = 0
        self._newest_size, self._newest_until_s = -1, 0.0

    async def file(self, as_of: str | None, narrator: Narrator) -> IatiFile | Refusal:
        """As of what was asked for, or of now: the newest snapshot that does not lie ahead of the world's clock.

        Refused: iati_not_configured, iati_publisher_invalid, as_of_invalid, size_unknown, iati_ahead, iati_empty.
        Raises TooManyFiles, StoreUnavailable.
        """
        if isinstance(self._publisher, Refusal):
            return self._publisher
        if as_of is None and monotonic_s() < self._newest_until_s and self._newest_size in self._kept:
            return self._kept[self._newest_size]
        snapshot = await self._snapshot(as_of)
        if isinstance(snapshot, Refusal):
            return snapshot
        found = await self._file(snapshot, self._publisher, narrator)
        if as_of is None and not isinstance(found, Refusal):
            self._newest_size, self._newest_until_s = found.size, monotonic_s() + FRESH_S
        return found

    async def _snapshot(self, as_of: str | None) -> Snapshot | Refusal:
        wall = self._clock.wall()
        wanted = wall if as_of is None else as_of_what(as_of)
        if isinstance(wanted, Refusal):
            return wanted
        if isinstance(wanted, datetime):
            return await self._snapshots.as_of_moment(min(wanted, wall))
        found = await self._snapshots.as_of_size(wanted)
        if isinstance(found, Snapshot) and found.at and datetime.fromisoformat(found.at) > wall:
            detail = (
                f"entry {found.size} of the log is of {found.at}, which lies ahead of the world's clock, as times of a "
                "demonstration can: an aid record tells of nothing in the future. Leave out as_of for the newest that "
                "does not"
            )
            return Refusal("iati_ahead", detail)
        return found

    async def _file(self, snapshot: Snapshot, publisher: Publisher, narrator: Narrator) -> IatiFile | Refusal:
        if snapshot.size in self._kept:
            return self._used(snapshot.size)
        if self._waiting >= WAITING_MAX:
            raise TooManyFiles(f"{self._waiting} files are being waited for")
        self._waiting += 1
        try:
            async with self._writing:
                if snapshot.size in self._kept:  # who waited before us wanted the same
                    return self._used(snapshot.size)
                days = await snapshot.days()
                found = await asyncio.to_thread(_written, snapshot, days, publisher, narrator)
                if found is None:
                    detail = f"the first {snapshot.size} entries of the log tell of no gift: there is no activity yet"
                    return Refusal("iati_empty", detail, RefusalKind.NOT_FOUND)
                return self._keep(found)
        finally:
            self._waiting -= 1

    def _used(self, size: int) -> IatiFile:
        self._kept.move_to_end(size)
        return self._kept[size]

    def _keep(self, found: IatiFile) -> IatiFile:
        self._kept[found.size] = found
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found


def _written(
    snapshot: Snapshot, days: Mapping[Day, DayBooks], publisher: Publisher, narrator: Narrator
) -> IatiFile | None:
    """A snapshot never changes: a thread of its own may read it."""
    accounts = accounts_of(snapshot.books, days)
    if not accounts:
        return None
    content = activities_file(accounts, publisher, narrator, size=snapshot.size, at=snapshot.at)
    zipped = gzip.compress(content, GZIP_LEVEL, mtime=0)
    return IatiFile(snapshot.size, content, zipped, sha256(content).hexdigest())
