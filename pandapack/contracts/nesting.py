"""How deep JSON may nest that comes from outside, and cutting up an array of which an element nests deeper.

A JSON reader calls itself for each bracket within a bracket, so thousands of them end the reader instead of the line
that holds them. Nothing here does: whoever asks first, and reads then, reads nothing that could end it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

NESTING_MAX = 64
"""Brackets that stand open at once. Nothing of ours nests deeper than eight; readers give up at some hundreds."""

BYTES_AT_ONCE = 65_536
QUOTE, COMMA = b'",'
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
_BEFORE_VALUES = np.zeros(256, np.bool_)
_BEFORE_VALUES[list(b",[{")] = True


def is_nested_too_deeply(raw: bytes) -> bool:
    """Whether more than `NESTING_MAX` brackets stand open at once in a JSON text, which need not be a whole one.

    Texts that are short, or have few brackets, are nearly all, and are told without looking at single bytes.
    """
    if len(raw) <= 2 * NESTING_MAX or raw.count(b"[") + raw.count(b"{") <= NESTING_MAX:
        return False
    text, depth, is_inside = _without_escapes(raw), 0, False
    for begin in range(0, len(text), BYTES_AT_ONCE):
        depths, is_outside = _depths(text[begin : begin + BYTES_AT_ONCE], depth, is_inside)
        if depths.max() > NESTING_MAX:
            return True
        depth, is_inside = int(depths[-1]), not is_outside[-1]
    return False


def has_more_values(raw: bytes, values_max: int) -> bool:
    """Whether a JSON text holds more values than that: each but the first stands behind a comma or a bracket."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") < values_max:
        return False
    text, found, is_inside = _without_escapes(raw), 1, False
    for begin in range(0, len(text), BYTES_AT_ONCE):
        numbers = np.frombuffer(text[begin : begin + BYTES_AT_ONCE], np.uint8)
        is_outside = np.cumsum(numbers == QUOTE, dtype=np.uint8) & 1 == is_inside
        found += int(np.count_nonzero(_BEFORE_VALUES[numbers] & is_outside))
        if found > values_max:
            return True
        is_inside = not is_outside[-1]
    return False


def elements(raw: bytes) -> list[bytes] | None:
    """The elements of a JSON array as they stand, however deep they nest; None where it is no whole array.

    They are cut at commas and not read: one that is no JSON is found by whoever reads it.
    """
    raw = raw.strip()
    if not raw.startswith(b"["):
        return None
    depths, is_outside = _depths(_without_escapes(raw))
    if depths[-1] != 0 or not depths[:-1].all():
        return None
    commas = np.flatnonzero((np.frombuffer(raw, np.uint8) == COMMA) & (depths == 1) & is_outside)
    found = [raw[begin + 1 : end].strip() for begin, end in pairwise([0, *commas.tolist(), len(raw) - 1])]
    if found == [b""]:
        return []
    return found if all(found) else None


def _without_escapes(raw: bytes) -> bytes:
    """A text of the same length in which each quote begins or ends a string."""
    return raw.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")


def _depths(
    text: bytes, depth: int = 0, is_inside: bool = False
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Shapes (bytes,): how many brackets stand open behind each byte, and whether it is outside of strings.

    `depth`, `is_inside`: how it was before the first byte.
    """
    numbers = np.frombuffer(text, np.uint8)
    is_outside = np.cumsum(numbers == QUOTE, dtype=np.uint8) & 1 == is_inside
    return np.cumsum(_STEPS[numbers] * is_outside, dtype=np.int32) + np.int32(depth), is_outside
