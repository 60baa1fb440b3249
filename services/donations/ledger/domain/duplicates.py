"""Which donations of a shard and day are known: exact, in five bytes a donation.

A donation is known by a fingerprint: 64 evenly mixed bits of merchant and id, under a seed of the process's own, so
that nobody outside can make two alike. The index keeps 40 of them and, as a hint, the last byte of the page's number.
What it says is only "perhaps, on one of these pages": a hit is looked up there, and identities are compared as they are
written. So a fingerprint can cost a look at a page, but never decide.

Fingerprints lie sorted: the newest in two short runs, the rest in 256 buckets by their first byte. A run that is full
is merged into the next, so that each fingerprint is moved a bounded number of times however many there are. The loops
over them are compiled (`fingerprints`).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from pandapack.contracts.columns import Columns
from services.donations.ledger.domain.fingerprints import (
    HINTS,
    Buckets,
    FingerprintArray,
    Offsets,
    found_in_buckets,
    found_in_run,
    merged,
    with_run,
)

RUN_ROWS_MAX = 32_768
RUN_SHARE = 16
"""The second run is merged into the buckets when it has a sixteenth of their rows."""
MERCHANTS_REMEMBERED_MAX = 200_000
FINGERPRINT_BYTES = 8

_HINT = np.uint64(HINTS - 1)


class Fingerprints:
    """Takes fingerprints of donations. `seed`: any bytes, 1 to 64, of the process's own."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._merchants: dict[str, int] = {}
        self._names: Sequence[str] = ()
        self._by_index: FingerprintArray = np.empty(0, np.uint64)

    def of(self, columns: Columns) -> FingerprintArray:
        """The fingerprint of each row: of merchant and id, not of the day."""
        merchants = columns.merchants
        by_index = self._of_names(merchants.strings)
        numbers = columns.ids.numbers
        if columns.ids.texts:
            numbers = numbers.copy()
            rows = list(columns.ids.texts)
            numbers[rows] = [self._of_text(text) for text in columns.ids.texts.values()]
        return _mixed(numbers + by_index[merchants.indices])

    def _of_names(self, names: Sequence[str]) -> FingerprintArray:
        """The number of each merchant of a list, which is most often the list of the batch before, or grew since."""
        if names is not self._names:
            self._names, self._by_index = names, np.empty(0, np.uint64)
        known = len(self._by_index)
        if known < len(names):
            more = np.array([self._of_merchant(name) for name in names[known:]], np.uint64)
            self._by_index = np.concatenate((self._by_index, more))
        return self._by_index

    def _of_merchant(self, merchant: str) -> int:
        known = self._merchants.get(merchant)
        if known is None:
            if len(self._merchants) >= MERCHANTS_REMEMBERED_MAX:
                self._merchants.clear()
            known = self._merchants[merchant] = self._of_text(merchant)
        return known

    def _of_text(self, text: str) -> int:
        return int.from_bytes(blake2b(text.encode(), digest_size=FINGERPRINT_BYTES, key=self._seed).digest(), "little")


def _mixed(bits: FingerprintArray) -> FingerprintArray:
    """SplitMix64's last steps: each bit of a number moves half the bits of the result."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


class DayIndex:
    """The donations of one shard and day that are on its pages."""

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

    def learn(self, fingerprints: FingerprintArray, page: int) -> None:
        """Adds donations that a page holds."""
        pages = self._pages.setdefault(page % HINTS, [])
        if page not in pages:
            pages.append(page)
        self._runs[0] = merged(self._runs[0], np.sort((fingerprints & ~_HINT) | np.uint64(page % HINTS)))
        if len(self._runs[0]) > RUN_ROWS_MAX:
            self._runs = [np.empty(0, np.uint64), merged(*self._runs)]
        if len(self._runs[1]) > max(RUN_ROWS_MAX, len(self._buckets.lows) // RUN_SHARE):
            self._buckets = with_run(self._buckets, self._runs[1])
            self._runs[1] = np.empty(0, np.uint64)

    def find(self, fingerprints: FingerprintArray, rows: Offsets) -> dict[int, set[int]]:
        """Page → which of some rows it perhaps holds, by their fingerprints in order. A row that is in none is new."""
        hits = [found_in_run(run, fingerprints) for run in self._runs if len(run)]
        if len(self._buckets.lows):
            hits.append(found_in_buckets(self._buckets, fingerprints))
        found: dict[int, set[int]] = {}
        for offsets, hints in hits:
            for row, hint in zip(rows[offsets].tolist(), hints.tolist(), strict=True):
                for page in self._pages[hint]:
                    found.setdefault(page, set()).add(row)
        return found


class PageLookup:
    """A page's rows by fingerprint."""

    __slots__ = ("_order", "_sorted", "columns")

    def __init__(self, columns: Columns, fingerprints: FingerprintArray) -> None:
        self.columns = columns
        self._order = np.argsort(fingerprints)
        self._sorted = fingerprints[self._order]

    def rows(self, fingerprints: FingerprintArray) -> Sequence[int]:
        """The rows that have one of these fingerprints."""
        low = np.searchsorted(self._sorted, fingerprints, side="left")
        high = np.searchsorted(self._sorted, fingerprints, side="right")
        return [row for begin, end in zip(low, high, strict=True) for row in self._order[begin:end].tolist()]
