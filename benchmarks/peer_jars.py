"""The peer's jars: fetched by jgo and held against `kafka-streams/streams.lock`, as Kafka's own are.

`python -m benchmarks.peer_jars` writes the lock anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from pandapack.cache import cache_dir
from pandapack.local.kafka_jars import KAFKA_VERSION, Progress, ensure_jars, read_lock, write_lock

PEER_FOLDER = Path(__file__).with_name("kafka-streams")
LOCK_FILE = PEER_FOLDER / "streams.lock"
# kafka-streams brings slf4j without a voice; what the peer complains of must be seen.
ROOTS = {"streams": (f"org.apache.kafka:kafka-streams:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")}


def peer_classpath(progress: Progress | None = None) -> str:
    """The classpath that compiles and runs the peer, every jar of it checked. Raises JarRefused, JarNotFetched."""
    jars = read_lock(LOCK_FILE)
    folder = ensure_jars(jars, cache_dir() / "kafka-streams", progress)
    return os.pathsep.join(str(folder / jar.file_name) for jar in jars)


if __name__ == "__main__":
    print(f"{LOCK_FILE}: {write_lock(LOCK_FILE, ROOTS)} jars")
