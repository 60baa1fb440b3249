"""What every service reads from its environment, prefix `PANDA_`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pandapack.runtime.clock import BusinessClock, Clock, StoryClock

SHARDS_DEFAULT = 8
EVENT_PARTITIONS = 4
FILED = ("service_key", "secrets_key")
"""Settings whose file is read with the settings themselves; other keys are read by what uses them, again and again."""


class RuntimeSettings(BaseSettings):
    """Shared settings. Each service's `settings.py` adds its port and what only it knows.

    `trusted_proxies`: addresses and networks, commas between them, whose X-Forwarded-For and -Proto are believed;
    nobody's are by default. `pages_by_tls`: browsers get pages by TLS only, so that sessions never travel without it.
    `demonstration`: all that is here is made up, and every page says so. `clock_file`: whose segments are business
    time (`runtime.clock.StoryClock`), in a demonstration alone.
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
    service_key: str = Field(default="", repr=False)
    service_key_file: Path | None = None
    """What this service reads the others with: a key, or its file."""
    shards: int = Field(default=SHARDS_DEFAULT, ge=1, le=1024)
    replication: int = Field(default=1, ge=1, le=9)
    clock_epoch: AwareDatetime = datetime(2019, 2, 1, tzinfo=UTC)
    clock_start: AwareDatetime = datetime(2019, 2, 1, tzinfo=UTC)
    clock_rate: float = Field(default=1.0, gt=0)
    clock_file: Path | None = None
    demonstration: bool = False

    @model_validator(mode="before")
    @classmethod
    def _with_files(cls, given: Any) -> Any:
        """What stands in a file goes before nothing: a setting that is given itself is taken."""
        read = {name: _secret_in(given[f"{name}_file"]) for name in FILED if given.get(f"{name}_file")}
        return {**given, **{name: text for name, text in read.items() if not given.get(name)}}

    @model_validator(mode="after")
    def _tells_stories_in_a_demonstration_alone(self) -> Self:
        if self.clock_file is not None and not self.demonstration:
            raise ValueError("PANDA_CLOCK_FILE lets others set the time: only with PANDA_DEMONSTRATION=true")
        return self

    def clock(self) -> Clock:
        """The business clock of this installation."""
        clock = BusinessClock(self.clock_epoch, self.clock_start, self.clock_rate)
        return StoryClock(self.clock_file, clock) if self.clock_file is not None else clock

    def topic(self, name: str) -> str:
        """A topic's or group's real name inside this installation's namespace."""
        return f"{self.namespace}.{name}" if self.namespace else name

    def topic_shown(self, real: str) -> str:
        """A topic's or group's name without this installation's namespace."""
        return real.removeprefix(f"{self.namespace}.")

    def database(self, service: str) -> str:
        """The name of a service's own database."""
        return f"{self.namespace}_panda_{service}" if self.namespace else f"panda_{service}"


def _secret_in(file: Path | str) -> str:
    """Raises ValueError, which names the file."""
    try:
        text = Path(file).read_text().strip()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    if not text:
        raise ValueError(f"{file} is empty")
    return text
