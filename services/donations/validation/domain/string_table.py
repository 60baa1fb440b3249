"""Interned strings: short texts as indices into a list, in a hash table in which compiled loops find them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from services.donations.validation.domain.parsing import NOT_PLAIN, Scopes, Table, put
from services.donations.validation.domain.scopes import UNSCOPED, LinePlatforms, hash_of

TEXT_BYTES = 16
"""So much room a text gets at first; the table grows."""
GROWTH = 1_024


class StringTable:
    """Texts in the order in which they were first met (`strings`), and a number that derives from each (`values`).

    A text has two parts: a prefix, which is one of a few or empty, and the rest, which stands on a line.
    `value_of(text)` raises ValueError for what is no such text: it gets no index. Not more than `strings_max` are
    remembered; then all are forgotten, and `strings` is a new list (who holds the old one keeps it).
    """

    def __init__(self, value_of: Callable[[str], int], *, slots_bits: int, strings_max: int) -> None:
        self._value_of, self._slots, self._strings_max = value_of, 1 << slots_bits, strings_max
        self._forget()

    def _forget(self) -> None:
        self.strings: list[str] = []
        self.values = np.zeros(GROWTH, np.int64)
        self.table = Table(
            np.full(self._slots, NOT_PLAIN, np.int32),
            np.zeros(GROWTH, np.int64),
            np.zeros(GROWTH, np.int32),
            np.zeros(GROWTH + 1, np.int64),
            np.zeros(GROWTH * TEXT_BYTES, np.uint8),
        )
        self._by_text: dict[str, int] = {}
        self._scopes = {UNSCOPED: 0}

    def make_room(self) -> None:
        """Forgets all where too many are remembered: called between batches, so that a batch has one list."""
        if max(len(self.strings), len(self._scopes)) >= self._strings_max:
            self._forget()

    def scopes_of(self, platforms: LinePlatforms) -> Scopes:
        """What stands before each line's text, as this table knows it: good until `make_room` is called."""
        numbers = [self._scopes.setdefault(prefix, len(self._scopes)) for prefix in platforms.prefixes]
        hashes = np.array([hash_of(prefix) for prefix in platforms.prefixes], np.uint64)
        return Scopes(platforms.of_line, np.array(numbers, np.int32), hashes)

    def index_of(self, prefix: str, rest: str) -> int:
        """The index of a text, new or known; `NOT_PLAIN` if it is no such text."""
        text = prefix + rest
        known = self._by_text.get(text)
        if known is None:
            try:
                value = self._value_of(text)
            except ValueError:
                return NOT_PLAIN
            known = self._by_text[text] = len(self.strings)
            self.strings.append(text)
            behind = np.frombuffer(rest.encode(), np.uint8)
            self._make_room_for(known, value, len(behind))
            scope = self._scopes.setdefault(prefix, len(self._scopes))
            put(self.table, known, behind, scope, np.uint64(hash_of(prefix)))
        return known

    def _make_room_for(self, index: int, value: int, size: int) -> None:
        """Room for one text more, of so many bytes."""
        slots, hashes, scopes, begins, texts = self.table
        if index + 1 >= len(hashes):
            self.values, hashes, scopes = _doubled(self.values), _doubled(hashes), _doubled(scopes)
            begins = _doubled(begins)
        if int(begins[index]) + size > len(texts):
            texts = _doubled(texts)
        self.values[index], self.table = value, Table(slots, hashes, scopes, begins, texts)


def _doubled(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate((array, np.zeros_like(array)))
