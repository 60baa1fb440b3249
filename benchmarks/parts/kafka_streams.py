"""The peer: Kafka Streams with exactly_once_v2 on the same topic in the same run. Needs a JDK (javac ≥ 17)."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Samples, steady_rate
from benchmarks.parts.ledger import TOPIC, Books
from benchmarks.peer_jars import PEER_FOLDER, peer_classpath
from benchmarks.plan import Plan
from benchmarks.testbed import Testbed, log
from pandapack.local.errors import LocalError
from pandapack.local.java import find_java

COMPILE_WAIT_S = 120.0
RELEASE = "17"
HEAP_MB_MAX = 1024
LOG_TAIL_CHARACTERS = 2_000
NATIVE = "--enable-native-access=ALL-UNNAMED"
"""RocksDB is native code; Java from 24 on asks for this word."""
JAVA_MAJOR_NATIVE_MIN = 24


def measure(testbed: Testbed, plan: Plan, ours: Books) -> dict[str, Any]:
    """`kafka_streams_per_s`, or null and the reason. Raises RuntimeError where the peer counts otherwise than we do."""
    javac = shutil.which("javac")
    if javac is None:
        return _without("there is no javac on this machine: install a JDK of version 17 or later")
    try:
        classpath = peer_classpath()
    except LocalError as error:
        return _without(str(error))
    classes = testbed.folder / "peer"
    command = [javac, "-cp", classpath, "--release", RELEASE, "-nowarn", "-d", str(classes)]
    built = subprocess.run(
        [*command, str(PEER_FOLDER / "Peer.java")], capture_output=True, text=True, timeout=COMPILE_WAIT_S, check=False
    )
    if built.returncode:
        return _without(f"javac refused the peer: {built.stderr.strip()}")
    log("Kafka Streams reads the same topic")
    samples, theirs, dropped = _run(testbed, plan, classpath, classes)
    if theirs != ours:
        raise RuntimeError(f"Kafka Streams counted {theirs}, the ledger {ours}")
    return {
        "kafka_streams_per_s": round(steady_rate(samples)),
        "kafka_streams": {"donations": theirs.donations, "duplicates": dropped},
    }


def _without(reason: str) -> dict[str, Any]:
    log(f"no peer: {reason}")
    return {"kafka_streams_per_s": None, "kafka_streams": {"reason": reason}}


def _run(testbed: Testbed, plan: Plan, classpath: str, classes: Path) -> tuple[list[tuple[float, int]], Books, int]:
    java = find_java()
    command = [
        str(java.program),
        f"-Xmx{HEAP_MB_MAX}m",
        *([NATIVE] if java.major >= JAVA_MAJOR_NATIVE_MIN else []),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        *("-cp", f"{classes}:{classpath}"),
        *("Peer", testbed.stack.kafka, TOPIC, str(testbed.folder / "peer-state"), str(plan.ledger)),
    ]
    log = testbed.folder / "peer.log"
    samples: list[tuple[float, int]] = []
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as peer:
        # A peer that hangs prints nothing, so nobody would look at the clock: a timer does.
        timer = threading.Timer(plan.peer_wait_s, peer.kill)
        timer.start()
        try:
            assert peer.stdout is not None, "it is a pipe"
            for line in peer.stdout:
                word, *numbers = line.split()
                if word == "counted":
                    samples.append((time.perf_counter(), int(numbers[0])))
                elif word == "totals":
                    donations, fen, duplicates, conflicts = map(int, numbers)
                    return samples, Books(donations, fen), duplicates + conflicts
        finally:
            is_late = timer.finished.is_set()
            timer.cancel()
            peer.kill()
    if is_late:
        raise TimeoutError(
            f"the peer counted {_last_count(samples):,} of {plan.ledger:,} within {plan.peer_wait_s:.0f} s"
        )
    tail = log.read_text()[-LOG_TAIL_CHARACTERS:]
    raise RuntimeError(f"the peer ended after {_last_count(samples):,} of {plan.ledger:,}; its log ends so: {tail}")


def _last_count(samples: Samples) -> int:
    """What the peer counted last."""
    return samples[-1][1] if samples else 0
