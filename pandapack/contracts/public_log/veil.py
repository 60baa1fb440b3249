"""What stands in an entry in place of what is private: names that cannot be guessed, and hashes that prove later.

Whoever holds the secret (the operator, an auditor) finds the private event of an entry again, and a copy of it then
matches or does not. Without it neither a name nor an event can be tried: each hash has a salt of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

SECRET_BYTES = 32
NAME_DIGITS = 32
"""128 bits: no two of a few billion names meet."""
_NAME = b"panda-log/name\n"
_SALT = b"panda-log/salt\n"

PUBLIC_SOURCES = (
    "/donations/shards/",
    "/donations/seals/",
    "/procurement/publications/",
    "/procurement/funds/",
    "/procurement/rounds/",
    "/logistics/consignments/",
    "/logistics/shipments/",
    "/reporting/audit-log/",
)
"""Sources that are named for what the pages show. All others may be named for a party, or by a person."""


class Veil:
    """Holds the secret. Raises ValueError for one that is not 32 bytes in hex."""

    def __init__(self, secret_hex: str) -> None:
        self._secret = bytes.fromhex(secret_hex.strip())
        if len(self._secret) != SECRET_BYTES:
            raise ValueError(f"the log's secret has {len(self._secret)} bytes, not {SECRET_BYTES}")

    def name(self, source: str) -> str:
        """32 hex digits that stand for a private source, everywhere the same."""
        return self._mac(_NAME + source.encode())[:NAME_DIGITS]

    def source(self, source: str) -> str:
        """A source as the log names it: `/procurement/orders/5f3a…` where its own name is private."""
        if source.startswith(PUBLIC_SOURCES):
            return source
        parts = source.split("/", 3)
        kind = "/".join(parts[:3]) if len(parts) == 4 else ""
        return f"{kind}/{self.name(source)}"

    def hash_of(self, key: str, events: Iterable[bytes]) -> str:
        """The salted SHA-256 of events, in hex. `key`: the identity of the first, which the salt derives from."""
        hashed = hashlib.sha256(bytes.fromhex(self._mac(_SALT + key.encode())))
        for event in events:
            hashed.update(hashlib.sha256(event).digest())
        return hashed.hexdigest()

    def _mac(self, text: bytes) -> str:
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()
