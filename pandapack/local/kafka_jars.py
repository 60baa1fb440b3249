"""Kafka's jars: from an unpacked distribution, or fetched by jgo and held against the committed lock.

`kafka.lock` names every artifact with its sha256 and no address. It is written anew by
`python -m pandapack.local.kafka_jars`, which resolves the roots below and hashes what it gets.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pandapack.backoff import Backoff
from pandapack.cache import cache_dir
from pandapack.local.errors import DataRefused, JarNotFetched, JarRefused

KAFKA_VERSION = "4.3.0"
# kafka_2.13 brings slf4j without a voice; without the bridge the broker logs nothing.
LOG4J_BRIDGE = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
ROOTS = {
    "broker": (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", LOG4J_BRIDGE),
    # The tools' own jar: all that the performance and admin tools need beside it is in the broker's list.
    "tools": (f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}",),
}
LOCK_FILE = Path(__file__).with_name("kafka.lock")
FETCHES_AT_ONCE = 4
FETCH_TRIES_MAX = 3
FETCH_PAUSES = Backoff(first_s=1.0, max_s=10.0)
FETCH_TIMEOUT_S = 30

Progress = Callable[[int, int, str], None]
"""Called with (jars done, jars in all, name of the last) as each jar is there."""


@dataclass(frozen=True)
class LockedJar:
    """One artifact: Maven coordinates and the sha256 of its jar, in hex."""

    section: str
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock(lock_file: Path = LOCK_FILE) -> tuple[LockedJar, ...]:
    """The lock's rows: `SECTION GROUP:ARTIFACT:VERSION SHA256`; `#` begins a remark."""
    jars = []
    for line in lock_file.read_text().splitlines():
        if line and not line.startswith("#"):
            section, coordinates, digest = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(LockedJar(section, group, artifact, version, digest))
    return tuple(jars)


def kafka_classpath(*, tools: bool = False, progress: Progress | None = None) -> str:
    """The classpath that runs Kafka, every jar of it checked; fetches what is not in the cache.

    `tools` adds kafka-tools (performance and admin programs). PANDA_KAFKA_HOME, an unpacked distribution, is
    used as it is: whoever unpacked it answers for it. Raises JarRefused, JarNotFetched, DataRefused.
    """
    if home := os.environ.get("PANDA_KAFKA_HOME"):
        return _classpath_of_home(Path(home).expanduser())
    wanted = [jar for jar in read_lock() if jar.section == "broker" or tools]
    folder = ensure_jars(wanted, cache_dir() / "kafka", progress)
    return os.pathsep.join(str(folder / jar.file_name) for jar in wanted)


def _classpath_of_home(home: Path) -> str:
    jars = sorted((home / "libs").glob("*.jar"))
    if not any(jar.name.startswith("kafka_2.13-") for jar in jars):
        raise DataRefused(
            f"PANDA_KAFKA_HOME={home} holds no libs/kafka_2.13-*.jar",
            "Point it to an unpacked Kafka distribution, or unset it to have Kafka fetched",
        )
    return os.pathsep.join(map(str, jars))


def ensure_jars(jars: Sequence[LockedJar], folder: Path, progress: Progress | None = None) -> Path:
    """Have every jar in the folder, checked against its hash on every call; returns the folder.

    Raises JarRefused for one that is there, or comes, with another hash; JarNotFetched for one that does not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = _missing(jars, folder)
    if not missing:
        return folder
    with _alone(folder / ".fetching"):
        missing = _missing(jars, folder)  # another start may have fetched them while this one waited
        with (
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch,
            ThreadPoolExecutor(FETCHES_AT_ONCE) as pool,
        ):
            done = len(jars) - len(missing)
            for jar in pool.map(lambda jar: _fetch(jar, Path(scratch), folder), missing):
                done += 1
                if progress:
                    progress(done, len(jars), jar.file_name)
    return folder


def _missing(jars: Sequence[LockedJar], folder: Path) -> list[LockedJar]:
    missing = []
    for jar in jars:
        if (path := folder / jar.file_name).exists():
            check_jar(jar, path)
        else:
            missing.append(jar)
    return missing


def check_jar(jar: LockedJar, path: Path) -> None:
    """Raise JarRefused unless the file is what the lock names."""
    found = sha256_of(path)
    if found != jar.sha256:
        raise JarRefused(
            f"{path} is not the {jar.file_name} of the lock: sha256 is {found}, should be {jar.sha256}",
            "Delete the file to have it fetched anew; if it happens again, do not trust where it comes from",
        )


def _fetch(jar: LockedJar, scratch: Path, folder: Path) -> LockedJar:
    """Fetch beside, check, then move in: what lies in the folder is whole and right, come what may."""
    for attempt in range(1, FETCH_TRIES_MAX + 1):
        try:
            path = _fetch_once(jar, scratch / str(attempt))
            break
        except Exception as error:  # jgo raises RuntimeError and whatever its HTTP client does
            if attempt == FETCH_TRIES_MAX:
                raise JarNotFetched(
                    f"could not fetch {jar.group}:{jar.artifact}:{jar.version}: {error}",
                    "Look at the network or proxy, or set PANDA_KAFKA_HOME to an unpacked Kafka "
                    "distribution, or PANDA_KAFKA=HOST:PORT to a running one",
                ) from error
            time.sleep(FETCH_PAUSES.pause_s(attempt))
    check_jar(jar, path)
    path.replace(folder / jar.file_name)
    return jar


def _fetch_once(jar: LockedJar, repository: Path) -> Path:
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)  # it warns of what the lock decides
    # A mirror of the site, set in jgo's own configuration file, is used; the hashes are the same anywhere.
    mirrors = dict(GlobalSettings.load().repositories) or None
    context = MavenContext(repo_cache=repository, local_repos=[], remote_repos=mirrors, timeout=FETCH_TIMEOUT_S)
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    return Path(component.artifact().resolve())


def sha256_of(path: Path) -> str:
    """The file's sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_lock(lock_file: Path = LOCK_FILE, all_roots: Mapping[str, Sequence[str]] = ROOTS) -> int:
    """Resolve the roots (section → coordinates) anew, hash what comes, write the lock; returns the number of jars."""
    import jgo

    rows: list[str] = []
    seen: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for section, roots in all_roots.items():
            artifacts = [one for root in roots for one in jgo.resolve(root)]
            if section == "tools":
                artifacts = artifacts[: len(roots)]
            for artifact in sorted(artifacts, key=lambda one: f"{one.groupId}:{one.artifactId}"):
                coordinates = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
                if artifact.packaging == "jar" and coordinates not in seen:
                    seen.add(coordinates)
                    jar = LockedJar(section, artifact.groupId, artifact.artifactId, artifact.version, "")
                    digest = sha256_of(_fetch_once(jar, Path(scratch)))
                    rows.append(f"{section} {coordinates} {digest}")
    remark = f"# Kafka {KAFKA_VERSION} as jgo resolves it: section, coordinates, sha256 of the jar"
    lock_file.write_text("\n".join([remark, *rows]) + "\n")
    return len(rows)


if __name__ == "__main__":
    print(f"{LOCK_FILE}: {write_lock()} jars")
