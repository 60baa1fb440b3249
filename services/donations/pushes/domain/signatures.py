"""Whether a push is signed as it should be: the Standard Webhooks scheme over the raw body, by wall time.

A refusal tells what we signed, so that an integrator finds the mistake by comparing; never a secret, and never the
signature that we expected, with which anybody could sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pandapack.contracts.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_S,
    is_signed,
    signed_content,
)
from pandapack.decision import Refusal, RefusalKind

SHOWN_BYTES_MAX = 128
SIGNATURES_MAX = 8
TIMESTAMP_DIGITS_MAX = 12
ID_CHARACTERS_MAX = 255


@dataclass(frozen=True, slots=True)
class Signature:
    """The three headers; None where one was not sent."""

    id: str | None
    timestamp: str | None
    signatures: str | None

    @property
    def is_there(self) -> bool:
        """Whether the push claims to be signed."""
        return (self.id, self.timestamp, self.signatures) != (None, None, None)


def _refusal(code: str, detail: str, **extra: object) -> Refusal:
    return Refusal(code, detail, RefusalKind.UNAUTHENTICATED, extra=extra)


def refusal_of(signature: Signature, keys: Sequence[bytes], body: bytes, *, wall_s: float) -> Refusal | None:
    """None: the body is signed by one of the live keys, within the tolerance. `wall_s`: seconds since 1970."""
    id, timestamp, given = signature.id, signature.timestamp, signature.signatures
    for name, value in ((ID_HEADER, id), (TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, given)):
        if not value:
            return _refusal("signature_missing", f"the header {name} is missing: sign as Standard Webhooks 1.0 says")
    assert id and timestamp and given, "each was looked at above"
    if len(id) > ID_CHARACTERS_MAX or len(given.split()) > SIGNATURES_MAX:
        detail = f"{ID_HEADER} has at most {ID_CHARACTERS_MAX} characters, {SIGNATURE_HEADER} {SIGNATURES_MAX} words"
        return _refusal("signature_invalid", detail)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIMESTAMP_DIGITS_MAX):
        return _refusal("signature_invalid", f"{TIMESTAMP_HEADER} is whole seconds since 1970, such as 1636560000")
    off_s = round(int(timestamp) - wall_s)
    if abs(int(timestamp) - wall_s) > TOLERANCE_S:
        detail = f"{TIMESTAMP_HEADER} is {abs(off_s)} s {'ahead of' if off_s > 0 else 'behind'} our clock"
        return _refusal("signature_stale", f"{detail}; {TOLERANCE_S} s are allowed: sign anew, and look at your clock")
    if is_signed(keys, id, timestamp, body, given):
        return None
    detail = (
        "no signature in the header is right by a live secret; `signed` is what we signed: compare it with yours byte "
        "by byte. Sign the raw body as it is sent (compressed, where it is), with the secret's base64 decoded"
    )
    return _refusal("signature_wrong", detail, signed=_signed_form(id, timestamp, body))


def _signed_form(id: str, timestamp: str, body: bytes) -> dict[str, object]:
    content = signed_content(id, timestamp, body)
    return {
        "algorithm": "HMAC-SHA256, base64, behind `v1,`",
        "content_form": "{webhook-id}.{webhook-timestamp}.{raw body}",
        "content_begins": content[:SHOWN_BYTES_MAX].decode(errors="backslashreplace"),
        "content_bytes": len(content),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "body_bytes": len(body),
        "body_sha256": hashlib.sha256(body).hexdigest(),
    }
