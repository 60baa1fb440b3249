"""The ledger alone: records that lie in `donations.pushed` already → journaled pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.figures import rounded, steady_rate
from benchmarks.load import START, Body, DataSet
from benchmarks.plan import Plan
from benchmarks.testbed import SHARDS, Collections, PageCounter, Testbed, log, sampled_until
from pandapack.contracts.door_mark import DoorKeys
from pandapack.contracts.pages import unpack
from pandapack.contracts.pushed import headers_of
from pandapack.contracts.pushed_columns import rows_claimed
from pandapack.local.keys import ensure_door_keys
from pandapack.local.layout import PLATFORM
from pandapack.runtime.sender import BATCH_BYTES, COMPRESSION, LINGER_MS, RECORD_BYTES_MAX
from pandapack.runtime.topics import ensure_topics
from services.donations.pushes.domain.sorting import PushSorter
from services.donations.validation.domain.text_lines import TextLines

TOPIC = "donations.pushed"
ASK_EVERY_S = 0.02
WAIT_S = 600.0
PUSHES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Books:
    """What somebody counted on the topic."""

    donations: int
    received_fen: int


def fill(testbed: Testbed, data: DataSet) -> None:
    """Publishes the set as the push API does: a record of columns for each push and shard."""
    log(f"filling {TOPIC} with {data.donations:,} donations of {data.days} days")
    asyncio.run(_fill(testbed.stack.kafka, TOPIC, _columns(data), door_of(testbed)))


def fill_with_text(testbed: Testbed, topic: str, data: DataSet) -> None:
    """Publishes the same records as lines to a topic of their own, for who cannot read columns."""
    log(f"filling {topic} with the same donations as text")
    asyncio.run(_fill(testbed.stack.kafka, topic, data.bodies_by_shard(SHARDS), door_of(testbed)))


def _columns(data: DataSet) -> Iterator[dict[int, Body]]:
    """Shard → its part of a push, as columns."""
    sorter, first = PushSorter(SHARDS), datetime.fromisoformat(f"{START}Z")
    now, accept_days = first + timedelta(days=data.days), data.days + 1
    for body in data.bodies():
        push = sorter.sort(TextLines(body.content), PLATFORM, now=now, accept_days=accept_days)
        assert push.accepted == body.donations, "every line of the data set is a donation"
        yield {shard: Body(value, rows_claimed(value)) for shard, value in push.by_shard.items()}


async def _fill(kafka: str, topic: str, pushes: Iterator[dict[int, Body]], door: DoorKeys) -> None:
    await ensure_topics(kafka, {topic: SHARDS}, replication=1)
    async with pushing_to(kafka) as producer:
        sends: list[asyncio.Future[Any]] = []
        for number, parts in enumerate(pushes):
            sends += await send_push(producer, topic, f"psh_{number:024x}", parts, door)
            if len(sends) >= PUSHES_AT_ONCE * SHARDS:
                await asyncio.gather(*sends)
                sends.clear()
        await asyncio.gather(*sends)


@asynccontextmanager
async def pushing_to(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer with the settings of the push API's."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        acks="all",
        enable_idempotence=True,
        compression_type=COMPRESSION,
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES,
        max_request_size=RECORD_BYTES_MAX,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send_push(
    producer: AIOKafkaProducer, topic: str, push: str, parts: Mapping[int, Body], door: DoorKeys
) -> list[asyncio.Future[Any]]:
    """A push's records, one for each shard, marked as the door marks them, on their way."""
    headers = headers_of(push, PLATFORM)
    return [
        await producer.send(
            topic,
            part.content,
            key=str(shard).encode(),
            partition=shard,
            headers=door.mark(shard, headers, part.content),
        )
        for shard, part in parts.items()
    ]


def door_of(testbed: Testbed) -> DoorKeys:
    """What the door of this stack marks records with."""
    return DoorKeys.read(ensure_door_keys(testbed.stack.layout.data_dir).read_text())


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """`ledger_per_s`, of a topic that is filled already. Raises RuntimeError where the ledger counts wrong.

    Looked at from before the start on: a short topic is on pages before all processes say that they are ready.
    """
    names = [f"ledger-{number}" for number in range(1, plan.processes + 1)]
    with testbed.database("donations") as donations, ThreadPoolExecutor(1) as looking:
        count = PageCounter(donations).count
        waits = {"every_s": ASK_EVERY_S, "wait_s": WAIT_S}
        found = looking.submit(sampled_until, count, plan.ledger, **waits, what="on pages")
        with testbed.service("donations", *names):
            log("the ledger writes them to pages")
            samples = found.result()
            books = _books(donations)
    wanted = Books(plan.ledger, DataSet(plan.ledger, days=plan.days).fen())
    if books != wanted:
        raise RuntimeError(f"the ledger counted {books}, the topic holds {wanted}")
    return {
        "ledger_per_s": rounded(steady_rate(samples)),
        "ledger": {
            "donations": plan.ledger,
            "days": plan.days,
            "donations_processes": plan.processes,
            "received_fen": books.received_fen,
        },
    }


def _books(donations: Collections) -> Books:
    """Read from the rows themselves."""
    count = fen = 0
    for row in donations.pages.find({}, {"columns": 1}):
        columns = unpack(bytes(row["columns"]))
        count += len(columns)
        fen += int(np.sum(columns.amounts_fen))
    return Books(count, fen)
