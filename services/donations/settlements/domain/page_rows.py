"""Rows of a ledger's page as numpy holds them: which are marked, which are some merchants', what they add up to."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from pandapack.contracts.columns import StringColumn

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
"""Indices of rows on a page."""
Cell = tuple[int, int]
"""Count and fen of a merchant's day."""


def marked(mask: Mask, rows: Rows) -> Mask:
    """Which rows a mask marks; beyond its end it marks none."""
    marked = np.zeros(len(rows), np.bool_)
    within = rows < len(mask)
    marked[within] = mask[rows[within]]
    return marked


def of_merchants(merchants: StringColumn, rows: Rows, wanted: Collection[str]) -> Mask:
    """Which rows are of some merchants."""
    if not wanted:
        return np.zeros(len(rows), np.bool_)
    indices, at = np.unique(merchants.indices[rows], return_inverse=True)
    is_wanted = np.array([merchants.strings[index] in wanted for index in indices.tolist()], np.bool_)
    found: Mask = is_wanted[at] if len(indices) else np.zeros(0, np.bool_)
    return found


def cells_of(merchants: StringColumn, rows: Rows, fen: npt.NDArray[np.int64]) -> dict[str, Cell]:
    """Count and sum of some rows by merchant; `fen`, shape (rows,): what each of them adds."""
    indices, at = np.unique(merchants.indices[rows], return_inverse=True)
    counts, sums = np.bincount(at, minlength=len(indices)), np.zeros(len(indices), np.int64)
    np.add.at(sums, at, fen)
    cells = zip(indices.tolist(), counts.tolist(), sums.tolist(), strict=True)
    return {merchants.strings[index]: (count, total) for index, count, total in cells}
