"""The audit log's chain: every event that has an actor once, whoever appends it, and no link that leaves unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from pandapack.contracts.acts import acted
from pandapack.contracts.audit_log import BEFORE_ALL, AuditLogChained, entry_in, entry_of, hash_of
from pandapack.contracts.causation import NOBODY, Actor, Causation
from pandapack.contracts.envelope import Envelope, decode, encode, envelop
from pandapack.contracts.procurement import OrderClosed
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.store import Store
from services.reporting.domain.audit_log import ROOT_PAUSE_S
from services.reporting.domain.journal import LogPosition
from services.reporting.store import Stores
from services.reporting.store.audit_log import ROOTS, AuditRows, Search
from services.reporting.store.journal import Journal
from services.reporting.store.journey_index import JourneyIndex
from services.reporting.work.audit_log import EVENTS_A_PARTITION_MAX, STAND_BY_S, AuditLog
from services.reporting.work.projector import ConsumedEvent

AT = datetime(2021, 11, 11, 2, tzinfo=UTC)
ANNA, BEN = Actor("anna", "operator", "1f2e3d4c"), Actor("ben", "buyer", "5a6b7c8d")
Json = dict[str, Any]


@dataclass
class AuditWorld:
    """What of reporting the audit log is made of, in memory."""

    clock: FixedClock = field(default_factory=lambda: FixedClock(AT))
    heads: MemoryRows = field(default_factory=lambda: MemoryRows("audit_heads"))
    entries: MemoryRows = field(default_factory=lambda: MemoryRows("audit_log"))
    offsets: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        index = JourneyIndex(MemoryRows("journeys"))
        self.journals = {name: Journal(MemoryRows(name), index) for name in ("journal", "archive")}
        documents = MemoryDocuments("audit_roots")
        self.roots = Store(ROOTS, documents, clock=self.clock, chance=SeededChance(1))
        self.audit_rows = AuditRows(self.heads, self.entries)

    def process(self, name: str) -> AuditLog:
        @dataclass
        class Own:
            journal: Journal = self.journals["journal"]
            archive: Journal = self.journals["archive"]
            audit_log: AuditRows = self.audit_rows
            audit_roots: object = self.roots

        return AuditLog(cast(Stores, Own()), self.clock, name=name)

    async def happens(
        self, source: str, actor: Actor = ANNA, *, partition: int = 0, why: str = "", at_ms: int = 0
    ) -> None:
        """An event of a source: somebody's act, or where it is nobody's an order that closed by itself."""
        service = source.split("/")[1]
        number = self.numbers[source] = self.numbers.get(source, 0) + 1
        event = (
            acted(source, "PUT /v1/things/{thing}")
            if actor is not NOBODY
            else OrderClosed(order="O-1", round="R-1", programme="p", cancelled={})
        )
        envelope = envelop(
            event, source=source, number=number, at=self.clock.now(), causation=Causation((), actor, "req_1", why)
        )
        offset = self.offsets.get(f"{service}/{partition}", 0)
        self.offsets[f"{service}/{partition}"] = offset + 3
        position, value = LogPosition(f"{service}.events", partition, offset), encode(envelope)
        consumed = ConsumedEvent(position, at_ms or offset, value, envelope)
        await self.journals["archive" if service == "donations" else "journal"].enter([consumed.entry(value)], -1)

    async def rows(self) -> list[Json]:
        return await self.entries.find({}, limit=10_000)

    async def published(self) -> list[AuditLogChained]:
        waiting = await self.roots.documents.unpublished(100)
        events = [decode(event.envelope).event() for document in waiting for event in document.outbox]
        return [event for event in events if isinstance(event, AuditLogChained)]


def check(rows: Sequence[Json]) -> None:
    """The rows are one chain from the beginning."""
    prev = BEFORE_ALL
    for n, row in enumerate(rows, 1):
        assert (row["_id"], row["prev"], row["hash"]) == (n, prev, hash_of(prev, entry_in(row)))
        prev = row["hash"]


async def test_each_event_that_has_an_actor_is_an_entry_and_no_other() -> None:
    kept = AuditWorld()
    await kept.happens("/procurement/parties/tin", why="a new supplier")
    await kept.happens("/procurement/orders/O-1", NOBODY)
    await kept.happens("/donations/operations/x", BEN, partition=2)
    process = kept.process("a")
    assert await process.append() is False
    rows = await kept.rows()
    check(rows)
    assert {row["document"].partition("#")[0] for row in rows} == {
        "/procurement/parties/tin",
        "/donations/operations/x",
    }
    tin = next(row for row in rows if row["why"])
    assert (tin["command"], tin["subject"]) == ("PUT /v1/things/{thing}", "/procurement/parties/tin")
    assert (tin["actor"], tin["request_id"]) == ({"name": "anna", "role": "operator", "key": "1f2e3d4c"}, "req_1")
    await process.append()
    assert await kept.rows() == rows


async def test_entries_stand_in_the_order_of_kafka_and_of_each_partition_in_its_own() -> None:
    kept = AuditWorld()
    for source, partition, at_ms in (("/logistics/parties/a", 1, 50), ("/procurement/parties/b", 0, 20)):
        await kept.happens(source, partition=partition, at_ms=at_ms)
    await kept.happens("/procurement/parties/c", at_ms=90)
    await kept.process("a").append()
    assert [row["subject"][-1] for row in await kept.rows()] == ["b", "a", "c"]


async def test_a_process_that_stops_between_head_and_entries_leaves_what_the_next_one_writes_down() -> None:
    kept = AuditWorld()
    await kept.happens("/procurement/parties/a")
    first, second = kept.process("a"), kept.process("b")
    keep, kept.audit_rows.keep = kept.audit_rows.keep, None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        await first.append()
    kept.audit_rows.keep = keep  # type: ignore[method-assign]
    await kept.happens("/procurement/parties/b", at_ms=1)
    kept.clock.at += timedelta(seconds=STAND_BY_S)
    await second.append()
    check(rows := await kept.rows())
    assert [row["subject"][-1] for row in rows] == ["a", "b"]


async def test_of_two_processes_one_appends_and_the_other_stands_by() -> None:
    kept = AuditWorld()
    first, second = kept.process("a"), kept.process("b")
    await kept.happens("/procurement/parties/a")
    await first.append()
    await kept.happens("/procurement/parties/b")
    await second.append()
    assert len(await kept.rows()) == 1
    head = await kept.audit_rows.head()
    assert not await kept.audit_rows.move(replace(head, version=head.version - 1)), "a version is followed once"
    kept.clock.at += timedelta(seconds=STAND_BY_S)
    await second.append()
    check(await kept.rows())
    assert (await kept.audit_rows.head()).owner == "b" and len(await kept.rows()) == 2


async def test_more_than_one_read_of_a_partition_is_appended_in_several_steps() -> None:
    kept = AuditWorld()
    for _ in range(EVENTS_A_PARTITION_MAX + 3):
        await kept.happens("/procurement/parties/a")
    process = kept.process("a")
    assert await process.append() is True
    assert await process.append() is False
    check(rows := await kept.rows())
    assert len(rows) == EVENTS_A_PARTITION_MAX + 3


async def test_the_root_is_published_at_most_once_a_minute_and_where_it_moved() -> None:
    kept = AuditWorld()
    process = kept.process("a")
    await process.append()
    assert await kept.published() == []
    await kept.happens("/procurement/parties/a")
    await process.append()
    await kept.happens("/procurement/parties/a")
    for _ in range(3):
        await process.append()
    assert [event.entries for event in await kept.published()] == [1]
    kept.clock.at += timedelta(seconds=ROOT_PAUSE_S)
    for _ in range(3):
        await process.append()
        kept.clock.at += timedelta(seconds=ROOT_PAUSE_S)
    published = await kept.published()
    assert [event.entries for event in published] == [1, 2]
    assert [event.root for event in published] == [row["hash"] for row in await kept.rows()]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), [4, 3, 2, 1]),
        (Search(actor="anna"), [3, 1]),
        (Search(actor="5a6b7c8d"), [4, 2]),
        (Search(role="buyer"), [4, 2]),
        (Search(command="PUT /v1/things/{thing}", actor="ben"), [4, 2]),
        (Search(command="POST /v1/keys"), []),
        (Search(subject="tin"), [2, 1]),
        (Search(subject="/procurement/parties/pen"), [4, 3]),
        (Search(subject="pen", actor="anna"), [3]),
        (Search(first_us=int((AT + timedelta(hours=1)).timestamp() * 1e6)), [4, 3]),
        (Search(last_us=int((AT + timedelta(hours=1)).timestamp() * 1e6)), [2, 1]),
    ],
    ids=str,
)
async def test_a_search_finds_by_actor_role_command_subject_and_time_the_newest_first(
    search: Search, found: list[int]
) -> None:
    kept = AuditWorld()
    for subject in ("tin", "pen"):
        await kept.happens(f"/procurement/parties/{subject}", ANNA)
        await kept.happens(f"/procurement/parties/{subject}", BEN)
        kept.clock.at += timedelta(hours=1)
    process = kept.process("a")
    await process.append()
    assert [row["_id"] for row in await process.newest(search, before=None, limit=100)] == found
    assert [row["_id"] async for row in process.all_of(search)] == found
    assert [row["_id"] for row in await process.newest(search, before=3, limit=1)] == [n for n in found if n < 3][:1]


def test_the_hash_is_of_the_hash_before_and_the_canonical_entry() -> None:
    envelope: Envelope = envelop(
        acted("/donations/operations/x", "POST /v1/keys", "/donations/keys/1"),
        source="/donations/operations/x",
        number=3,
        at=AT,
        causation=Causation((), ANNA, "req_1", "so"),
    )
    written = (
        b'{"actor":{"key":"1f2e3d4c","name":"anna","role":"operator"},"command":"POST /v1/keys","digest":"ab",'
        b'"document":"/donations/operations/x#000000000003","n":1,"request_id":"req_1","subject":"/donations/keys/1",'
        b'"when":"2021-11-11T02:00:00+00:00","why":"so"}'
    )
    assert hash_of(BEFORE_ALL, entry_of(1, envelope, "ab")) == hashlib.sha256(bytes(32) + written).hexdigest()
