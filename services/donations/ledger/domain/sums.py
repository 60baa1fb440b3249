"""Sums by key, compiled: how many rows, and how much money, each key has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled

Whole = npt.NDArray[np.int64]
"""Shape (rows,), or (keys,) in a result."""

SLOTS_A_ROW = 2
MIX = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ by the golden ratio: neighbouring keys come to lie far apart."""
HALF_SHIFT = np.uint64(32)
FREE = -1


@compiled
def sums_by_key(keys: Whole, amounts: Whole) -> tuple[Whole, Whole, Whole]:
    """Each key that occurs, none of which is negative, and its rows and the sum of their amounts. In no order.

    keys, amounts: shape (rows,), amounts in fen. The three results have an entry a key.
    """
    slots = np.full(SLOTS_A_ROW * len(keys) + 1, FREE, np.int64)
    found, counts, sums = np.empty(len(keys), np.int64), np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    size = 0
    for row in range(len(keys)):
        hashed = np.uint64(keys[row]) * MIX >> HALF_SHIFT
        slot = int(np.int64(hashed * np.uint64(len(slots)) >> HALF_SHIFT))
        while slots[slot] != FREE and found[slots[slot]] != keys[row]:
            slot = slot + 1 if slot + 1 < len(slots) else 0
        if slots[slot] == FREE:
            slots[slot], found[size] = size, keys[row]
            size += 1
        counts[slots[slot]] += 1
        sums[slots[slot]] += amounts[row]
    return found[:size], counts[:size], sums[:size]
