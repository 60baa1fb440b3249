"""Which donations of a line and day are known: exact, in five bytes a donation.

A donation is known by a fingerprint: 64 evenly mixed bits of merchant and id, under a seed of the process's own, so
that nobody outside can make two alike. The index keeps 40 of them and, as a hint, the last byte of the page's number.
What it says is only "perhaps, on one of these pages": a hit is looked up there, and identities are compared as they are
written. So a fingerprint can cost a look at a page, but never decide.

Fingerprints lie sorted: the newest in two short runs, the rest in 256 buckets by their first byte. A run that is full
is merged into the next, so that each fingerprint is moved a bounded number of times however many there are. The loops
over them are compiled (`prints`).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from pandapack.contracts.columns import Columns
from services.donations.domain.prints import (
    HINTS,
    Buckets,
    Offsets,
    Prints,
    found_in_buckets,
    found_in_run,
    merged,
    with_run,
)

RUN_ROWS_MAX = 32_768
RUN_SHARE = 16
"""The second run is merged into the buckets when it has a sixteenth of their rows."""
MERCHANTS_REMEMBERED_MAX = 200_000
PRINT_BYTES = 8

_HINT = np.uint64(HINTS - 1)


class Fingerprints:
    """Takes fingerprints of donations. `seed`: any bytes, 1 to 64, of the process's own."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._merchants: dict[str, int] = {}
        self._names: Sequence[str] = ()
        self._by_place: Prints = np.empty(0, np.uint64)

    def of(self, columns: Columns) -> Prints:
        """The fingerprint of each row: of merchant and id, not of the day."""
        merchants = columns.merchants
        by_place = self._of_names(merchants.names)
        numbers = columns.ids.numbers
        if columns.ids.texts:
            numbers = numbers.copy()
            rows = list(columns.ids.texts)
            numbers[rows] = [self._of_text(text) for text in columns.ids.texts.values()]
        return _mixed(numbers + by_place[merchants.places])

    def _of_names(self, names: Sequence[str]) -> Prints:
        """The number of each merchant of a list, which is most often the list of the batch before, or grew since."""
        if names is not self._names:
            self._names, self._by_place = names, np.empty(0, np.uint64)
        known = len(self._by_place)
        if known < len(names):
            more = np.array([self._of_merchant(name) for name in names[known:]], np.uint64)
            self._by_place = np.concatenate((self._by_place, more))
        return self._by_place

    def _of_merchant(self, merchant: str) -> int:
        known = self._merchants.get(merchant)
        if known is None:
            if len(self._merchants) >= MERCHANTS_REMEMBERED_MAX:
                self._merchants.clear()
            known = self._merchants[merchant] = self._of_text(merchant)
        return known

    def _of_text(self, text: str) -> int:
        return int.from_bytes(blake2b(text.encode(), digest_size=PRINT_BYTES, key=self._seed).digest(), "little")


def _mixed(words: Prints) -> Prints:
    """SplitMix64's last steps: each bit of a word moves half the bits of the result."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class DayIndex:
    """The donations of one line and day that are on its pages."""

    __slots__ = ("_buckets", "_pages", "_runs")

    def __init__(self) -> None:
        self._pages: dict[int, list[int]] = {}
        self._runs = [np.empty(0, np.uint64), np.empty(0, np.uint64)]
        self._buckets = Buckets.empty()

    def __len__(self) -> int:
        return len(self._buckets.lows) + sum(map(len, self._runs))

    @property
    def size_bytes(self) -> int:
        """The memory that it takes."""
        return self._buckets.lows.nbytes + self._buckets.hints.nbytes + sum(run.nbytes for run in self._runs)

    def learn(self, prints: Prints, page: int) -> None:
        """Adds donations that a page holds."""
        pages = self._pages.setdefault(page % HINTS, [])
        if page not in pages:
            pages.append(page)
        self._runs[0] = merged(self._runs[0], np.sort((prints & ~_HINT) | np.uint64(page % HINTS)))
        if len(self._runs[0]) > RUN_ROWS_MAX:
            self._runs = [np.empty(0, np.uint64), merged(*self._runs)]
        if len(self._runs[1]) > max(RUN_ROWS_MAX, len(self._buckets.lows) // RUN_SHARE):
            self._buckets = with_run(self._buckets, self._runs[1])
            self._runs[1] = np.empty(0, np.uint64)

    def find(self, prints: Prints, rows: Offsets) -> dict[int, set[int]]:
        """Page → which of some rows it perhaps holds, by their fingerprints in order. A row that is in none is new."""
        hits = [found_in_run(run, prints) for run in self._runs if len(run)]
        if len(self._buckets.lows):
            hits.append(found_in_buckets(self._buckets, prints))
        found: dict[int, set[int]] = {}
        for places, hints in hits:
            for row, hint in zip(rows[places].tolist(), hints.tolist(), strict=True):
                for page in self._pages[hint]:
                    found.setdefault(page, set()).add(row)
        return found


class PageLookup:
    """A page's rows by fingerprint."""

    __slots__ = ("_order", "_prints", "columns")

    def __init__(self, columns: Columns, prints: Prints) -> None:
        self.columns = columns
        self._order = np.argsort(prints)
        self._prints = prints[self._order]

    def rows(self, prints: Prints) -> Sequence[int]:
        """The rows that have one of these fingerprints."""
        low = np.searchsorted(self._prints, prints, side="left")
        high = np.searchsorted(self._prints, prints, side="right")
        return [row for begin, end in zip(low, high, strict=True) for row in self._order[begin:end].tolist()]
