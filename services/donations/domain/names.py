"""Short texts as places in a list, looked up for a whole column at once.

A text of up to 16 bytes is two 64-bit words, padded with zero bytes; since no text here holds a zero byte, the words
are the text. A table of slots, hashed by them, knows the place of most; what it does not know is looked up one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]

TEXT_BYTES_MAX = 16
"""Longer texts are looked up one by one."""
UNKNOWN = -1
GROWTH = 1_024
_MIX_FIRST, _MIX_SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class Names:
    """Texts in the order in which they were first met, and a number that derives from each.

    `value_of(text)` raises ValueError for what is no such text: it gets no place. Not more than `most` are remembered;
    then all are forgotten, and `names` is a new list (who holds the old one keeps it).
    """

    def __init__(self, value_of: Callable[[str], int], *, slots_bits: int, most: int) -> None:
        self._value_of, self._bits, self._most = value_of, slots_bits, most
        self._forget()

    def _forget(self) -> None:
        self.names: list[str] = []
        self.values = np.zeros(GROWTH, np.int64)
        self._words = np.zeros((2, GROWTH), np.uint64)
        self._slots = np.full(1 << self._bits, UNKNOWN, np.int32)
        self._by_text: dict[str, int] = {}

    def make_room(self) -> None:
        """Forgets all where too many are remembered: called between batches, so that a batch has one list."""
        if len(self.names) >= self._most:
            self._forget()

    def place(self, text: str) -> int:
        """The place of a text, new or known; `UNKNOWN` if it is no such text."""
        known = self._by_text.get(text)
        if known is None:
            try:
                value = self._value_of(text)
            except ValueError:
                return UNKNOWN
            known = self._by_text[text] = len(self.names)
            self.names.append(text)
            if known >= len(self.values):
                self.values = np.concatenate((self.values, np.zeros_like(self.values)))
                self._words = np.concatenate((self._words, np.zeros_like(self._words)), axis=1)
            self.values[known] = value
        return known

    def places(self, first: Words, second: Words, lengths: npt.NDArray[Any], text_of: Callable[[int], str]) -> Places:
        """The place of each text of a column, given as its two words; `text_of(row)` spells one out."""
        slots = ((first * _MIX_FIRST) ^ (second * _MIX_SECOND)) * _MIX_FIRST >> np.uint64(64 - self._bits)
        places: Places = self._slots[slots]
        known = (places >= 0) & (self._words[0][places] == first) & (self._words[1][places] == second)
        known &= lengths <= TEXT_BYTES_MAX
        for row in np.flatnonzero(~known).tolist():
            place = self.place(text_of(row))
            places[row] = place
            if place >= 0 and lengths[row] <= TEXT_BYTES_MAX:
                self._slots[slots[row]] = place
                self._words[0][place], self._words[1][place] = first[row], second[row]
        return places
