"""A service's acts in memory, for applications that tests put together themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from pandapack.runtime.acts import Acts, Operations, operations_kind
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import Clock, FixedClock
from pandapack.runtime.documents import MemoryDocuments
from pandapack.runtime.store import Store

DAY = datetime(2021, 11, 11, 2, tzinfo=UTC)


def acts_in_memory(service: str, clock: Clock | None = None) -> Acts:
    """Acts whose events stay in the outbox of a document in memory."""
    return Acts(operations_in_memory(service, clock), clock or FixedClock(DAY), SeededChance(7))


def operations_in_memory(service: str, clock: Clock | None = None) -> Store[Operations]:
    """The store of such acts."""
    documents, chance = MemoryDocuments("operations"), SeededChance(8)
    return Store(operations_kind(service), documents, clock=clock or FixedClock(DAY), chance=chance)
