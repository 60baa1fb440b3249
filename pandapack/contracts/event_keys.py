"""Who published a record: an Ed25519 signature and the id of its key, in the record's headers.

An event is signed over the record's exact bytes; in the envelope itself the signature would change when an event is
published again after a change of keys. A dead letter holds bytes that a stranger chose, so it is signed behind words of
its own: otherwise whoever writes garbage would have an event signed for the asking. So is a record of `public.log`.
Source: RFC 8032 (Ed25519).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_HEADER = "key"
SIGNATURE_HEADER = "signature"
KEY_BYTES = 32
ID_DIGITS = 12
DEAD_LETTER_SCHEME = b"panda-dead-letter/1\n"
LOG_RECORD_SCHEME = b"panda-log-record/1\n"
LENGTH_BYTES = 8
PUBLISHERS = ("donations", "procurement", "logistics")
"""The services that publish events."""
LOG_OWNER = "reporting"
"""The service that owns the public log: it signs the records of `public.log`."""
SIGNERS = (*PUBLISHERS, LOG_OWNER)
"""The services whose records are believed; each signs with a key of its own."""

Headers = Iterable[tuple[str, bytes | None]]


class TrustedKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A publisher's public key, 32 bytes in hex. `retired`: what Kafka appended after it is not believed any more."""

    id: str
    service: str
    public: str
    retired: datetime | None = None


class TrustList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys that all services believe: one file for all of them."""

    keys: tuple[TrustedKey, ...] = ()


def key_id(service: str, public: bytes) -> str:
    """`donations-5f3a…`: it follows from the key, so that no two keys share one."""
    return f"{service}-{hashlib.sha256(public).hexdigest()[:ID_DIGITS]}"


class EventSigner:
    """Holds a publisher's private key. Raises ValueError for one that is not 32 bytes in hex."""

    def __init__(self, service: str, private_hex: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_hex.strip()))
        public = self._key.public_key().public_bytes_raw()
        self.trusted = TrustedKey(key_id(service, public), service, public.hex())

    def headers_of(self, text: bytes) -> list[tuple[str, bytes]]:
        """The headers that say who signed these bytes."""
        return [(KEY_HEADER, self.trusted.id.encode()), (SIGNATURE_HEADER, self._key.sign(text))]


def is_signed(key: TrustedKey, text: bytes, signature: bytes) -> bool:
    """Whether the key's holder signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public)).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Signed:
    """What a record's headers say of who signed it."""

    key: str
    signature: bytes


def signed_by(headers: Headers) -> Signed | None:
    """None where the headers do not say it, or say it twice."""
    keys = [value for name, value in headers if name == KEY_HEADER]
    signatures = [value for name, value in headers if name == SIGNATURE_HEADER]
    if len(keys) != 1 or len(signatures) != 1 or keys[0] is None or signatures[0] is None:
        return None
    return Signed(keys[0].decode(errors="replace"), signatures[0])


def dead_letter_text(headers: Mapping[str, bytes], value: bytes) -> bytes:
    """What of a dead letter is signed: its headers by name, and its bytes, each behind its length."""
    parts = [part for name in sorted(headers) for part in (name.encode(), headers[name])]
    return DEAD_LETTER_SCHEME + framed(*parts, value)


def log_record_text(value: bytes) -> bytes:
    """What of a record of `public.log` is signed."""
    return LOG_RECORD_SCHEME + framed(value)


def framed(*parts: bytes) -> bytes:
    """Parts one behind the other, each behind its length, so that none can reach into the next."""
    return b"".join(piece for part in parts for piece in (len(part).to_bytes(LENGTH_BYTES, "big"), part))
