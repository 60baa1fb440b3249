"""Seals: a document of its own for each closed page, the Merkle root over its rows chained to the seal before.

What is sealed is never sealed again. Whoever would has lost seals, or somebody took them away: a person must look.
"""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.contracts.columns import Columns
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, page_id, seal_hash
from pandapack.decision import Refusal

MEND = "nothing is sealed behind it: compare with a backup, and run `panda audit`"


@dataclass(frozen=True, slots=True)
class Seal:
    """What proves a closed page: its root, and its link in the shard's chain."""

    shard: int
    number: int
    rows: int
    root: bytes
    previous: bytes
    chained: bytes


def seal(shard: int, number: int, columns: Columns, before: Seal | None) -> Seal:
    """The seal of a shard's closed page `number`, behind the seal of the page before (None for page 0)."""
    assert (before.number + 1 if before else 0) == number, f"shard {shard}: page {number} is sealed out of order"
    previous = before.chained if before else FIRST_SEAL
    root = page_root(columns)
    return Seal(
        shard, number, len(columns), root, previous, seal_hash(previous, page_id(shard, number), len(columns), root)
    )


def refuse_to_seal(
    shard: int, last: Seal | None, missing: int | None, published: tuple[int, str], at_published: Seal | None
) -> Refusal | None:
    """Why a shard's next page is not sealed; None where it may be.

    `last`: its last seal; `missing`: the first page before that without one; `published`: of how many pages the seals
    are published, and the last of these (chained, hex); `at_published`: the seal that this page has.
    """
    (pages, chained), sealed = published, last.number if last else -1
    if pages - 1 > sealed:
        detail = (
            f"shard {shard}: the seal of page {pages - 1} was published, and the last seal is that of page {sealed}"
        )
        return Refusal("published_seal_missing", f"{detail}; {MEND}")
    if missing is not None:
        return Refusal("seal_missing", f"shard {shard}: page {missing} has no seal, and later ones have; {MEND}")
    if pages and (at_published is None or at_published.chained.hex() != chained):
        detail = f"shard {shard}: page {pages - 1} has another seal than the one that was published"
        return Refusal("published_seal_differs", f"{detail}; {MEND}")
    return None
