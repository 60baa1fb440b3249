"""Whose lines are whose, and what therefore stands before each line's merchant on the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pandapack.contracts.donations import SCOPE_MARK
from services.donations.validation.domain.parsing import HASH_PRIME, HASH_START

PREFIXES_HASHED_MAX = 4_096
HASH_MASK = (1 << 64) - 1
UNSCOPED = ""
"""Before the names of programmes stands nothing."""


@dataclass(frozen=True, slots=True)
class LinePlatforms:
    """Of each line, an index into the ids of platforms; shape (lines,).

    An empty id is nobody's: names then stand as they are, and whoever reads such lines takes none of them.
    """

    ids: Sequence[str]
    of_line: npt.NDArray[np.int32]

    @classmethod
    def one(cls, platform: str, lines: int) -> LinePlatforms:
        """All lines are one platform's."""
        return cls((platform,), np.zeros(lines, np.int32))

    @property
    def prefixes(self) -> list[str]:
        """What stands before a merchant of each platform."""
        return [id and id + SCOPE_MARK for id in self.ids]


@lru_cache(maxsize=PREFIXES_HASHED_MAX)
def hash_of(prefix: str) -> int:
    """Where the hash of a name begins that stands behind `prefix`: the hash runs on through both."""
    hashed = int(HASH_START)
    for byte in prefix.encode():
        hashed = (hashed ^ byte) * int(HASH_PRIME) & HASH_MASK
    return hashed
