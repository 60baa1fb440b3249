"""What a stack is made of and where it lives: names, ports, folders. Nothing is started here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pandapack.local.errors import LocalError
from pandapack.local.ports import free_ports, setting_of

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
PLATFORM = "local"


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
    platform: the id of the platform that is registered at the first start, whose the key for the role `platform` is.
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
    platform: str = PLATFORM
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


def _port_from_environment(name: str, otherwise: int) -> int:
    setting = setting_of(name)
    value = os.environ.get(setting, "")
    if not value:
        return otherwise
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise LocalError(f"{setting}={value} is not a port", "Set it to a number from 1 to 65535")
    return int(value)
