"""What the donations service reads from its environment."""

from __future__ import annotations

from pydantic import Field

from pandapack.runtime.settings import RuntimeSettings

ACCEPT_DAYS = 35


class Settings(RuntimeSettings):
    """Shared settings, the port, and how old a gift may be when it is pushed."""

    port: int = Field(default=8101, validation_alias="PANDA_DONATIONS_PORT")
    accept_days: int = Field(default=ACCEPT_DAYS, ge=1)
