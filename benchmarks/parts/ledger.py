"""The ledger alone: records that lie in `donations.pushed` already → journaled pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.figures import steady_rate
from benchmarks.load import DataSet
from benchmarks.plan import Plan
from benchmarks.testbed import SHARDS, Collections, PageCounter, Testbed, log, sampled_until
from pandapack.contracts.door_mark import DoorKeys
from pandapack.contracts.pages import unpack
from pandapack.contracts.pushed import headers_of
from pandapack.local.keys import ensure_door_keys
from pandapack.local.layout import PLATFORM
from pandapack.runtime.sender import BATCH_BYTES, COMPRESSION, LINGER_MS, RECORD_BYTES_MAX
from pandapack.runtime.topics import ensure_topics

TOPIC = "donations.pushed"
ASK_EVERY_S = 0.05
WAIT_S = 600.0
PUSHES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Books:
    """What somebody counted on the topic."""

    donations: int
    received_fen: int


def fill(testbed: Testbed, data: DataSet) -> None:
    """Publishes the set as the push API does: a record for each push and shard."""
    log(f"filling {TOPIC} with {data.donations:,} donations of {data.days} days")
    door = DoorKeys.read(ensure_door_keys(testbed.stack.layout.data_dir).read_text())
    asyncio.run(_fill(testbed.stack.kafka, data, door))


async def _fill(kafka: str, data: DataSet, door: DoorKeys) -> None:
    await ensure_topics(kafka, {TOPIC: SHARDS}, replication=1)
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
        sends: list[asyncio.Future[Any]] = []
        for number, parts in enumerate(data.bodies_by_shard(SHARDS)):
            headers = headers_of(f"psh_{number:024x}", PLATFORM)
            for shard, part in parts.items():
                key = str(shard).encode()
                marked = door.mark(shard, headers, part.content)
                sent = await producer.send(TOPIC, part.content, key=key, partition=shard, headers=marked)
                sends.append(sent)
            if len(sends) >= PUSHES_AT_ONCE * SHARDS:
                await asyncio.gather(*sends)
                sends.clear()
        await asyncio.gather(*sends)
    finally:
        await producer.stop()


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """`ledger_per_s`, of a topic that is filled already. Raises RuntimeError where the ledger counts wrong."""
    names = [f"ledger-{number}" for number in range(1, plan.processes + 1)]
    with testbed.database("donations") as donations, testbed.service("donations", *names):
        log("the ledger writes them to pages")
        pages = PageCounter(donations)
        samples = sampled_until(pages.count, plan.ledger, every_s=ASK_EVERY_S, wait_s=WAIT_S, what="on pages")
        books = _books(donations)
    wanted = Books(plan.ledger, DataSet(plan.ledger, days=plan.days).fen())
    if books != wanted:
        raise RuntimeError(f"the ledger counted {books}, the topic holds {wanted}")
    return {
        "ledger_per_s": round(steady_rate(samples)),
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
