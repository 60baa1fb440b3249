"""Whether what came is signed as it should be: the Standard Webhooks scheme over the raw body, by wall time.

A body may be too long to be held: its signature is checked as it passes. A refusal tells what we signed, so that an
integrator finds the mistake by comparing; never a secret, and never the signature that we expected, with which anybody
could sign.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from pandapack.contracts.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TOLERANCE_S,
    is_one_of,
    signature_text,
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
        """Whether the sender claims to have signed."""
        return (self.id, self.timestamp, self.signatures) != (None, None, None)


def _refusal(code: str, detail: str, **extra: object) -> Refusal:
    return Refusal(code, detail, RefusalKind.UNAUTHENTICATED, extra=extra)


def refusal_of(signature: Signature, keys: Sequence[bytes], body: bytes, *, wall_s: float) -> Refusal | None:
    """None: the body is signed by one of the live keys, within the tolerance. `wall_s`: seconds since 1970."""
    refusal = header_refusal(signature, wall_s=wall_s)
    if refusal is not None:
        return refusal
    return PassingSignature(signature, keys).refusal_of_whole(body)


def header_refusal(signature: Signature, *, wall_s: float) -> Refusal | None:
    """What the three headers alone tell, before there is a body. None: the body decides. `wall_s`: as `refusal_of`."""
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
    return None


class PassingSignature:
    """A signature, checked while the body that it signs passes. `signature`: one with nothing to refuse in its headers.

    `keys`: the live ones.
    """

    def __init__(self, signature: Signature, keys: Sequence[bytes]) -> None:
        assert signature.id and signature.timestamp and signature.signatures, "its headers were looked at before"
        before = signed_content(signature.id, signature.timestamp, b"")
        self._given = signature.signatures
        # By these alone a signature is right or wrong; the others are there to explain.
        self._macs = [hmac.new(key, before, hashlib.sha256) for key in keys]
        self._content, self._body = hashlib.sha256(before), hashlib.sha256()
        self._begins, self._before_bytes, self._body_bytes = before[:SHOWN_BYTES_MAX], len(before), 0

    def feed(self, chunk: bytes) -> None:
        """More of the body."""
        for mac in self._macs:
            mac.update(chunk)
        self._content.update(chunk)
        self._body.update(chunk)
        self._begins = (self._begins + chunk[:SHOWN_BYTES_MAX])[:SHOWN_BYTES_MAX]
        self._body_bytes += len(chunk)

    def refusal_of_whole(self, body: bytes) -> Refusal | None:
        """As `refusal`, where the whole body is here: explained only where there is something to explain."""
        macs = [mac.copy() for mac in self._macs]
        for mac in macs:
            mac.update(body)
        if is_one_of(self._given, [signature_text(mac.digest()) for mac in macs]):
            return None
        self.feed(body)
        return self.refusal()

    def refusal(self) -> Refusal | None:
        """None: all that passed is signed by one of the live keys."""
        if is_one_of(self._given, [signature_text(mac.digest()) for mac in self._macs]):
            return None
        detail = (
            "no signature in the header is right by a live secret; `signed` is what we signed: compare it with yours "
            "byte by byte. Sign the raw body as it is sent (compressed, where it is), with the secret's base64 decoded"
        )
        return _refusal("signature_wrong", detail, signed=self._signed_form())

    def _signed_form(self) -> dict[str, object]:
        return {
            "algorithm": "HMAC-SHA256, base64, behind `v1,`",
            "content_form": "{webhook-id}.{webhook-timestamp}.{raw body}",
            "content_begins": self._begins.decode(errors="backslashreplace"),
            "content_bytes": self._before_bytes + self._body_bytes,
            "content_sha256": self._content.hexdigest(),
            "body_bytes": self._body_bytes,
            "body_sha256": self._body.hexdigest(),
        }
