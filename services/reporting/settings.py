"""What the reporting service reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pandapack.runtime.settings import RuntimeSettings


class Settings(RuntimeSettings):
    """Shared settings, the port, where the other services answer (with PANDA_SERVICE_KEY), and the public log.

    `log_origin`: the log's name in its checkpoints, such as `log.example.org/panda-pack`; whoever verifies knows it,
    so it does not change. `log_key`: what signs them (Ed25519, 32 bytes in hex), itself or its file;
    `log_key_before`: what signed them before and goes on beside it, while the key changes; `log_secret`: what the
    hashes of private events derive from, 32 bytes in hex, and never another. `log_witnesses`: who cosigns its
    checkpoints, lines `URL VKEY`, or a file of them. `log_quiet_s`: so long gifts of a quiet time are held by the
    log, so that a lone one does not stand out; less only where gifts are nobody's. `log_owner`: whether this process
    may own the log; any number may, and one must. `consumes`: whether this process takes in events and may own the
    log; any number may, and one must. The others answer readers alone, who then never wait for what comes in.
    `example`: the gift that the public page offers to follow, `platform/merchant/order/day`, of somebody who agreed to
    it; without, a demonstration finds one of its own, and nobody else shows any. `iati_org…`: who reports the aid
    record (docs/iati.md): the organisation's identifier, its names, and its type in IATI's codelist. `public_urls`: a
    JSON object service → address, where services are reached from outside otherwise than by this one.
    """

    port: int = Field(default=8100, validation_alias="PANDA_REPORTING_PORT")
    log_origin: str = "localhost/panda-pack"
    log_key: str = Field(default="", repr=False)
    log_key_file: Path | None = None
    log_key_before: str = Field(default="", repr=False)
    log_key_before_file: Path | None = None
    consumes: bool = True
    log_owner: bool = True
    log_quiet_s: float = Field(default=60.0, ge=1.0, le=60.0)
    log_secret: str = Field(default="", repr=False)
    log_secret_file: Path | None = None
    log_witnesses: str = ""
    example: str = Field(default="", pattern=r"^$|^[^/]+(/[^/]+){2}/[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    iati_org: str = ""
    iati_org_name_zh: str = ""
    iati_org_name_en: str = ""
    iati_org_type: str = "60"
    """A foundation."""
    donations_url: str = "http://127.0.0.1:8101"
    procurement_url: str = "http://127.0.0.1:8102"
    logistics_url: str = "http://127.0.0.1:8103"
    public_urls: dict[str, str] = Field(default_factory=dict)

    @property
    def service_urls(self) -> dict[str, str]:
        """The other services' addresses, for whoever comes from outside."""
        inside = {
            "donations": self.donations_url,
            "procurement": self.procurement_url,
            "logistics": self.logistics_url,
        }
        return {name: self.public_urls.get(name, url) for name, url in inside.items()}
