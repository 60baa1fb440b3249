"""A record of `dead-letters`: an untouched row of `donations.pushed`, where it came from, and why it was rejected."""

from __future__ import annotations

from pandapack.contracts.pushed import KIND_HEADER, PLATFORM_HEADER, REVERSAL_KIND

ADDRESS_HEADER = "address"
REASON_HEADER = "reason"


def headers_of(address: str, reason: str, platform: str, *, is_reversal: bool) -> list[tuple[str, bytes]]:
    """The record's headers. `platform`: whose the row was by its record; empty where that named none."""
    headers = [(ADDRESS_HEADER, address.encode()), (REASON_HEADER, reason.encode(errors="replace"))]
    headers += [(PLATFORM_HEADER, platform.encode())] if platform else []
    return [*headers, (KIND_HEADER, REVERSAL_KIND)] if is_reversal else headers
