"""One mongod, as a replica set of one, for one machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pandapack.cache import cache_dir
from pandapack.local.errors import MongodMissing
from pandapack.local.ports import LOOPBACK
from pandapack.local.supervisor import ChildSpec

if TYPE_CHECKING:  # the driver is imported once a mongod is asked, not by every command
    from pymongo import MongoClient

REPLICA_SET = "rs0"
WIREDTIGER_CACHE_GB = 0.5
SLOW_MS = 2_000
"""A query that takes longer is a line of mongod's log; with its own 100 ms two busy cores filled it with half a
megabyte a minute of what is slow because everything is."""
OPLOG_MB = 512
ANSWER_WAIT_MS = 1_000
VERSION_WAIT_S = 20.0
START_WAIT_S = 180.0
STOP_WAIT_S = 20.0

WHEEL = "fiftyone-db"
WHEEL_WARNING = (
    "the mongod of the wheel is 6.0.5, older than security fixes of 2025 (CVE-2025-14847 among them): "
    "for the embedded stack on the loopback only"
)

LEAK = "CVE-2025-14847"
"""Whoever reaches the port reads pieces of mongod's memory, without a password."""
LEAK_MENDED_IN = {(6, 0): 27, (7, 0): 28, (8, 0): 17, (8, 2): 3}
"""Series → its first patch without the leak; later series never had it, others were not mended."""

_NOT_YET_INITIALIZED = 94
_INVALID_REPLICA_SET_CONFIG = 93


@dataclass(frozen=True)
class Mongod:
    """A mongod that runs: its program, what it says of its version and where it was found."""

    program: Path
    version: str
    found_by: str


def find_mongod() -> Mongod:
    """The first mongod by PANDA_MONGO_BIN, PATH, then the fiftyone-db wheel.

    Raises MongodMissing, naming each that was tried. A wrong PANDA_MONGO_BIN is an error, not passed over.
    """
    tried: list[str] = []
    if named := os.environ.get("PANDA_MONGO_BIN"):
        candidates = [("PANDA_MONGO_BIN", Path(named).expanduser())]
    else:
        on_path = shutil.which("mongod")
        candidates = [("PATH", Path(on_path))] if on_path else []
        candidates += [(WHEEL, program) for program in _of_the_wheel()]
    for found_by, candidate in candidates:
        program = _runnable(candidate) if found_by == WHEEL else candidate
        if version := mongod_version(program):
            return Mongod(program, version, found_by)
        tried.append(f"{found_by} {program} (does not run)")
    listed = "; tried: " + ", ".join(tried) if tried else ""
    raise MongodMissing(
        f"no mongod{listed}",
        "Install MongoDB and set PANDA_MONGO_BIN to its mongod, install the wheel on Linux x86-64 "
        "(pip install 'pandapack[local]'; it needs OpenSSL 3), or set PANDA_MONGO to a running replica set",
    )


def _of_the_wheel() -> list[Path]:
    # A namespace package without code of its own: only where it lies matters.
    spec = importlib.util.find_spec("fiftyone")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    programs = (Path(folder) / "db" / "bin" / "mongod" for folder in folders)
    return [program for program in programs if program.exists()]


def _runnable(program: Path) -> Path:
    """The program with its run bit set; a copy in the cache where the installed one may not be touched."""
    if os.access(program, os.X_OK):
        return program
    try:
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return program
    except OSError:
        copy = cache_dir() / "mongod" / "mongod"
        if not copy.exists() or copy.stat().st_size != program.stat().st_size:
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_suffix(f".{os.getpid()}")
            shutil.copyfile(program, partial)
            partial.chmod(0o755)
            partial.replace(copy)
        return copy


def mongod_version(program: Path) -> str | None:
    """The version that the program says it is, such as "6.0.5"; None if it does not run."""
    try:
        answer = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=VERSION_WAIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    first = answer.stdout.partition("\n")[0]
    return first.rpartition(" v")[2] or None


def leaks(version: str) -> bool:
    """Whether a mongod of this version ("6.0.5", "8.0.17-rc1") has `LEAK`. One that cannot be read does."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None:
        return True
    major, minor, patch = map(int, numbers.groups())
    if (major, minor) > max(LEAK_MENDED_IN):
        return False
    mended_in = LEAK_MENDED_IN.get((major, minor))
    return mended_in is None or patch < mended_in


def uri_of(port: int) -> str:
    """The URI of an embedded mongod: straight to this one member, whatever its set thinks it is called."""
    return f"mongodb://{LOOPBACK}:{port}/?directConnection=true&replicaSet={REPLICA_SET}"


@dataclass
class Mongo:
    """Where one embedded mongod lives. `folder` is its dbpath."""

    folder: Path
    log_file: Path
    mongod: Mongod
    port: int
    stop_wait_s: float = STOP_WAIT_S
    _client: MongoClient[dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def uri(self) -> str:
        """What services are given."""
        return uri_of(self.port)

    def prepare(self) -> None:
        """Make the dbpath."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def child(self) -> ChildSpec:
        """What the supervisor starts; `prepare` comes first."""
        return ChildSpec(
            name="mongod",
            argv=(
                str(self.mongod.program),
                *("--dbpath", str(self.folder.resolve())),
                *("--port", str(self.port)),
                *("--bind_ip", LOOPBACK),
                "--nounixsocket",
                *("--replSet", REPLICA_SET),
                *("--oplogSize", str(OPLOG_MB)),
                *("--wiredTigerCacheSizeGB", str(WIREDTIGER_CACHE_GB)),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                *("--slowms", str(SLOW_MS)),
                "--quiet",
            ),
            env=dict(os.environ),
            log_file=self.log_file,
            ready=self.ready,
            start_wait_s=START_WAIT_S,
            stop_wait_s=self.stop_wait_s,
        )

    def ready(self) -> bool:
        """Whether it takes writes as primary; on the way there, make or mend the set of one.

        Raises pymongo's errors while it does not answer.
        """
        from pymongo.errors import OperationFailure

        admin = self._connect().admin
        try:
            status = admin.command("replSetGetStatus")
        except OperationFailure as refused:
            if refused.code == _NOT_YET_INITIALIZED:
                admin.command("replSetInitiate", self._set_of_one(version=1))
            elif refused.code == _INVALID_REPLICA_SET_CONFIG:
                self._adopt_port()
            else:
                raise
            return False
        if status["myState"] == 1:
            return bool(admin.command("hello")["isWritablePrimary"])
        return False

    def close(self) -> None:
        """Close the connection that readiness is asked on."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> MongoClient[dict[str, Any]]:
        from pymongo import MongoClient

        if self._client is None:
            self._client = MongoClient(
                LOOPBACK,
                self.port,
                directConnection=True,
                serverSelectionTimeoutMS=ANSWER_WAIT_MS,
                connectTimeoutMS=ANSWER_WAIT_MS,
                socketTimeoutMS=5 * ANSWER_WAIT_MS,
            )
        return self._client

    def _adopt_port(self) -> None:
        """The data were made under another port: the member does not find itself in its set."""
        admin = self._connect().admin
        local = self._connect().get_database("local")
        known = local.get_collection("system.replset").find_one() or {"version": 0}
        admin.command("replSetReconfig", self._set_of_one(version=int(known["version"]) + 1), force=True)

    def _set_of_one(self, *, version: int) -> dict[str, Any]:
        return {
            "_id": REPLICA_SET,
            "version": version,
            "members": [{"_id": 0, "host": f"{LOOPBACK}:{self.port}"}],
        }
