"""Which lines of a push a record has, in as few bytes as that takes: the header `lines` of `donations.pushed`.

Empty: its line n is the push's line n. Else a byte `width` and two bytes `first`: the push's index of its first line;
behind them for every other line how much further on it is in the push, in `width` bytes each (1 or 2). Width 0: each is
the next. All numbers are little-endian. A push never has so many lines that an index needs more than two bytes.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.intp]
"""Shape (lines,): for each its index in the push, from 0, rising."""
_HEAD = struct.Struct("<BH")
_STEP_MAX = 0xFF
INDEX_MAX = 0xFFFF
UNPACKED_KEPT_MAX = 256


def packed_lines(lines: Numbers, begins: Numbers) -> list[bytes | None]:
    """Of each record which lines it has. `lines`: of all records, one behind the other; each begins at `begins`.

    None where an index does not fit.
    """
    if not len(begins):
        return []
    steps = np.empty_like(lines)
    np.subtract(lines[1:], lines[:-1], out=steps[1:])
    steps[begins] = 1
    firsts, longest = lines[begins].tolist(), np.maximum.reduceat(steps, begins).tolist()
    first_lines = begins.tolist()
    ends = [*first_lines[1:], len(lines)]
    narrow = steps.astype(np.uint8).tobytes()
    wide = steps.astype("<u2").tobytes() if max(longest) > _STEP_MAX else b""
    packed: list[bytes | None] = []
    for begin, end, first, step in zip(first_lines, ends, firsts, longest, strict=True):
        if lines[end - 1] > INDEX_MAX:
            packed.append(None)
        elif step == 1:
            packed.append(_HEAD.pack(0, first) if first else b"")
        elif step <= _STEP_MAX:
            packed.append(_HEAD.pack(1, first) + narrow[begin + 1 : end])
        else:
            packed.append(_HEAD.pack(2, first) + wide[2 * begin + 2 : 2 * end])
    return packed


def index_in_push(packed: bytes | None, line: int) -> int | None:
    """The index in its push of a record's line, counted from 0; None where the header does not tell. Never raises."""
    if packed is None:
        return None
    if not packed:
        return line
    if len(packed) < _HEAD.size:
        return None
    width, first = _HEAD.unpack_from(packed)
    if width == 0:
        return int(first + line)
    indexes = _unpacked(packed)
    return indexes[line] if line < len(indexes) else None


@lru_cache(UNPACKED_KEPT_MAX)
def _unpacked(packed: bytes) -> list[int]:
    """The index in the push of every line of a record."""
    width, first = _HEAD.unpack_from(packed)
    if width > 2 or (len(packed) - _HEAD.size) % width:
        return []
    steps = np.frombuffer(packed, f"<u{width}", offset=_HEAD.size)
    indexes: list[int] = np.cumsum(np.concatenate(([first], steps.astype(np.intp)))).tolist()
    return indexes
