"""A service as a process of its own on the shared servers, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pymongo import MongoClient

from pandapack.local.event_keys import ensure_event_keys, event_key_file
from pandapack.local.keys import (
    DIGESTS_FILE,
    OPERATOR_ROLE,
    ensure_door_keys,
    ensure_keys,
    ensure_log_key,
    ensure_log_secret,
)
from pandapack.local.layout import PLATFORM
from pandapack.local.platform import DONATIONS, register_platform
from pandapack.local.ports import free_ports
from tests.service.described import Described
from tests.stack import Servers

READY_WAIT_S = 180.0
STOP_WAIT_S = 60.0


@dataclass
class Running:
    """A running service: its process, its address, a key for each role, and the folder with its keys and its log."""

    name: str
    url: str
    keys: dict[str, str]
    env: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def database(self) -> str:
        """The name of its own database."""
        return f"{self.env['PANDA_NAMESPACE']}_panda_{self.name}"

    def topic(self, name: str) -> str:
        """A topic's real name."""
        return f"{self.env['PANDA_NAMESPACE']}.{name}"

    def client(self, role: str) -> httpx.Client:
        """With a role's key. What it is answered must be as the service's OpenAPI says."""
        return self.client_of(self.keys[role])

    def client_of(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        hooks = {"response": [Described(self.url).check]}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False, event_hooks=hooks)

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def start_again(self) -> None:
        self.start_unready()
        _await_ready(self)

    def start_unready(self) -> None:
        """Starts it where it is not expected to become ready."""
        self.process = _start(self.name, self.env, self.log)


def _start(name: str, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, "-m", f"services.{name}.app"], env=env, stderr=file, stdout=file)


def _await_ready(service: Running) -> None:
    until_s = time.monotonic() + READY_WAIT_S
    while time.monotonic() < until_s:
        assert service.process.poll() is None, service.log.read_text()[-4000:]
        try:
            if httpx.get(f"{service.url}/readyz", trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{service.name} is not ready:\n{service.log.read_text()[-4000:]}")


@contextmanager
def running(
    name: str, servers: Servers, namespace: str, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Starts a service on a free port, waits until it is ready, and ends it; its database is gone with it."""
    keys = ensure_keys(folder, PLATFORM)
    (port,) = free_ports(1)
    env = {
        **os.environ,
        "PANDA_KAFKA": servers.kafka,
        "PANDA_MONGO": servers.mongo,
        "PANDA_NAMESPACE": namespace,
        "PANDA_KEYS_FILE": str(folder / DIGESTS_FILE),
        "PANDA_TRUST_FILE": str(ensure_event_keys(folder)),
        "PANDA_EVENT_KEY_FILE": str(event_key_file(folder, name)),
        "PANDA_DOOR_KEYS_FILE": str(ensure_door_keys(folder)),
        "PANDA_LOG_KEY_FILE": str(ensure_log_key(folder)),
        "PANDA_LOG_SECRET_FILE": str(ensure_log_secret(folder)),
        "PANDA_LOG_QUIET_S": "1",  # gifts of tests are nobody's: none is held for others to come
        f"PANDA_{name.upper()}_PORT": str(port),
        **(settings or {}),
    }
    process = _start(name, env, folder / f"{name}.log")
    service = Running(name, f"http://127.0.0.1:{port}", keys, env, folder, process)
    try:
        _await_ready(service)
        if name == DONATIONS:
            register_platform(service.url, keys[OPERATOR_ROLE], PLATFORM)
        yield service
    finally:
        _end(service)
        _drop(service, servers)


@contextmanager
def another_process(other: Running, folder: Path, settings: Mapping[str, str]) -> Iterator[Running]:
    """Another process of a running service, with the same keys and database; its log is in a folder of its own."""
    (port,) = free_ports(1)
    env = {**other.env, f"PANDA_{other.name.upper()}_PORT": str(port), **settings}
    process = _start(other.name, env, folder / f"{other.name}.log")
    service = Running(other.name, f"http://127.0.0.1:{port}", other.keys, env, folder, process)
    try:
        _await_ready(service)
        yield service
    finally:
        _end(service)


def _end(service: Running) -> None:
    service.process.terminate()
    try:
        service.process.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()


def _drop(service: Running, servers: Servers) -> None:
    with MongoClient[dict[str, object]](servers.mongo) as client:
        client.drop_database(service.database)
