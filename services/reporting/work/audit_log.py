"""The audit log's chain grows: what the journals have behind it becomes its next entries, and its root an event.

Any number of processes may run this. The head's version fences them: its newest entries stand in it, so that whoever
moved it has said what they are, and everybody may write them down. Who finds another at it stands by.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from pandapack.contracts.audit_log import has_actor
from pandapack.contracts.envelope import decode
from pandapack.runtime.clock import Clock
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.store import Command
from services.reporting.domain.audit_log import ChainHead, JournaledAct, PublishedRoot, chained, publish_root
from services.reporting.store import Stores
from services.reporting.store.audit_log import Json, Search
from services.reporting.work.log_owner import SERVICES

CHAIN_PAUSE_S = 1.0
"""An accepted command is in the audit log so long after its event is journaled."""
STAND_BY_S = 5.0
"""Another's head that has not moved for so long may be moved: it has stopped, or has nothing to do."""
EVENTS_A_PARTITION_MAX = 128
"""Of sixteen partitions that is some MB, and a head with all of them has less than one: 300 bytes an entry."""
EXPORT_ENTRIES_MAX = 1_000_000
"""A file of more is asked for in parts, by `from` and `to`: of a year's commands it is about as many."""
ENTRIES_A_PART = 500


@dataclass(frozen=True, slots=True)
class ChainStanding:
    """How long the chain is, its newest hash, and the root that was published last."""

    n: int
    hash: str
    published: PublishedRoot


class AuditLog:
    """Appends to the chain, and reads it. `name` tells processes apart; `append` is one run of a loop."""

    def __init__(self, stores: Stores, clock: Clock, *, name: str) -> None:
        self._rows, self._roots, self._clock, self._name = stores.audit_log, stores.audit_roots, clock, name
        self._journals = {service: stores.archive if service == "donations" else stores.journal for service in SERVICES}
        self._kept_version = -1

    async def append(self) -> bool:
        """What the journals have behind the chain. True: more may be waiting. Raises StoreUnavailable, AnswerLost."""
        head = await self._rows.head()
        await self._keep(head)
        if not self._may_move(head):
            return False
        journaled = await self._read(head)
        if any(journaled.values()):
            moved = chained(head, journaled)
            moved = replace(moved, name=head.name or self._name, owner=self._name, moved_at=self._clock.wall())
            if not await self._rows.move(moved):
                return False  # another was faster; it has said what comes next
            head = replace(moved, version=moved.version + 1)
            await self._keep(head)
        await self._publish(head)
        return any(len(events) == EVENTS_A_PARTITION_MAX for events in journaled.values())

    def _may_move(self, head: ChainHead) -> bool:
        return head.owner in ("", self._name) or self._clock.wall() >= head.moved_at + timedelta(seconds=STAND_BY_S)

    async def _keep(self, head: ChainHead) -> None:
        """Once a head: the entries in it may be what a process had no time to write down."""
        if head.version != self._kept_version:
            await self._rows.keep(head)
            self._kept_version = head.version

    async def _read(self, head: ChainHead) -> dict[str, list[JournaledAct]]:
        found: dict[str, list[JournaledAct]] = {}
        for service in SERVICES:
            for partition in range(EVENT_PARTITIONS):
                name = f"{service}/{partition}"
                rows = await self._journals[service].behind(
                    f"{service}.events", partition, head.positions.get(name, 0), limit=EVENTS_A_PARTITION_MAX
                )
                found[name] = [_journaled(name, row) for row in rows]
        return found

    async def _publish(self, head: ChainHead) -> None:
        """The root, once a minute. It is nobody's command: the chain must not grow by telling of itself."""
        if head.n == 0:
            return
        decide = partial(publish_root, n=head.n, hash=head.hash, at=self._clock.wall())
        known = await self._roots.get(head.name) or PublishedRoot()
        if decide(known).events:
            await self._roots.change(head.name, decide, Command(f"{head.n}", head.hash))

    async def standing(self) -> ChainStanding:
        """How far the chain has come. Raises StoreUnavailable."""
        head = await self._rows.head()
        return ChainStanding(head.n, head.hash, await self._roots.get(head.name) or PublishedRoot())

    async def newest(self, search: Search, *, before: int | None, limit: int) -> list[Json]:
        """Entries that fit, the newest first. Raises StoreUnavailable."""
        return await self._rows.newest(search, before=before, limit=limit)

    async def all_of(self, search: Search) -> AsyncIterator[Json]:
        """All entries that fit, the newest first, `EXPORT_ENTRIES_MAX` at most; some are in memory at a time."""
        before, count = None, 0
        while count < EXPORT_ENTRIES_MAX:
            found = await self._rows.newest(search, before=before, limit=ENTRIES_A_PART)
            for row in found:
                yield row
            if len(found) < ENTRIES_A_PART:
                return
            before, count = found[-1]["_id"], count + len(found)


def _journaled(partition: str, row: Mapping[str, Any]) -> JournaledAct:
    raw = bytes(row["envelope"])
    envelope = decode(raw) if has_actor(raw) else None
    return JournaledAct(partition, row["offset"], row["appended_at_ms"], row["digest"], envelope)
