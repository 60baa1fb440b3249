"""Short texts as places in a list, in a table in which compiled loops find them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from services.donations.domain.parsing import NOT_PLAIN, Table, put

TEXT_BYTES = 16
"""So much room a text is made at first; the table grows."""
GROWTH = 1_024


class Names:
    """Texts in the order in which they were first met, and a number that derives from each.

    `value_of(text)` raises ValueError for what is no such text: it gets no place. Not more than `most` are remembered;
    then all are forgotten, and `names` is a new list (who holds the old one keeps it).
    """

    def __init__(self, value_of: Callable[[str], int], *, slots_bits: int, most: int) -> None:
        self._value_of, self._slots, self._most = value_of, 1 << slots_bits, most
        self._forget()

    def _forget(self) -> None:
        self.names: list[str] = []
        self.values = np.zeros(GROWTH, np.int64)
        self.table = Table(
            np.full(self._slots, NOT_PLAIN, np.int32),
            np.zeros(GROWTH, np.int64),
            np.zeros(GROWTH + 1, np.int64),
            np.zeros(GROWTH * TEXT_BYTES, np.uint8),
        )
        self._by_text: dict[str, int] = {}

    def make_room(self) -> None:
        """Forgets all where too many are remembered: called between batches, so that a batch has one list."""
        if len(self.names) >= self._most:
            self._forget()

    def place(self, text: str) -> int:
        """The place of a text, new or known; `NOT_PLAIN` if it is no such text."""
        known = self._by_text.get(text)
        if known is None:
            try:
                value = self._value_of(text)
            except ValueError:
                return NOT_PLAIN
            known = self._by_text[text] = len(self.names)
            self.names.append(text)
            self._keep(known, value, np.frombuffer(text.encode(), np.uint8))
        return known

    def _keep(self, place: int, value: int, text: npt.NDArray[np.uint8]) -> None:
        slots, hashes, begins, texts = self.table
        if place + 1 >= len(hashes):
            self.values, hashes, begins = _doubled(self.values), _doubled(hashes), _doubled(begins)
        if int(begins[place]) + len(text) > len(texts):
            texts = _doubled(texts)
        self.values[place], self.table = value, Table(slots, hashes, begins, texts)
        put(self.table, place, text)


def _doubled(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate((array, np.zeros_like(array)))
