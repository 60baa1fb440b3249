"""The assembled stack: Kafka, mongod and, if asked for, the four services, on one machine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from pandapack.local import kafka, mongo
from pandapack.local.event_keys import ensure_event_keys, event_key_file
from pandapack.local.java import find_java
from pandapack.local.kafka_jars import Progress, kafka_classpath
from pandapack.local.keys import (
    DIGESTS_FILE,
    KEYS_FILE,
    OPERATOR_ROLE,
    SERVICE_ROLE,
    ensure_door_keys,
    ensure_keys,
    ensure_log_key,
    ensure_log_secret,
    ensure_secrets_key,
    ensure_signing_key,
)
from pandapack.local.layout import SERVICES, Layout
from pandapack.local.log_keys import ensure_log_public_keys, key_before_file, log_origin
from pandapack.local.platform import DONATIONS, register_platform
from pandapack.local.ports import LOOPBACK, check_free, setting_of
from pandapack.local.probes import answers_200, check_existing_kafka, check_existing_mongo
from pandapack.local.running import RunningLock, write_note
from pandapack.local.supervisor import ChildSpec, Supervisor

SERVICE_START_WAIT_S = 180.0
"""The first start compiles the ledger's loops: some seconds, and more than a minute where others need the machine."""
SERVICE_STOP_WAIT_S = 15.0
MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}
"""The C library keeps freed memory for each of many threads otherwise, and that of big arrays in holes."""

_log = logging.getLogger(__name__)


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
        return ensure_keys(self._data_dir, self.layout.platform)

    def start(self) -> None:
        """Start all and wait until each is ready; on any error everything is stopped again.

        Raises LocalError: AlreadyRunning, PortBusy, JavaMissing, JarRefused, JarNotFetched, MongodMissing,
        ServerUnreachable, DataRefused, ChildFailed.
        """
        self._lock.acquire()
        try:
            check_free(self.layout.listeners())
            ensure_keys(self._data_dir, self.layout.platform)
            ensure_signing_key(self._data_dir)
            ensure_secrets_key(self._data_dir)
            ensure_door_keys(self._data_dir)
            ensure_event_keys(self._data_dir)
            ensure_log_public_keys(self._data_dir)
            ensure_log_secret(self._data_dir)
            self._start_servers()
            if services := self.layout.started_services():
                self._report_start(", ".join(services), self._service_children())
                if DONATIONS in services:
                    register_platform(self.addresses[DONATIONS], self.keys[OPERATOR_ROLE], self.layout.platform)
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
        # What a person sets for services (PANDA_SHARDS, PANDA_ACCEPT_DAYS …) reaches them.
        env = dict(os.environ) | {
            "PANDA_KAFKA": self.kafka,
            "PANDA_MONGO": self.mongo,
            "PANDA_HOST": LOOPBACK,
            "PANDA_KEYS_FILE": str(self._data_dir / DIGESTS_FILE),
            "PANDA_SERVICE_KEY": self.keys[SERVICE_ROLE],
            "PANDA_SIGNING_KEY_FILE": str(ensure_signing_key(self._data_dir)),
            "PANDA_SECRETS_KEY": ensure_secrets_key(self._data_dir),
            "PANDA_DOOR_KEYS_FILE": str(ensure_door_keys(self._data_dir)),
            "PANDA_TRUST_FILE": str(ensure_event_keys(self._data_dir)),
            "PANDA_EVENT_KEY_FILE": str(event_key_file(self._data_dir, name)),
            "PANDA_LOG_KEY_FILE": str(ensure_log_key(self._data_dir)),
            "PANDA_LOG_ORIGIN": log_origin(),
            "PANDA_LOG_SECRET_FILE": str(ensure_log_secret(self._data_dir)),
            "PYTHONUNBUFFERED": "1",
            **MALLOC,
        }
        for service in SERVICES:
            env[setting_of(service)] = str(self.layout.port(service))
            env[f"PANDA_{service.upper()}_URL"] = f"http://{LOOPBACK}:{self.layout.port(service)}"
        if (before := key_before_file(self._data_dir)) is not None:
            env["PANDA_LOG_KEY_BEFORE_FILE"] = str(before)
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
            self._report_start(" and ".join(child.name for child in children), children)

    def _report_start(self, what: str, children: list[ChildSpec]) -> None:
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
