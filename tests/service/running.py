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

from pandapack.local.keys import DIGESTS_FILE, ensure_keys
from pandapack.local.ports import free_ports
from tests.stack import Servers

READY_WAIT_S = 60.0
STOP_WAIT_S = 20.0


@dataclass
class Running:
    """A running service: its process, its address and a key for each role."""

    name: str
    url: str
    keys: dict[str, str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    def client(self, role: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30.0, trust_env=False)

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
            if httpx.get(f"{service.url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{service.name} is not ready:\n{service.log.read_text()[-4000:]}")


@contextmanager
def running(
    name: str, servers: Servers, namespace: str, folder: Path, more: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Starts a service on a free port, waits until it is ready, and ends it."""
    keys = ensure_keys(folder)
    (port,) = free_ports(1)
    env = {
        **os.environ,
        "PANDA_KAFKA": servers.kafka,
        "PANDA_MONGO": servers.mongo,
        "PANDA_NAMESPACE": namespace,
        "PANDA_KEYS_FILE": str(folder / DIGESTS_FILE),
        f"PANDA_{name.upper()}_PORT": str(port),
        **(more or {}),
    }
    log = folder / f"{name}.log"
    service = Running(name, f"http://127.0.0.1:{port}", keys, env, log, _start(name, env, log))
    try:
        _await_ready(service)
        yield service
    finally:
        service.process.terminate()
        try:
            service.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            service.process.kill()
            service.process.wait()
