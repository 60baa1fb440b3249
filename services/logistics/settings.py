"""What the logistics service reads from its environment."""

from __future__ import annotations

from pydantic import Field

from pandapack.runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Shared settings and the port."""

    port: int = Field(default=8103, validation_alias="PANDA_LOGISTICS_PORT")
