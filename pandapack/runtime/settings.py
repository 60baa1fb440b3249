"""What every service reads from its environment, prefix `PANDA_`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pandapack.runtime.clock import BusinessClock

SHARDS_DEFAULT = 8
EVENT_PARTITIONS = 4


class RuntimeSettings(BaseSettings):
    """Shared settings. Each service's `settings.py` adds its port and what only it knows.

    `trusted_proxies`: addresses and networks, commas between them, whose X-Forwarded-For and -Proto are believed;
    nobody's are by default. `pages_by_tls`: browsers get pages by TLS only, so that sessions never travel without it.
    """

    model_config = SettingsConfigDict(env_prefix="PANDA_", extra="ignore", frozen=True)

    kafka: str = "127.0.0.1:9092"
    mongo: str = "mongodb://127.0.0.1:27017/?directConnection=true"
    host: str = "127.0.0.1"
    port: int = 0
    namespace: str = ""
    keys_file: Path | None = None
    trust_file: Path | None = None
    """The public keys whose events are believed (`contracts.event_keys.TrustList`); one file for all services."""
    event_key: str = Field(default="", repr=False)
    event_key_file: Path | None = None
    """The private key (Ed25519, 32 bytes in hex) that this service signs its events with: itself, or its file."""
    trusted_proxies: str = ""
    pages_by_tls: bool = False
    service_key: str = ""
    shards: int = Field(default=SHARDS_DEFAULT, ge=1, le=1024)
    replication: int = Field(default=1, ge=1, le=9)
    clock_epoch: AwareDatetime = datetime(2019, 2, 1, tzinfo=UTC)
    clock_start: AwareDatetime = datetime(2019, 2, 1, tzinfo=UTC)
    clock_rate: float = Field(default=1.0, gt=0)

    def clock(self) -> BusinessClock:
        """The business clock of this installation."""
        return BusinessClock(self.clock_epoch, self.clock_start, self.clock_rate)

    def topic(self, name: str) -> str:
        """A topic's or group's real name inside this installation's namespace."""
        return f"{self.namespace}.{name}" if self.namespace else name

    def topic_shown(self, real: str) -> str:
        """A topic's or group's name without this installation's namespace."""
        return real.removeprefix(f"{self.namespace}.")

    def database(self, service: str) -> str:
        """The name of a service's own database."""
        return f"{self.namespace}_panda_{service}" if self.namespace else f"panda_{service}"
