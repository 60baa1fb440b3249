"""The audit log's chain: what of the journals is appended to it, in which order, and when its root is published."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from pandapack.contracts.audit_log import BEFORE_ALL, AuditEntry, AuditLogChained, entry_of, hash_of
from pandapack.contracts.envelope import Envelope, Part
from pandapack.decision import Decision

ROOT_PAUSE_S = 60
"""The public log has the chain's root at most so often, and only where it has moved: who waits a minute has it."""


@dataclass(frozen=True, slots=True)
class JournaledAct:
    """A journaled event. `envelope` None: nobody with a key made it, so that it is passed over."""

    partition: str
    offset: int
    appended_at_ms: int
    digest: str
    envelope: Envelope | None


class Link(msgspec.Struct, frozen=True):
    """An entry, its own hash and the one before it, in hex."""

    entry: AuditEntry
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How far the chain has come. `positions`: partition → the offset up to which the journals are in it.

    `version` fences whoever stores it. `links`: the newest entries, which stand here before they stand by themselves;
    so what the head says is always all there. `name`: of this chain; a database that is made anew begins another.
    `owner` is the process that did last, at wall time `moved_at`.
    """

    version: int = 0
    n: int = 0
    hash: str = BEFORE_ALL
    positions: Mapping[str, int] = field(default_factory=dict)
    name: str = ""
    links: tuple[Link, ...] = ()
    owner: str = ""
    moved_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def chained(head: ChainHead, journaled: Mapping[str, Sequence[JournaledAct]]) -> ChainHead:
    """The chain with what the journals have behind its positions: of each partition in its order.

    Of several the event that Kafka had first comes first. That order is chosen once: the chain itself keeps it.
    """
    links, positions = list[Link](), dict(head.positions)
    for one in heapq.merge(*journaled.values(), key=lambda one: (one.appended_at_ms, one.partition, one.offset)):
        positions[one.partition] = one.offset + 1
        if one.envelope is None:
            continue
        last, n = (links[-1].hash, links[-1].entry.n) if links else (head.hash, head.n)
        entry = entry_of(n + 1, one.envelope, one.digest)
        links.append(Link(entry, last, hash_of(last, entry)))
    if not links:
        return replace(head, positions=positions, links=())
    return replace(head, n=links[-1].entry.n, hash=links[-1].hash, positions=positions, links=tuple(links))


class PublishedRoot(Part):
    """The root that was published last, at wall time `at`."""

    n: int = 0
    hash: str = BEFORE_ALL
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def publish_root(state: PublishedRoot, *, n: int, hash: str, at: datetime) -> Decision[PublishedRoot]:
    """The chain's root goes into the public log, where it has moved and the one before is a minute old."""
    if n <= state.n or at < state.at + timedelta(seconds=ROOT_PAUSE_S):
        return Decision(state)
    return Decision(PublishedRoot(n=n, hash=hash, at=at), (AuditLogChained(entries=n, root=hash),))
