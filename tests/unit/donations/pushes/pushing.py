"""A push service on a Kafka and rows in memory, and the pushes that come to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import Clock, FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.sender import Sender
from services.donations.ledger.store.reversals import Reversals
from services.donations.programmes.domain.programmes import UnknownProgramme
from services.donations.programmes.store import Programmes
from services.donations.pushes.domain.push_lines import PushLines
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.pushes.store import Pushes
from services.donations.pushes.work.publisher import PushPublisher
from services.donations.pushes.work.push_service import IncomingPush, PushService
from services.donations.settings import ACCEPT_DAYS
from services.donations.validation.domain.text_lines import TextLines
from tests.trusted import marks

AT = datetime(2021, 11, 11, 4, 0, tzinfo=UTC)
SHARDS = 4


class KafkaInMemory:
    """A sender: what was sent by shard; records for shards in `refusing` are not acknowledged."""

    def __init__(self, refusing: frozenset[int] = frozenset()) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.headers: list[Sequence[tuple[str, bytes]]] = []
        self.refusing = refusing

    async def send(
        self, topic: str, *, key: bytes, value: bytes, partition: int, headers: Sequence[tuple[str, bytes]]
    ) -> int:
        if partition in self.refusing:
            raise KafkaUnavailable(f"shard {partition} is down")
        self.sent.append((partition, value))
        self.headers.append(headers)
        return sum(shard == partition for shard, _ in self.sent) - 1


class CountingRows(MemoryRows):
    """Rows that count the writes."""

    def __init__(self) -> None:
        super().__init__("pushes")
        self.writes = 0

    async def insert(self, row: dict[str, Any]) -> bool:
        self.writes += 1
        return await super().insert(row)

    async def set(self, id: Any, fields: dict[str, Any]) -> bool:
        self.writes += 1
        return await super().set(id, fields)

    async def answer(self) -> Any:
        """What is stored as the answer of the only push."""
        (row,) = await self.find({})
        return row["answer"]


class PublishedProgrammes(Programmes):
    """Those with these names, and no others."""

    def __init__(self, *names: str) -> None:
        self._names = names

    async def unknown(self, names: Iterable[str]) -> dict[str, UnknownProgramme]:
        return {name: UnknownProgramme.of(name, self._names) for name in names if name not in self._names}


def push_service(
    kafka: KafkaInMemory, rows: MemoryRows, clock: Clock | None = None, pages: MemoryRows | None = None
) -> PushService:
    publisher = PushPublisher(cast("Sender", kafka), "donations.pushed", marks())
    clock, chance = clock or FixedClock(AT), SeededChance(1)
    reversals = Reversals(pages or MemoryRows("pages"))
    return PushService(
        Pushes(rows),
        publisher,
        clock,
        chance,
        reversals,
        PublishedProgrammes("p"),
        sorter=PushSorter(SHARDS),
        accept_days=ACCEPT_DAYS,
    )


def donation_lines(count: int = 40) -> list[bytes]:
    """Lines of so many merchants, so that each shard has some."""
    return [
        json.dumps(
            {"id": str(n), "merchant": f"M{n}", "programme": "p", "amount_fen": 1, "at": AT.isoformat()}
        ).encode()
        for n in range(count)
    ]


def incoming_of(*lines: bytes, key: str | None = "k", **changes: Any) -> IncomingPush:
    return IncomingPush("tb", key, b"\n".join(lines), PushLines(TextLines(*lines)), **changes)


def incoming(count: int = 40, key: str | None = "k", **changes: Any) -> IncomingPush:
    lines = donation_lines(count)
    return IncomingPush("tb", key, b"\n".join(lines), PushLines(TextLines(*lines)), **changes)


def incoming_nonsense() -> IncomingPush:
    """In this push nothing is a donation."""
    return IncomingPush("tb", "k", b"{}", PushLines(TextLines(b"{}")))


def incoming_reversals(*lines: bytes, key: str | None = "k", **changes: Any) -> IncomingPush:
    return IncomingPush("tb", key, b"\n".join(lines), PushLines(TextLines(*lines)), **changes)
