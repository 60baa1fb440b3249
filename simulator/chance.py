"""Chance for single decisions: a pure function of the seed and of what is decided about."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

DIGEST_BYTES = 8
RANGE = 1 << (8 * DIGEST_BYTES)

T = TypeVar("T")


def draw(seed: int, *about: str | int) -> float:
    """A number in [0, 1), the same for the same seed and subject: `draw(7, "short-delivery", order_id)`."""
    return _number(seed, about) / RANGE


def draw_int(low: int, high: int, seed: int, *about: str | int) -> int:
    """A whole number from `low` to `high`, both included."""
    assert low <= high
    return low + _number(seed, about) * (high - low + 1) // RANGE


def pick(choices: Sequence[T], seed: int, *about: str | int) -> T:
    """One of some choices."""
    return choices[draw_int(0, len(choices) - 1, seed, *about)]


def _number(seed: int, about: tuple[str | int, ...]) -> int:
    # The top bits beyond a double's 53 are dropped, so that a draw can never round up to 1.
    subject = "\x1f".join(map(str, (seed, *about))).encode()
    digest = int.from_bytes(hashlib.blake2b(subject, digest_size=DIGEST_BYTES).digest(), "big")
    return digest >> 11 << 11
