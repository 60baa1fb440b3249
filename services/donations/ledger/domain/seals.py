"""Seals: a document of its own for each closed page, the Merkle root over its rows chained to the seal before."""

from __future__ import annotations

from dataclasses import dataclass

from pandapack.contracts.columns import Columns
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, page_id, seal_hash


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
