"""SHA-256 (FIPS 180-4) of many short messages at once: a processor's vector unit holds a lane a message.

One by one, calls cost more than hashing: sealing a donation takes two hashes, of 60 and 65 bytes. Against `hashlib`,
which is the oracle of the tests, this is ten times as fast.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled, inlined

Words = npt.NDArray[np.uint32]

LANES = 32
STATE_WORDS = 8
BLOCK_WORDS = 16
BLOCK_BYTES = 64
ROUNDS = 64


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(number: int) -> int:
    """The largest integer whose cube is not above `number`."""
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


# The standard's constants are the first 32 bits behind the point of square and cube roots of primes.
_FIRST = np.array([isqrt(prime << 64) & 0xFFFFFFFF for prime in _primes(STATE_WORDS)], np.uint32)
_ROUND = np.array([_cube_root(prime << 96) & 0xFFFFFFFF for prime in _primes(ROUNDS)], np.uint32)


@inlined
def _turned(word: np.uint32, bits: int) -> np.uint32:
    return np.uint32((word >> np.uint32(bits)) | (word << np.uint32(32 - bits)))


@inlined
def _spread(schedule: Words) -> None:
    """Fills rows 16 to 63 of a block's schedule from its sixteen words."""
    for at in range(BLOCK_WORDS, ROUNDS):
        for lane in range(LANES):
            early, late = schedule[at - 15, lane], schedule[at - 2, lane]
            schedule[at, lane] = np.uint32(
                schedule[at - 16, lane]
                + schedule[at - 7, lane]
                + np.uint32(_turned(early, 7) ^ _turned(early, 18) ^ (early >> np.uint32(3)))
                + np.uint32(_turned(late, 17) ^ _turned(late, 19) ^ (late >> np.uint32(10)))
            )


@inlined
def _round(s: Words, words: Words, constant: np.uint32, turn: int) -> None:
    """One round. Instead of moving eight variables along, each round names them one further: row `turn` is the last."""
    a, b, c, d = (turn + 1) & 7, (turn + 2) & 7, (turn + 3) & 7, (turn + 4) & 7
    e, f, g, h = (turn + 5) & 7, (turn + 6) & 7, (turn + 7) & 7, turn
    for lane in range(LANES):
        x, y = s[e, lane], s[a, lane]
        mixed = np.uint32(
            s[h, lane]
            + np.uint32(_turned(x, 6) ^ _turned(x, 11) ^ _turned(x, 25))
            + np.uint32((x & s[f, lane]) ^ (~x & s[g, lane]))
            + constant
            + words[lane]
        )
        s[d, lane] = np.uint32(s[d, lane] + mixed)
        s[h, lane] = np.uint32(
            mixed
            + np.uint32(_turned(y, 2) ^ _turned(y, 13) ^ _turned(y, 22))
            + np.uint32((y & s[b, lane]) ^ (y & s[c, lane]) ^ (s[b, lane] & s[c, lane]))
        )


@compiled
def first_state(state: Words) -> None:
    """Makes `state` (8 x LANES) that of messages of which nothing has been hashed."""
    for at in range(STATE_WORDS):
        for lane in range(LANES):
            state[at, lane] = _FIRST[at]


@compiled
def compress(state: Words, schedule: Words) -> None:
    """Hashes a block a lane: the first 16 rows of `schedule` (64 x LANES), each a big-endian word of the block."""
    _spread(schedule)
    work = state.copy()
    for at in range(0, ROUNDS, 8):
        _round(work, schedule[at], _ROUND[at], 7)
        _round(work, schedule[at + 1], _ROUND[at + 1], 6)
        _round(work, schedule[at + 2], _ROUND[at + 2], 5)
        _round(work, schedule[at + 3], _ROUND[at + 3], 4)
        _round(work, schedule[at + 4], _ROUND[at + 4], 3)
        _round(work, schedule[at + 5], _ROUND[at + 5], 2)
        _round(work, schedule[at + 6], _ROUND[at + 6], 1)
        _round(work, schedule[at + 7], _ROUND[at + 7], 0)
    for at in range(STATE_WORDS):
        for lane in range(LANES):
            state[at, lane] = np.uint32(state[at, lane] + work[at, lane])
