"""What the donations service reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pandapack.runtime.settings import RuntimeSettings

ACCEPT_DAYS = 35


class Settings(RuntimeSettings):
    """Shared settings, the port, and how old a donation may be when it is pushed."""

    port: int = Field(default=8101, validation_alias="PANDA_DONATIONS_PORT")
    accept_days: int = Field(default=ACCEPT_DAYS, ge=1)
    signing_key: str = ""
    signing_key_file: Path | None = None
    """The private key (Ed25519, 32 bytes in hex) that signs receipts of the first form: itself, or the file with it."""
    door_keys: str = Field(default="", repr=False)
    door_keys_file: Path | None = None
    """What the door marks records with: 32 bytes in hex, of several the newest first; themselves, or their file."""
    reporting_url: str = "http://127.0.0.1:8100"
    """Reporting asks all other services whether they answer; somebody has to ask reporting."""
    secrets_key: str = Field(default="", repr=False)
    secrets_key_file: Path | None = None
    """Encrypts the platforms' signing secrets at rest: 32 characters or more, drawn by chance, or the file with them.
    Empty: not encrypted."""
