"""What the reporting service reads from its environment."""

from __future__ import annotations

from pydantic import Field

from pandapack.runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Shared settings, the port, and where the other services answer (with PANDA_SERVICE_KEY)."""

    port: int = Field(default=8100, validation_alias="PANDA_REPORTING_PORT")
    donations_url: str = "http://127.0.0.1:8101"
    procurement_url: str = "http://127.0.0.1:8102"
    logistics_url: str = "http://127.0.0.1:8103"
