"""A recount from its beginning to its end: fetched, proven, counted, compared."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.note import VerifierKey
from pandapack.recount.counting import Figures, count
from pandapack.recount.differences import Comparison, compare, shown_figures
from pandapack.recount.fetching import Address, Folder, NotProven, NotThere, Progress, prove, signed_checkpoint


@dataclass(frozen=True, slots=True)
class Recounted:
    """What was recounted, over which entries, and, where there is a page, how its figures compare."""

    checkpoint: Checkpoint
    size: int
    root: bytes
    figures: Figures
    comparison: Comparison | None


def recounted(source: Address | Folder, key: VerifierKey, size: int | None, progress: Progress) -> Recounted:
    """The figures of the first `size` entries (None: of all that are signed), and how the page's compare.

    Raises NotProven, NotThere.
    """
    signed = signed_checkpoint(source, key)
    counted = signed.size if size is None else size
    if counted > signed.size:
        raise NotProven(f"the checkpoint signs {signed.size} entries, and not {counted}")
    files = source.entry_files(counted, progress)
    root = prove(source, files, counted, signed)
    try:
        figures = count(files, counted)
    except duckdb.Error as error:
        raise NotProven(f"the entries are those that are signed, and cannot be counted: {error}") from error
    if isinstance(source, Folder):
        return Recounted(signed, counted, root, figures, None)
    return Recounted(signed, counted, root, figures, compare(figures, _shown(source, counted)))


def _shown(source: Address, size: int) -> Figures:
    """What the page says at a size. Raises NotThere, also where the answers are no figures."""
    totals, laws = source.json("v1/totals", as_of=size), source.json("v1/conservation", as_of=size)
    try:
        return shown_figures(totals, source.tables(size), laws)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotThere(f"{source.client.base_url} does not answer with figures: {error!r}") from error
