"""What can be wrong on this machine, and how to mend each."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pandapack.cache import cache_dir
from pandapack.local.errors import LocalError
from pandapack.local.java import find_java
from pandapack.local.kafka_jars import KAFKA_VERSION, check_jar, kafka_classpath, read_lock
from pandapack.local.keys import (
    DIGESTS_FILE,
    KEYS_FILE,
    SECRETS_KEY_FILE,
    SIGNING_KEY_FILE,
    SIGNING_PUBLIC_KEY_FILE,
    read_signing_key,
)
from pandapack.local.layout import Layout
from pandapack.local.mongo import LEAK, WHEEL, WHEEL_WARNING, find_mongod, leaks
from pandapack.local.ports import busy_port, is_free, is_held_below
from pandapack.local.probes import check_existing_kafka, check_existing_mongo
from pandapack.local.running import PID_FILE, running_in

PYTHON_MIN = (3, 11)
DISK_FREE_MB_MIN = 2_000
DISK_FREE_MB_WISHED = 10_000
MEMORY_MB_MIN = 1_500
MEMORY_MB_WISHED = 3_000
OPEN_FILES_MIN = 1_024
OPEN_FILES_WISHED = 16_384
# This software was not there before; a clock that says so is wrong, and signatures and keys would be too.
CLOCK_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK_BEHIND_MAX = timedelta(minutes=5)
BUSINESS_ZONE = "Asia/Shanghai"
OTHER_PLATFORMS = "Use docker compose, or set PANDA_KAFKA and PANDA_MONGO to servers of your own"

PRIVATE_FILES = (KEYS_FILE, DIGESTS_FILE, SECRETS_KEY_FILE, SIGNING_KEY_FILE)

Level = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `detail` is what was found, `mend` what to do about it (empty if nothing)."""

    name: str
    level: Level
    detail: str
    mend: str = ""


def examine(layout: Layout) -> tuple[Finding, ...]:
    """Look at everything that the stack of this layout needs; starts, fetches and changes nothing."""
    looks: tuple[tuple[str, Callable[[Layout], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("platform", _platform),
        ("kafka", _kafka),
        ("mongod", _mongod),
        ("ports", _ports),
        ("data", _data),
        ("signing key", _keys),
        ("disk", _disk),
        ("memory", _memory),
        ("open files", _open_files),
        ("clock", _clock),
    )
    found: list[Finding] = []
    for name, look in looks:
        try:
            found.extend(look(layout))
        except LocalError as error:
            found.append(Finding(name, "wrong", error.detail, error.mend))
        except OSError as error:
            found.append(Finding(name, "wrong", str(error), "Look at the rights of what it names"))
    return tuple(found)


def _python(_: Layout) -> Iterator[Finding]:
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= PYTHON_MIN:
        yield Finding("python", "ok", detail)
    else:
        wanted = ".".join(map(str, PYTHON_MIN))
        yield Finding("python", "wrong", detail, f"Install Python {wanted} or later, then: make env")


def _platform(layout: Layout) -> Iterator[Finding]:
    here = f"{platform.system()} {platform.machine()}"
    if here == "Linux x86_64":
        yield Finding("platform", "ok", f"{here}: Kafka and MongoDB can be embedded")
    elif layout.kafka and layout.mongo:
        yield Finding("platform", "ok", f"{here}: with existing servers")
    else:
        detail = f"{here}: servers are embedded on Linux x86_64 only; elsewhere they may run or not"
        yield Finding("platform", "warning", detail, OTHER_PLATFORMS)


def _kafka(layout: Layout) -> Iterator[Finding]:
    if layout.kafka:
        check_existing_kafka(layout.kafka)
        yield Finding("kafka", "ok", f"PANDA_KAFKA={layout.kafka} answers")
        return
    yield from _caught("java", _java)
    yield from _caught("kafka jars", _jars)


def _caught(name: str, look: Callable[[], Finding]) -> Iterator[Finding]:
    try:
        yield look()
    except LocalError as error:
        yield Finding(name, "wrong", error.detail, error.mend)


def _java() -> Finding:
    java = find_java()
    return Finding("java", "ok", f"{java.major} at {java.program} (by {java.found_by})")


def _jars() -> Finding:
    if home := os.environ.get("PANDA_KAFKA_HOME"):
        kafka_classpath()
        return Finding("kafka jars", "ok", f"PANDA_KAFKA_HOME={home}, used as it is")
    folder = cache_dir() / "kafka"
    jars = [jar for jar in read_lock() if jar.section == "broker"]
    there = [jar for jar in jars if (folder / jar.file_name).exists()]
    for jar in there:
        check_jar(jar, folder / jar.file_name)
    detail = f"Kafka {KAFKA_VERSION}: {len(there)} of {len(jars)} jars in {folder}, all as the lock says"
    return Finding("kafka jars", "ok", detail if len(there) == len(jars) else f"{detail}; the rest come at first start")


def _mongod(layout: Layout) -> Iterator[Finding]:
    if layout.mongo:
        check_existing_mongo(layout.mongo)
        yield Finding("mongod", "ok", "PANDA_MONGO answers")
        return
    found = find_mongod()
    detail = f"{found.version} at {found.program} (by {found.found_by})"
    mend = "For more than a try-out set PANDA_MONGO_BIN to a current mongod, or PANDA_MONGO"
    if found.found_by == WHEEL:
        yield Finding("mongod", "warning", f"{detail}: {WHEEL_WARNING}", mend)
    elif leaks(found.version):
        yield Finding("mongod", "warning", f"{detail}: older than the fix of {LEAK}; for the loopback only", mend)
    else:
        yield Finding("mongod", "ok", detail)


def _ports(layout: Layout) -> Iterator[Finding]:
    running = {one.what: one.holder for one in running_in(layout.data_dir)}
    if holder := running.get("stack"):
        yield Finding("ports", "ok", f"not looked at: the stack here is running (pid {holder.pid})")
        return
    busy = {name: port for name, port in layout.listeners().items() if not is_free(port)}
    if holder := running.get("demonstration"):
        held = {name: port for name, port in busy.items() if is_held_below(port, holder.pid)}
        listed = ", ".join(f"{name} {port}" for name, port in held.items()) or "no port that a stack here needs"
        detail = f"a demonstration runs in this folder (pid {holder.pid}, since {holder.since}) and holds {listed}"
        yield Finding("demonstration", "warning", detail, "All is well; to run a stack here: panda down")
        busy = {name: port for name, port in busy.items() if name not in held}
    for name, port in busy.items():
        error = busy_port(name, port)
        yield Finding(f"port {port}", "wrong", error.detail, error.mend)
    if not busy and not running:
        listed = ", ".join(f"{name} {port}" for name, port in layout.listeners().items())
        yield Finding("ports", "ok", f"free: {listed}" if listed else "none needed")


def _data(layout: Layout) -> Iterator[Finding]:
    folder = _existing(layout.data_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        yield Finding("data", "ok", f"{layout.data_dir.resolve()} can be written")
    except OSError as error:
        detail = f"{folder} cannot be written: {error.strerror}"
        yield Finding("data", "wrong", detail, "Run panda in a folder that you may write to")


def _keys(layout: Layout) -> Iterator[Finding]:
    for name in PRIVATE_FILES:
        file = layout.data_dir / name
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            yield Finding("keys", "wrong", f"{file} can be read by others", f"chmod 600 {file}")
    signing_key, public = layout.data_dir / SIGNING_KEY_FILE, layout.data_dir / SIGNING_PUBLIC_KEY_FILE
    if not signing_key.exists():
        yield Finding("signing key", "ok", "made at first start")
        return
    signer = read_signing_key(signing_key)
    if public.exists() and public.read_text().strip() != signer.public:
        detail = f"{public} is not the public half of {signing_key}: receipts cannot be checked with it"
        yield Finding("signing key", "wrong", detail, f"Delete {public}; it is made anew at the next start")
    else:
        yield Finding("signing key", "ok", f"{signing_key} signs receipts of the first form; keep a backup of it")


def _disk(layout: Layout) -> Iterator[Finding]:
    free_mb = shutil.disk_usage(_existing(layout.data_dir)).free // 1_000_000
    mend = "Free some, or run panda in a folder on another disk: Kafka and mongod end where theirs is full"
    yield _amount("disk", free_mb, DISK_FREE_MB_MIN, DISK_FREE_MB_WISHED, "MB free", mend)


def _memory(_: Layout) -> Iterator[Finding]:
    available_mb = memory_available_mb()
    if available_mb is None:
        yield Finding("memory", "warning", "this system does not tell how much memory is free")
        return
    mend = "Stop something else; Kafka takes 0.5 GB of heap, mongod 0.5 GB of cache, the services 0.1 GB each"
    yield _amount("memory", available_mb, MEMORY_MB_MIN, MEMORY_MB_WISHED, "MB free", mend)


def _open_files(_: Layout) -> Iterator[Finding]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        yield Finding("open files", "ok", "no limit")
        return
    mend = f"ulimit -Hn {OPEN_FILES_WISHED} as root, or raise nofile in /etc/security/limits.conf"
    yield _amount("open files", hard, OPEN_FILES_MIN, OPEN_FILES_WISHED, "allowed", mend)


def _clock(layout: Layout) -> Iterator[Finding]:
    now = datetime.now(UTC)
    mend = "Set the system's clock (timedatectl set-ntp true)"
    if now < CLOCK_EARLIEST:
        yield Finding("clock", "wrong", f"it is {now:%Y-%m-%d} by the system's clock", mend)
    elif (last := _last_start(layout.data_dir)) and last - now > CLOCK_BEHIND_MAX:
        detail = f"{layout.data_dir} was last used at {last:%Y-%m-%d %H:%M} UTC, which is still to come"
        yield Finding("clock", "wrong", detail, mend)
    else:
        yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")
    try:
        ZoneInfo(BUSINESS_ZONE)
    except ZoneInfoNotFoundError:
        yield Finding("time zones", "wrong", f"{BUSINESS_ZONE} is not known here", "pip install tzdata")


def _last_start(data_dir: Path) -> datetime | None:
    file = data_dir / PID_FILE
    return datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.exists() else None


def _amount(name: str, have: int, least: int, wished: int, unit: str, mend: str) -> Finding:
    detail = f"{have:,} {unit}"
    if have >= wished:
        return Finding(name, "ok", detail)
    if have >= least:
        return Finding(name, "warning", f"{detail}; {wished:,} would be comfortable", mend)
    return Finding(name, "wrong", f"{detail}; at least {least:,} are needed", mend)


def memory_available_mb() -> int | None:
    """What programs may still take, by the system or, where that is less, the container; None if unknown."""
    try:
        rows = Path("/proc/meminfo").read_text().splitlines()
        available_kb = next(int(row.split()[1]) for row in rows if row.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    available_mb = available_kb // 1_000
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return available_mb
    return available_mb if limit == "max" else min(available_mb, (int(limit) - used) // 1_000_000)


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    folder = folder.resolve()
    return next(one for one in (folder, *folder.parents) if one.exists())
