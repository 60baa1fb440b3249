"""The Standard Webhooks scheme: a push is signed over its id, its time and its raw body (HMAC-SHA256, `v1`).

A sender sets three headers: `webhook-id` (stays the same when the push is repeated), `webhook-timestamp` (seconds since
1970) and `webhook-signature` (`v1,<base64>`, several separated by spaces while a secret is rotated).
Source: Standard Webhooks 1.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
SECRET_PREFIX = "whsec_"
VERSION = "v1"
TOLERANCE_S = 300
"""A signature's time may be this far from ours, to either side."""


def secret_bytes(secret: str) -> bytes:
    """`whsec_<base64>` → the key. Raises ValueError for anything else."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing secret is whsec_ and base64") from error
    if not secret.startswith(SECRET_PREFIX) or not key:
        raise ValueError("a signing secret is whsec_ and base64")
    return key


def secret_text(key: bytes) -> str:
    """The key → `whsec_<base64>`."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signed_content(id: str, timestamp: str, body: bytes) -> bytes:
    """The bytes that are signed. `timestamp` as in its header, so that both sides sign the same characters."""
    return f"{id}.{timestamp}.".encode() + body


def signature_text(digest: bytes) -> str:
    """HMAC-SHA256 over the signed content → `v1,<base64>`."""
    return f"{VERSION},{base64.b64encode(digest).decode()}"


def sign(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,<base64>`."""
    return signature_text(hmac.new(key, signed_content(id, timestamp, body), hashlib.sha256).digest())


def is_signed(keys: Iterable[bytes], id: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Whether one of the signatures in the header is right by one of the live keys; compared in constant time."""
    return is_one_of(signatures, [sign(key, id, timestamp, body) for key in keys])


def is_one_of(signatures: str, right: Iterable[str]) -> bool:
    """Whether one of the signatures in the header is one of the right ones; compared in constant time."""
    given = [word.encode() for word in signatures.split()]
    expected = [one.encode() for one in right]
    # All are compared, so that the time taken does not tell which one was right.
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]
    return any(matches)
