"""Finding what occurs twice among very many, in bounded memory: digests first, the things themselves only in doubt.

Each thing is known by a 64-bit digest. Digests are kept in memory up to a named number; beyond it they go to files,
parted by their highest bits, and are sorted part by part. Two things may share a digest by chance (once in some
thousand runs over a hundred million), so what is found are suspects: whoever asks looks at the things themselves.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

IN_MEMORY_MAX = 8_000_000
"""Digests held at once: 64 MB, and as much again while they are sorted or parted."""
PARTS_BITS = 8
DIGEST_BITS = 64

Digests = npt.NDArray[np.uint64]


class Repeats:
    """Takes digests, batch by batch, and names those that came more than once; a context manager for its files."""

    def __init__(self, *, in_memory_max: int = IN_MEMORY_MAX) -> None:
        self._in_memory_max = in_memory_max
        self._held: list[Digests] = []
        self._held_count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, digests: Digests) -> None:
        """More digests, in any order."""
        self._held.append(digests)
        self._held_count += len(digests)
        if self._held_count > self._in_memory_max:
            self._spill()

    def suspects(self) -> Digests:
        """The digests that were added more than once, each once, in order."""
        if self._folder is None:
            return repeated(self._all_held())
        self._spill()
        folder = Path(self._folder.name)
        parts = [repeated(np.fromfile(part, np.uint64)) for part in sorted(folder.iterdir())]
        return np.concatenate(parts)

    def _all_held(self) -> Digests:
        return np.concatenate(self._held) if self._held else np.empty(0, np.uint64)

    def _spill(self) -> None:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="panda-repeats-")
        held = np.sort(self._all_held())
        self._held, self._held_count = [], 0
        bounds = np.arange(1, 1 << PARTS_BITS, dtype=np.uint64) << np.uint64(DIGEST_BITS - PARTS_BITS)
        for number, part in enumerate(np.split(held, np.searchsorted(held, bounds))):
            with (Path(self._folder.name) / f"{number:04d}").open("ab") as file:
                part.tofile(file)


def repeated(digests: Digests) -> Digests:
    """Values that occur more than once, each once, in order."""
    ordered = np.sort(digests)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
