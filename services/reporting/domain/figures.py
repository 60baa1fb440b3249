"""Sums by name: the parts of a view, one a partition, are added up in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CountAndFen = tuple[int, int]
"""How many donations, and how many fen they are."""


def sums_by_name(known: Mapping[str, CountAndFen], more: Iterable[Mapping[str, CountAndFen]]) -> dict[str, CountAndFen]:
    """What is known with all the rest added, name by name: a day or a merchant → (count, fen)."""
    whole = dict(known)
    for part in more:
        for name, (count, fen) in part.items():  # merchants come through here by the million: no calls in this loop
            before = whole.get(name)
            whole[name] = (count, fen) if before is None else (before[0] + count, before[1] + fen)
    return whole
