"""How numbers, hashes and names are written in a log, read to the letter: each has one form, and no other is taken."""

from __future__ import annotations

import base64
import binascii

SIZE_MAX = 2**63 - 1
"""Entries of a tree, and seconds of a cosignature: what readers of the field keep in a signed 64-bit number."""
DIGITS_MAX = len(str(SIZE_MAX))
HASH_BYTES = 32
"""SHA-256, as RFC 9162 asks."""
SHOWN_MAX = 64
"""So much of a strange text stands in a message."""


class Malformed(ValueError):
    """Bytes that are not what the specification describes: the message says what and where."""


def shown(text: str) -> str:
    """A strange text as it may stand in a message."""
    return ascii(text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…")


def decimal_of(text: str, what: str) -> int:
    """A number from 0 to `SIZE_MAX`, without sign or leading zeroes. Raises Malformed."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise Malformed(f"{what} is no decimal number: {shown(text)}")
    number = int(text)
    if str(number) != text or number > SIZE_MAX:
        raise Malformed(f"{what} has leading zeroes or lies above {SIZE_MAX}: {shown(text)}")
    return number


def base64_of(text: str, what: str) -> bytes:
    """What standard base64 with padding (RFC 4648, 4) holds; a second spelling of it is refused. Raises Malformed."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Malformed(f"{what} is no base64: {shown(text)}") from error
    if to_base64(value) != text:
        raise Malformed(f"{what} is base64 of another form: {shown(text)}")
    return value


def hash_of(text: str, what: str) -> bytes:
    """32 bytes from base64. Raises Malformed."""
    value = base64_of(text, what)
    if len(value) != HASH_BYTES:
        raise Malformed(f"{what} has {len(value)} bytes, not {HASH_BYTES}")
    return value


def to_base64(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode("ascii")


def text_of(raw: bytes, what: str, bytes_max: int) -> str:
    """UTF-8 with no control character but newlines. Raises Malformed."""
    if len(raw) > bytes_max:
        raise Malformed(f"{what} has {len(raw)} bytes, more than {bytes_max}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8 at byte {error.start}") from error
    without_control(text.replace("\n", ""), what)
    return text


def without_control(text: str, what: str) -> str:
    """The same text. Raises Malformed where it has a control character (below U+0020), newlines included."""
    if any(character < " " for character in text):
        raise Malformed(f"{what} has a control character")
    return text
