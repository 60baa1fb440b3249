"""Chance and new ids, handed in wherever they are needed so that tests and the simulation can seed them."""

from __future__ import annotations

import random
import secrets
from typing import Protocol

TOKEN_BYTES = 24


class Chance(Protocol):
    """What a service may know of chance."""

    def token(self) -> str:
        """A new, unguessable, URL-safe word."""
        ...

    def jitter(self) -> float:
        """A number in [0.5, 1.5), to spread retries."""
        ...


class SystemChance:
    """The operating system's randomness."""

    def token(self) -> str:
        return secrets.token_urlsafe(TOKEN_BYTES)

    def jitter(self) -> float:
        return random.uniform(0.5, 1.5)


class SeededChance:
    """The same words for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self) -> str:
        return f"{self._random.getrandbits(TOKEN_BYTES * 8):0{TOKEN_BYTES * 2}x}"

    def jitter(self) -> float:
        return self._random.uniform(0.5, 1.5)
