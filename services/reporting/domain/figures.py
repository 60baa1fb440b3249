"""Figures that only ever grow by addition: the parts of a view, one a partition, are added up in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self, TypeVar

from pandapack.contracts.envelope import Part

CountAndFen = tuple[int, int]
"""How many donations, and how many fen they are."""


class Figures(Part):
    """Base of a group of integers. The empty group is all zeros."""

    def plus(self, **more: int) -> Self:
        """The same with some of the figures grown."""
        return self.model_copy(update={name: getattr(self, name) + more[name] for name in more})

    def and_all(self, other: Self) -> Self:
        """Figure by figure."""
        return self.plus(**{name: getattr(other, name) for name in type(self).model_fields})

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """All of them added up."""
        whole = cls()
        for part in parts:
            whole = whole.and_all(part)
        return whole


F = TypeVar("F", bound=Figures)


def figures_by_name(kind: type[F], parts: Iterable[Mapping[str, F]]) -> dict[str, F]:
    """Groups of figures by name, added up name by name, sorted by name."""
    whole: dict[str, F] = {}
    for part in parts:
        for name, figures in part.items():
            whole[name] = whole.get(name, kind()).and_all(figures)
    return dict(sorted(whole.items()))


def sums_by_name(known: Mapping[str, CountAndFen], more: Iterable[Mapping[str, CountAndFen]]) -> dict[str, CountAndFen]:
    """What is known with all the rest added, name by name: a day or a merchant → (count, fen)."""
    whole = dict(known)
    for part in more:
        for name, (count, fen) in part.items():  # merchants come through here by the million: no calls in this loop
            before = whole.get(name)
            whole[name] = (count, fen) if before is None else (before[0] + count, before[1] + fen)
    return whole
