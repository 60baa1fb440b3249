"""Which need comes next, and which schools: by the needs alone, never by the order in which money came.

The fund knows of a need how much it asks for, and nothing of its schools: they stay in the need, and the round that is
opened for some of them takes them from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import SchoolShare


class NeedShare(Part):
    """An open need as the fund knows it."""

    need: str
    country: str
    specification: str
    parcels: int
    funded_parcels: int = 0


Ordinals = tuple[tuple[int, int], ...]
"""Numbers from 1 as runs (first, last), in order: what was numbered without gaps is one run."""


def unmet_parcels(need: NeedShare) -> int:
    """How many parcels the need still waits for."""
    return need.parcels - need.funded_parcels


def next_need(needs: Iterable[NeedShare]) -> NeedShare | None:
    """The need of which the greatest share is unmet; of equals the one whose id comes first. None: all are met."""
    unmet = [need for need in needs if unmet_parcels(need) > 0]
    return min(unmet, key=lambda n: (-Fraction(unmet_parcels(n), n.parcels), n.need), default=None)


def is_among(ordinals: Ordinals, ordinal: int) -> bool:
    """Whether the number is in one of the runs."""
    return any(first <= ordinal <= last for first, last in ordinals)


def with_ordinal(ordinals: Ordinals, ordinal: int) -> Ordinals:
    """The runs with one number more; runs that touch are one."""
    runs: list[tuple[int, int]] = []
    for first, last in sorted((*ordinals, (ordinal, ordinal))):
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
        else:
            runs.append((first, last))
    return tuple(runs)


def deal(schools: Sequence[SchoolShare], skip: int, count: int) -> tuple[SchoolShare, ...]:
    """Parcels `skip` … `skip + count - 1` of a need, dealt out school after school."""
    dealt: list[SchoolShare] = []
    upto = 0
    for school in schools:
        low, high = max(upto, skip), min(upto + school.parcels, skip + count)
        upto += school.parcels
        if low < high:
            dealt.append(school.model_copy(update={"parcels": high - low}))
    assert sum(share.parcels for share in dealt) == count, "a need has as many parcels as its schools"
    return tuple(dealt)


def after_round(need: NeedShare, parcels: int) -> NeedShare:
    """The need once a round of so many parcels is funded for it."""
    assert 0 < parcels <= unmet_parcels(need)
    return need.model_copy(update={"funded_parcels": need.funded_parcels + parcels})


def without_met(needs: Collection[NeedShare]) -> tuple[NeedShare, ...]:
    """The needs that still wait: what is met is forgotten."""
    return tuple(need for need in needs if unmet_parcels(need) > 0)
