"""The peer: Kafka Streams with exactly_once_v2 on the same donations in the same run. Needs a JDK (javac ≥ 17).

It reads them as text, from topics of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.figures import Samples, percentile, rounded, steady_rate, visible_after_s
from benchmarks.load import Body, DataSet
from benchmarks.parts.latency import ASK_EVERY_S, LINES_A_PUSH, MS
from benchmarks.parts.ledger import Books, door_of, fill_with_text, pushing_to, send_push
from benchmarks.peer_jars import PEER_FOLDER, peer_classpath
from benchmarks.plan import Plan
from benchmarks.testbed import SHARDS, Testbed, log
from pandapack.local.errors import LocalError
from pandapack.local.java import find_java
from pandapack.runtime.topics import ensure_topics

TOPIC = "bench.streams"
LATENCY_TOPIC = "bench.streams-latency"
COUNT_EVERY_MS = 50
VISIBLE_EVERY_MS = 10
"""So often the peer tells how far it is where that is what is measured: as often as we ask our own totals."""
VISIBLE = ("kafka_streams_visible_ms_p50", "kafka_streams_visible_ms_p99")
COMPILE_WAIT_S = 120.0
RELEASE = "17"
HEAP_MB_MAX = 1024
LOG_TAIL_CHARACTERS = 2_000
NATIVE = "--enable-native-access=ALL-UNNAMED"
"""RocksDB is native code; Java from 24 on asks for this word."""
JAVA_MAJOR_NATIVE_MIN = 24


def measure(testbed: Testbed, plan: Plan, ours: Books) -> dict[str, Any]:
    """`kafka_streams_per_s`, or null and the reason. Raises RuntimeError where the peer counts otherwise than we do."""
    try:
        program = _program(testbed)
    except LocalError as error:
        log(f"no peer: {error.detail}")
        return {"kafka_streams_per_s": None, "kafka_streams": {"reason": error.detail}}
    fill_with_text(testbed, TOPIC, DataSet(plan.ledger, days=plan.days))
    log("Kafka Streams reads the same donations")
    samples: list[tuple[float, int]] = []
    job = Job("panda-peer", TOPIC, plan.ledger, COUNT_EVERY_MS)
    theirs, dropped = _run(testbed, program, job, plan.peer_wait_s, samples)
    if theirs != ours:
        raise RuntimeError(f"Kafka Streams counted {theirs}, the ledger {ours}")
    return {
        "kafka_streams_per_s": rounded(steady_rate(samples)),
        "kafka_streams": {"donations": theirs.donations, "duplicates": dropped},
    }


def measure_latency(testbed: Testbed, plan: Plan, per_s: float) -> dict[str, Any]:
    """`kafka_streams_visible_ms_p50` and `_p99` at our own part's rate, or null and the reason.

    Accepted: Kafka has acknowledged every record of a push; visible: the peer has processed so many, committed or not.
    What a JVM needs to start and to compile is not charged: the first `plan.warm` donations are not looked at.
    """
    try:
        program = _program(testbed)
    except LocalError as error:
        return {**dict.fromkeys(VISIBLE), "kafka_streams_latency": {"reason": error.detail}}
    data = DataSet(int(per_s * plan.latency_s), days=1, first=plan.warm)
    job = Job("panda-peer-latency", LATENCY_TOPIC, plan.warm + data.donations, VISIBLE_EVERY_MS)
    log(f"Kafka Streams gets {per_s:,.0f} donations a second for {plan.latency_s:.0f} s")
    samples: list[tuple[float, int]] = []
    asyncio.run(ensure_topics(testbed.stack.kafka, {LATENCY_TOPIC: SHARDS}, replication=1))
    with ThreadPoolExecutor(1) as writing:
        accepting = writing.submit(lambda: asyncio.run(_push(testbed, plan, data, per_s, lambda: _last_count(samples))))
        _run(testbed, program, job, plan.peer_wait_s, samples)
        accepted = accepting.result()
    shown = [(moment, count - plan.warm) for moment, count in samples]
    waits_ms = [wait_s * MS for wait_s in visible_after_s(accepted, shown)]
    return {
        "kafka_streams_visible_ms_p50": round(percentile(waits_ms, 50), 1),
        "kafka_streams_visible_ms_p99": round(percentile(waits_ms, 99), 1),
        "kafka_streams_latency": {
            "wanted_per_s": round(per_s),
            "pushes": len(waits_ms),
            "visible_ms_max": round(max(waits_ms), 1),
        },
    }


async def _push(
    testbed: Testbed, plan: Plan, data: DataSet, per_s: float, counted: Callable[[], int]
) -> list[tuple[float, int]]:
    """Fills the topic with what warms the peer, and then with the set at its rate: (moment, donations) acknowledged."""
    accepted: list[tuple[float, int]] = []
    door = door_of(testbed)
    pushes = (f"psh_{number:024x}" for number in count())

    async def push(producer: AIOKafkaProducer, parts: Mapping[int, Body]) -> None:
        await asyncio.gather(*await send_push(producer, LATENCY_TOPIC, next(pushes), parts, door))
        accepted.append((time.perf_counter(), sum(part.donations for part in parts.values())))

    async with pushing_to(testbed.stack.kafka) as producer:
        for parts in DataSet(plan.warm, days=1).bodies_by_shard(SHARDS, LINES_A_PUSH):
            await push(producer, parts)
        until_s = time.perf_counter() + plan.peer_wait_s
        while counted() < plan.warm:
            if time.perf_counter() > until_s:
                raise TimeoutError(f"the peer counted {counted():,} of {plan.warm:,} to get warm")
            await asyncio.sleep(ASK_EVERY_S)
        accepted.clear()
        began_s, sent, tasks = time.perf_counter(), 0, set[asyncio.Task[None]]()
        for parts in data.bodies_by_shard(SHARDS, LINES_A_PUSH):
            await asyncio.sleep(max(0.0, began_s + sent / per_s - time.perf_counter()))
            sent += sum(part.donations for part in parts.values())
            tasks.add(asyncio.create_task(push(producer, parts)))
        await asyncio.gather(*tasks)
    return accepted


@dataclass(frozen=True, slots=True)
class Program:
    """The peer, compiled: what Java is to be given to run it."""

    java: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What the peer is to do: as which application, on which topic, up to how many donations; it tells `every_ms`."""

    application: str
    topic: str
    donations: int
    every_ms: int


def _program(testbed: Testbed) -> Program:
    """Compiles the peer, once a testbed. Raises LocalError where there is no JDK or no jar."""
    javac = shutil.which("javac")
    if javac is None:
        raise LocalError("there is no javac on this machine: install a JDK of version 17 or later", "")
    classpath, classes, java = peer_classpath(), testbed.folder / "peer", find_java()
    if not classes.exists():
        command = [javac, "-cp", classpath, "--release", RELEASE, "-nowarn", "-d", str(classes)]
        source = str(PEER_FOLDER / "Peer.java")
        built = subprocess.run([*command, source], capture_output=True, text=True, timeout=COMPILE_WAIT_S, check=False)
        if built.returncode:
            raise LocalError(f"javac refused the peer: {built.stderr.strip()}", "")
    return Program(
        (
            str(java.program),
            f"-Xmx{HEAP_MB_MAX}m",
            *([NATIVE] if java.major >= JAVA_MAJOR_NATIVE_MIN else []),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            *("-cp", f"{classes}:{classpath}"),
        )
    )


def _run(
    testbed: Testbed, program: Program, job: Job, wait_s: float, samples: list[tuple[float, int]]
) -> tuple[Books, int]:
    """What the peer counted in the end and what it dropped; `samples` gets how far it was, while it runs."""
    state = testbed.folder / f"{job.application}-state"
    numbers_given = (str(state), str(job.donations), job.application, str(job.every_ms))
    command = [*program.java, "Peer", testbed.stack.kafka, job.topic, *numbers_given]
    log = testbed.folder / f"{job.application}.log"
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as peer:
        # A peer that hangs prints nothing, so nobody would look at the clock: a timer does.
        timer = threading.Timer(wait_s, peer.kill)
        timer.start()
        try:
            assert peer.stdout is not None, "it is a pipe"
            for line in peer.stdout:
                word, *numbers = line.split()
                if word == "counted":
                    samples.append((time.perf_counter(), int(numbers[0])))
                elif word == "totals":
                    donations, fen, duplicates, conflicts = map(int, numbers)
                    return Books(donations, fen), duplicates + conflicts
        finally:
            is_late = timer.finished.is_set()
            timer.cancel()
            peer.kill()
    if is_late:
        raise TimeoutError(f"the peer counted {_last_count(samples):,} of {job.donations:,} within {wait_s:.0f} s")
    tail = log.read_text()[-LOG_TAIL_CHARACTERS:]
    raise RuntimeError(f"the peer ended after {_last_count(samples):,} of {job.donations:,}; its log ends so: {tail}")


def _last_count(samples: Samples) -> int:
    """What the peer counted last."""
    return samples[-1][1] if samples else 0
