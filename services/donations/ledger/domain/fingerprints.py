"""Compiled loops over sorted fingerprints: merging them, and finding some of them among many.

A fingerprint is 64 bits: 56 of merchant and id, evenly mixed, and in the last byte a hint that comparing leaves out.
What is evenly mixed lies about where its value says, so a search begins there and not in the middle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled

FingerprintArray = npt.NDArray[np.uint64]
"""Shape (rows,): a fingerprint a row; a sorted run where the name says so."""
Lows = npt.NDArray[np.uint32]
"""Shape (fingerprints,): the low bits of each."""
Hints = npt.NDArray[np.uint8]
"""Shape (fingerprints,): the last byte of the number of the page that has it."""
Offsets = npt.NDArray[np.intp]
"""Shape (rows,): numbers of rows."""
Begins = npt.NDArray[np.int64]
"""Shape (parts + 1,): where each part of the buckets begins, and where the last one ends."""

HINT_BITS = 8
HINTS = 1 << HINT_BITS
BUCKET_BITS = 8
BUCKETS = 1 << BUCKET_BITS
LOW_BITS = 32
PART_ROWS_MAX = 512
"""Buckets are parted so finely that a search begins within a line of the processor's cache or two of its goal."""

_HINT = np.uint64(HINTS - 1)
_MIXED = ~_HINT
_LOW = np.uint64((1 << LOW_BITS) - 1)
_LOW_SHIFT = np.uint64(64 - BUCKET_BITS - LOW_BITS)
_BUCKET_SHIFT = np.uint64(64 - BUCKET_BITS)
_HALF_SHIFT = np.uint64(32)


class Buckets(NamedTuple):
    """Fingerprints without their first byte, which is their bucket, sorted: the low bits and the hint of each.

    `begins`: where each part of each bucket begins, and where the last ends. All buckets have equally many.
    """

    lows: Lows
    hints: Hints
    begins: Begins

    @classmethod
    def empty(cls) -> Buckets:
        """Buckets with nothing in them."""
        return cls(np.empty(0, np.uint32), np.empty(0, np.uint8), np.zeros(BUCKETS + 1, np.int64))


@compiled
def merged(run: FingerprintArray, other: FingerprintArray) -> FingerprintArray:
    """Two sorted runs as one."""
    both = np.empty(len(run) + len(other), np.uint64)
    at, other_at = 0, 0
    for index in range(len(both)):
        if other_at == len(other) or (at < len(run) and run[at] <= other[other_at]):
            both[index] = run[at]
            at += 1
        else:
            both[index] = other[other_at]
            other_at += 1
    return both


@compiled
def with_run(buckets: Buckets, run: FingerprintArray) -> Buckets:
    """Buckets, and a sorted run's fingerprints in them, too."""
    lows, hints, begins = buckets
    size, parts = len(lows) + len(run), (len(begins) - 1) // BUCKETS
    new_lows, new_hints, new_begins = (
        np.empty(size, np.uint32),
        np.empty(size, np.uint8),
        np.empty(BUCKETS + 1, np.int64),
    )
    run_at, index = 0, 0
    for bucket in range(BUCKETS):
        new_begins[bucket] = index
        at, end = begins[bucket * parts], begins[(bucket + 1) * parts]
        while run_at < len(run) and np.int64(run[run_at] >> _BUCKET_SHIFT) == bucket:
            low = np.uint32(run[run_at] >> _LOW_SHIFT & _LOW)
            while at < end and lows[at] <= low:
                new_lows[index], new_hints[index] = lows[at], hints[at]
                at += 1
                index += 1
            new_lows[index], new_hints[index] = low, np.uint8(run[run_at] & _HINT)
            run_at += 1
            index += 1
        while at < end:
            new_lows[index], new_hints[index] = lows[at], hints[at]
            at += 1
            index += 1
    new_begins[BUCKETS] = index
    return Buckets(new_lows, new_hints, _parted(new_lows, new_begins))


@compiled
def _parted(lows: Lows, begins: Begins) -> Begins:
    """Where each part of buckets begins that begin as `begins` say."""
    bits = 0
    while len(lows) >> (BUCKET_BITS + bits) > PART_ROWS_MAX:
        bits += 1
    parts = 1 << bits
    parted = np.empty(BUCKETS * parts + 1, np.int64)
    parted[-1] = len(lows)
    for bucket in range(BUCKETS):
        begin, end = begins[bucket], begins[bucket + 1]
        for part in range(parts):
            guess = begin + (end - begin) * part // parts
            low = np.uint32(part << (LOW_BITS - bits))
            parted[bucket * parts + part] = _first(lows, begin, end, guess, low)
    return parted


@compiled
def _first(
    values: FingerprintArray | Lows, begin: int, end: int, guess: np.int64, wanted: np.uint64 | np.uint32
) -> int:
    """The index from `begin` to `end` of the first value that is not below `wanted`: likely near `guess`."""
    low, high, step = int(guess), int(guess), 1
    while high < end and values[high] < wanted:
        low, high, step = high + 1, high + step, step * 2
    high, step = min(high, end), 1
    while low > begin and values[low - 1] >= wanted:
        low, high, step = low - step, low - 1, step * 2
    low = max(low, begin)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _with(rows: Offsets, hints: Hints, count: int, row: int, hint: np.uint8) -> tuple[Offsets, Hints, int]:
    """Some findings and one more. One fingerprint may be found often, so there may be more than were looked for."""
    if count == len(rows):
        rows, hints = np.concatenate((rows, np.empty_like(rows))), np.concatenate((hints, np.empty_like(hints)))
    rows[count], hints[count] = row, hint
    return rows, hints, count + 1


@compiled
def found_in_run(run: FingerprintArray, wanted: FingerprintArray) -> tuple[Offsets, Hints]:
    """Rows of `wanted` (one may occur often) that a sorted run has, and the hint of each."""
    rows, hints, count = np.empty(len(wanted), np.intp), np.empty(len(wanted), np.uint8), 0
    size = len(run)
    for row in range(len(wanted)):
        of_run = wanted[row] & _MIXED
        guess = np.int64((of_run >> _HALF_SHIFT) * np.uint64(size) >> _HALF_SHIFT)
        at = _first(run, 0, size, guess, of_run)
        while at < size and run[at] & _MIXED == of_run:
            rows, hints, count = _with(rows, hints, count, row, np.uint8(run[at] & _HINT))
            at += 1
    return rows[:count], hints[:count]


@compiled
def found_in_buckets(buckets: Buckets, wanted: FingerprintArray) -> tuple[Offsets, Hints]:
    """The same for buckets."""
    lows, hints, begins = buckets
    bits = 0
    while BUCKETS << bits < len(begins) - 1:
        bits += 1
    within = np.uint64(LOW_BITS - bits)
    rows, found, count = np.empty(len(wanted), np.intp), np.empty(len(wanted), np.uint8), 0
    for row in range(len(wanted)):
        part = np.int64(wanted[row] >> _LOW_SHIFT >> within)
        low = np.uint32(wanted[row] >> _LOW_SHIFT & _LOW)
        begin, end = begins[part], begins[part + 1]
        behind = np.uint64(low) & ((np.uint64(1) << within) - np.uint64(1))
        guess = begin + np.int64(behind * np.uint64(end - begin) >> within)
        at = _first(lows, begin, end, guess, low)
        while at < end and lows[at] == low:
            rows, found, count = _with(rows, found, count, row, hints[at])
            at += 1
    return rows[:count], found[:count]
