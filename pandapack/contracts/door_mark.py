"""The door's mark on a record of `donations.pushed`: that the push API let its lines in.

HMAC-SHA256 over the shard, the headers and the body, each behind its length, and the id of the key, in the record's
headers. The ledger believes marked records alone: without it whoever can write to the topic could mint money.
Source: RFC 2104 (HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from pandapack.contracts.event_keys import framed

MARK_HEADER = "mark"
MARK_KEY_HEADER = "mark-key"
KEY_BYTES_MIN = 32
ID_SCHEME = b"panda-door-key/1\n"
ID_DIGITS = 12
MARKED_HEADERS = ("push", "platform", "kind", "lines", "traceparent")
"""The headers that a mark vouches for; a record has no others beside the mark's own."""


class DoorKeys:
    """The door's secrets, the newest first: it marks with that one, and all of them are believed.

    Raises ValueError for none, or one that is shorter than `KEY_BYTES_MIN`.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = {_id_of(secret): secret for secret in secrets}
        if not self._secrets or min(map(len, self._secrets.values())) < KEY_BYTES_MIN:
            raise ValueError(f"the door needs a key, of {KEY_BYTES_MIN} bytes or more")
        self._id = next(iter(self._secrets))

    @classmethod
    def read(cls, text: str) -> DoorKeys:
        """From secrets in hex, the newest first, with commas or breaks of lines between them. Raises ValueError."""
        return cls(bytes.fromhex(word) for word in text.replace(",", " ").split())

    def mark(self, shard: int, headers: Iterable[tuple[str, bytes]], value: bytes) -> list[tuple[str, bytes]]:
        """The headers of a marked record: those given, the key's id and the mark."""
        given = list(headers)
        digest = hmac.digest(self._secrets[self._id], _marked_text(shard, dict(given), value), hashlib.sha256)
        return [*given, (MARK_KEY_HEADER, self._id.encode()), (MARK_HEADER, digest)]

    def is_marked(self, shard: int, headers: Iterable[tuple[str, bytes | None]], value: bytes) -> bool:
        """Whether the door marked this record for this shard. Never raises, whatever the headers hold."""
        by_name: dict[str, bytes] = {}
        for name, content in headers:
            if name in by_name or content is None:
                return False
            by_name[name] = content
        secret = self._secrets.get(by_name.pop(MARK_KEY_HEADER, b"").decode(errors="replace"))
        mark = by_name.pop(MARK_HEADER, b"")
        if secret is None or not by_name.keys() <= set(MARKED_HEADERS):
            return False
        return hmac.compare_digest(hmac.digest(secret, _marked_text(shard, by_name, value), hashlib.sha256), mark)


def _id_of(secret: bytes) -> str:
    """It follows from the secret, and does not lead back to it."""
    return hashlib.sha256(ID_SCHEME + secret).hexdigest()[:ID_DIGITS]


def _marked_text(shard: int, headers: Mapping[str, bytes], value: bytes) -> bytes:
    named = [part for name in MARKED_HEADERS if name in headers for part in (name.encode(), headers[name])]
    return framed(str(shard).encode(), *named, value)
