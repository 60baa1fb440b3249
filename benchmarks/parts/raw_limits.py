"""The limits beside which everything stands: Kafka's own perf tools, and bare page inserts into MongoDB."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pymongo import WriteConcern

from benchmarks.load import PROGRAMME, DataSet
from benchmarks.plan import Plan
from benchmarks.testbed import SHARDS, Collections, Testbed, log
from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import DAY_OFFSET_US
from pandapack.contracts.pages import pack
from pandapack.local.errors import LocalError
from pandapack.local.java import find_java
from pandapack.local.kafka_jars import kafka_classpath
from pandapack.runtime.topics import ensure_topics

TOPIC = "bench.raw"
RECORD_BYTES = 120
HEAP_MB_MAX = 512
TOOL_WAIT_S = 120.0
PAGE_ROWS = 8_192
US_A_S = 1_000_000
PRODUCER_SETTINGS = (
    "acks=all",
    "compression.type=lz4",
    "linger.ms=5",
    "batch.size=262144",
    "buffer.memory=67108864",
)


def measure(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    """`raw_limits`: records and pages a second; null with the reason where a tool does not run."""
    return {"raw_limits": {**_kafka(testbed, plan), **_mongo(testbed, plan)}}


def _kafka(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    try:
        classpath = kafka_classpath(tools=True)
    except LocalError as error:
        return {"kafka_producer_per_s": None, "kafka_consumer_per_s": None, "kafka_reason": str(error)}
    java = [str(find_java().program), f"-Xmx{HEAP_MB_MAX}m", "-cp", classpath]
    at, records = testbed.stack.kafka, str(plan.raw_records)
    log(f"Kafka's own tools: {plan.raw_records:,} records of {RECORD_BYTES} B")
    asyncio.run(ensure_topics(at, {TOPIC: SHARDS}, replication=1))
    sent = _tool(
        [
            *(*java, "org.apache.kafka.tools.ProducerPerformance", "--bootstrap-server", at, "--topic", TOPIC),
            *("--num-records", records, "--record-size", str(RECORD_BYTES), "--throughput", "-1"),
            *("--command-property", *PRODUCER_SETTINGS),
        ]
    )
    read = _tool(
        [
            *(*java, "org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", at, "--topic", TOPIC),
            *("--num-records", records),
        ]
    )
    return {"kafka_producer_per_s": produced_per_s(sent), "kafka_consumer_per_s": consumed_per_s(read)}


def _tool(command: list[str]) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_WAIT_S, check=False)
    if answer.returncode:
        raise RuntimeError(f"{command[4]} failed: {(answer.stderr or answer.stdout).strip()[-2000:]}")
    return answer.stdout


def produced_per_s(output: str) -> int:
    """Records a second of ProducerPerformance's last line."""
    rates = re.findall(r"([\d.]+) records/sec", output)
    assert rates, f"the producer's tool printed no rate: {output[-500:]!r}"
    return round(float(rates[-1]))


def consumed_per_s(output: str) -> int:
    """Records a second of ConsumerPerformance's table, without the time in which it joined its group."""
    names, values = (line.split(",") for line in output.strip().splitlines()[-2:])
    row = dict(zip((name.strip() for name in names), (value.strip() for value in values), strict=True))
    return round(float(row["fetch.nMsg.sec"]))


def _mongo(testbed: Testbed, plan: Plan) -> dict[str, Any]:
    page = pack(_columns(PAGE_ROWS))
    log(f"bare MongoDB: {plan.raw_pages:,} pages of {PAGE_ROWS:,} rows, {len(page):,} B each, journaled")
    with testbed.database("raw") as raw:
        one = _pages_per_s(raw, page, plan.raw_pages // 4, writers=1)
        all_at_once = _pages_per_s(raw, page, plan.raw_pages, writers=SHARDS)
    return {
        "mongo_pages_per_s_one_writer": round(one),
        "mongo_pages_per_s": round(all_at_once),
        "mongo_page_donations_per_s": round(all_at_once * PAGE_ROWS),
    }


def _pages_per_s(raw: Collections, page: bytes, count: int, *, writers: int) -> float:
    pages = raw.get_collection("pages", write_concern=WriteConcern("majority", j=True))
    pages.drop()
    began_s = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(lambda number: pages.insert_one({"_id": number, "columns": page}), range(count)))
    return count / (time.perf_counter() - began_s)


def _columns(rows: int) -> Columns:
    data = DataSet(rows, days=1)
    donations = (data.donation(k) for k in range(rows))
    return Columns.of(
        [
            Row(donation.id, donation.merchant, PROGRAMME, donation.amount_fen, row * US_A_S - DAY_OFFSET_US)
            for row, donation in enumerate(donations)
        ]
    )
