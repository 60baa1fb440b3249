"""The assembled stack: Kafka, mongod and, if asked for, the four services, on one machine."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from pandapack.local import kafka, mongo
from pandapack.local.errors import LocalError, ServerUnreachable
from pandapack.local.java import find_java
from pandapack.local.kafka_jars import Progress, kafka_classpath
from pandapack.local.keys import (
    DIGESTS_FILE,
    KEYS_FILE,
    SERVICE_ROLE,
    ensure_head_key,
    ensure_keys,
    ensure_page_secret,
    ensure_secrets_key,
)
from pandapack.local.ports import LOOPBACK, check_free, free_ports, setting_of
from pandapack.local.running import RunningLock, write_note
from pandapack.local.supervisor import ChildSpec, Supervisor

SERVICES = ("donations", "procurement", "logistics", "reporting")
DEFAULT_PORTS: Mapping[str, int] = {
    "kafka": 9092,
    "kafka-controller": 9093,
    "mongo": 27017,
    "donations": 8101,
    "procurement": 8102,
    "logistics": 8103,
    "reporting": 8100,
}
DATA_DIR = Path(".panda")
SERVICE_START_WAIT_S = 60.0
SERVICE_STOP_WAIT_S = 15.0
READYZ_WAIT_S = 2.0
MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}
"""The C library keeps freed memory for each of many threads otherwise, and that of big arrays in holes."""
EXISTING_WAIT_S = 5.0

_log = logging.getLogger(__name__)


def service_command(name: str) -> tuple[str, ...]:
    """How a service of this name is started."""
    return (sys.executable, "-m", f"services.{name}.app")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the stack is made of and where it lives.

    ports: by name; those not named are the defaults.
    services: which of the four, if with_services.
    service_env: environment for every service, over everything that the stack sets.
    kafka, mongo: "HOST:PORT" and URI of existing servers; None starts an embedded one.
    keep_data: False for a stack whose data nobody wants again: its servers are killed, not stopped.
    command: how a service is started; tests put a stand-in here.
    """

    data_dir: Path = DATA_DIR
    ports: Mapping[str, int] = field(default_factory=dict)
    with_services: bool = True
    services: tuple[str, ...] = SERVICES
    service_env: Mapping[str, str] = field(default_factory=dict)
    kafka: str | None = None
    mongo: str | None = None
    keep_data: bool = True
    command: Callable[[str], tuple[str, ...]] = service_command

    @classmethod
    def from_environment(
        cls,
        *,
        data_dir: Path = DATA_DIR,
        with_services: bool = True,
        service_env: Mapping[str, str] | None = None,
    ) -> Layout:
        """What PANDA_KAFKA, PANDA_MONGO and PANDA_…_PORT say. Raises LocalError for a port that is none."""
        return cls(
            data_dir=data_dir,
            ports={name: _port_from_environment(name, port) for name, port in DEFAULT_PORTS.items()},
            with_services=with_services,
            service_env=service_env or {},
            kafka=os.environ.get("PANDA_KAFKA") or None,
            mongo=os.environ.get("PANDA_MONGO") or None,
        )

    @classmethod
    def on_free_ports(cls, data_dir: Path, **more: Any) -> Layout:
        """A layout of its own beside whatever else runs; `more` as for Layout."""
        ports = dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True))
        return cls(data_dir=data_dir, ports=ports, **more)

    def port(self, name: str) -> int:
        return self.ports.get(name, DEFAULT_PORTS[name])

    def started_services(self) -> tuple[str, ...]:
        return self.services if self.with_services else ()

    def listeners(self) -> dict[str, int]:
        """The ports that this stack itself listens on, by name."""
        names: list[str] = []
        names += [] if self.kafka else ["kafka", "kafka-controller"]
        names += [] if self.mongo else ["mongo"]
        names += self.started_services()
        return {name: self.port(name) for name in names}


class Stack:
    """Starts and stops everything; a context manager.

    `report` gets one line for each thing worth telling; `progress` is told of each jar that is fetched.
    """

    def __init__(
        self,
        layout: Layout,
        report: Callable[[str], None] = _log.info,
        progress: Progress | None = None,
    ) -> None:
        self.layout = layout
        self._data_dir = layout.data_dir.resolve()
        self._report = report
        self._progress = progress
        self._lock = RunningLock(self._data_dir)
        self._mongo: mongo.Mongo | None = None
        self._up = False
        self.supervisor = Supervisor(report, self._note)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def kafka(self) -> str:
        """ "HOST:PORT" of Kafka."""
        return self.layout.kafka or f"{LOOPBACK}:{self.layout.port('kafka')}"

    @property
    def mongo(self) -> str:
        """The URI of MongoDB."""
        if self.layout.mongo:
            return self.layout.mongo
        return mongo.uri_of(self.layout.port("mongo"))

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything is: kafka, mongo and, with services, each one's URL, the page and operations."""
        addresses = {"kafka": self.kafka, "mongo": self.mongo}
        services = self.layout.started_services()
        addresses |= {name: f"http://{LOOPBACK}:{self.layout.port(name)}" for name in services}
        if reporting := addresses.get("reporting"):
            addresses |= {"page": f"{reporting}/", "operations": f"{reporting}/ops"}
        return addresses

    @property
    def keys(self) -> dict[str, str]:
        """The secret of each role."""
        return ensure_keys(self._data_dir)

    def start(self) -> None:
        """Start all and wait until each is ready; on any error everything is stopped again.

        Raises LocalError: AlreadyRunning, PortBusy, JavaMissing, JarRefused, JarNotFetched, MongodMissing,
        ServerUnreachable, DataRefused, ChildFailed.
        """
        self._lock.take()
        try:
            check_free(self.layout.listeners())
            ensure_keys(self._data_dir)
            ensure_page_secret(self._data_dir)
            ensure_head_key(self._data_dir)
            ensure_secrets_key(self._data_dir)
            self._start_servers()
            if services := self.layout.started_services():
                self._say_while(", ".join(services), self._service_children())
            self._up = True
            self._note()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all in reverse order and let go of the data directory. Safe to repeat."""
        self._up = False
        self.supervisor.stop()
        if self._mongo is not None:
            self._mongo.close()
        self._lock.release()

    def services_env(self, name: str) -> dict[str, str]:
        """The whole environment of a service, or of another program that shall find this stack."""
        # What a person sets for services (PANDA_LINES, PANDA_ACCEPT_DAYS …) reaches them.
        env = dict(os.environ) | {
            "PANDA_KAFKA": self.kafka,
            "PANDA_MONGO": self.mongo,
            "PANDA_HOST": LOOPBACK,
            "PANDA_KEYS_FILE": str(self._data_dir / DIGESTS_FILE),
            "PANDA_SERVICE_KEY": self.keys[SERVICE_ROLE],
            "PANDA_PAGE_SECRET": ensure_page_secret(self._data_dir),
            "PANDA_HEAD_KEY_FILE": str(ensure_head_key(self._data_dir)),
            "PANDA_SECRETS_KEY": ensure_secrets_key(self._data_dir),
            "PYTHONUNBUFFERED": "1",
            **MALLOC,
        }
        for service in SERVICES:
            env[setting_of(service)] = str(self.layout.port(service))
            env[f"PANDA_{service.upper()}_URL"] = f"http://{LOOPBACK}:{self.layout.port(service)}"
        return env | dict(self.layout.service_env)

    def _start_servers(self) -> None:
        children: list[ChildSpec] = []
        if self.layout.kafka:
            check_existing_kafka(self.layout.kafka)
        else:
            children.append(self._kafka_child())
        if self.layout.mongo:
            check_existing_mongo(self.layout.mongo)
        else:
            children.append(self._mongo_child())
        if children:
            self._say_while(" and ".join(child.name for child in children), children)

    def _say_while(self, what: str, children: list[ChildSpec]) -> None:
        begun_s = time.monotonic()
        self._report(f"starting {what}")
        self.supervisor.start(*children)
        self._report(f"{what} ready after {time.monotonic() - begun_s:.1f} s")

    def _kafka_child(self) -> ChildSpec:
        broker = kafka.Kafka(
            folder=self._data_dir / "kafka",
            log_file=self._log_file("kafka"),
            java=find_java(),
            classpath=kafka_classpath(progress=self._progress),
            port=self.layout.port("kafka"),
            controller_port=self.layout.port("kafka-controller"),
            stop_wait_s=kafka.STOP_WAIT_S if self.layout.keep_data else 0.0,
        )
        broker.prepare()
        return broker.child()

    def _mongo_child(self) -> ChildSpec:
        found = mongo.find_mongod()
        if found.found_by == mongo.WHEEL:
            _log.debug(mongo.WHEEL_WARNING)
        self._mongo = mongo.Mongo(
            folder=self._data_dir / "mongod",
            log_file=self._log_file("mongod"),
            mongod=found,
            port=self.layout.port("mongo"),
            stop_wait_s=mongo.STOP_WAIT_S if self.layout.keep_data else 0.0,
        )
        self._mongo.prepare()
        return self._mongo.child()

    def _service_children(self) -> list[ChildSpec]:
        return [
            ChildSpec(
                name=name,
                argv=self.layout.command(name),
                env=self.services_env(name),
                log_file=self._log_file(name),
                ready=partial(answers_200, f"{self.addresses[name]}/readyz"),
                start_wait_s=SERVICE_START_WAIT_S,
                stop_wait_s=SERVICE_STOP_WAIT_S,
            )
            for name in self.layout.started_services()
        ]

    def _log_file(self, name: str) -> Path:
        return self._data_dir / "logs" / f"{name}.log"

    def _note(self) -> None:
        """Written when all is up, and again whenever a child has a new process."""
        if not self._up:
            return
        write_note(
            self._data_dir,
            {
                "pid": os.getpid(),
                "since": self._lock.since,
                "addresses": self.addresses,
                "keys": str(self._data_dir / KEYS_FILE),
                "logs": str(self._data_dir / "logs"),
                "children": {child.name: child.pid for child in self.supervisor.statuses()},
            },
        )


def answers_200(url: str) -> bool:
    """Whether a GET answers 200 in time; anything else, a refused connection too, is "no"."""
    # The loopback is never behind a proxy, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=READYZ_WAIT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def check_existing_kafka(address: str) -> None:
    """Raise ServerUnreachable unless one of the brokers of "HOST:PORT[,HOST:PORT…]" accepts a connection."""
    for one in address.split(","):
        host, _, port = one.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=EXISTING_WAIT_S):
                return
        except (OSError, ValueError):
            continue
    raise ServerUnreachable(
        f"no Kafka answers at PANDA_KAFKA={address}", "Start it, correct it, or unset it for an embedded one"
    )


def check_existing_mongo(uri: str) -> None:
    """Raise ServerUnreachable unless a replica set or a sharded cluster answers at the URI."""
    mend = "Start it, correct it, or unset it for an embedded one"
    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=int(EXISTING_WAIT_S * 1000)) as client:
            hello = client.admin.command("hello")
    except PyMongoError as error:
        raise ServerUnreachable(f"no MongoDB answers at PANDA_MONGO: {error}", mend) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise ServerUnreachable(
            "the MongoDB at PANDA_MONGO is neither a replica set nor a sharded cluster",
            "Start its mongod with --replSet and initiate the set: majority writes need it",
        )


def _port_from_environment(name: str, otherwise: int) -> int:
    setting = setting_of(name)
    value = os.environ.get(setting, "")
    if not value:
        return otherwise
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise LocalError(f"{setting}={value} is not a port", "Set it to a number from 1 to 65535")
    return int(value)
