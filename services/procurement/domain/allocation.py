"""Which need comes next, and which schools: by the needs alone, never by the order in which money came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import SchoolShare


class NeedShare(Part):
    """A need as the fund knows it. `schools` are forgotten once it is met."""

    need: str
    country: str
    specification: str
    parcels: int
    funded_parcels: int = 0
    schools: tuple[SchoolShare, ...] = ()


def unmet_parcels(need: NeedShare) -> int:
    """How many parcels the need still waits for."""
    return need.parcels - need.funded_parcels


def next_need(needs: Iterable[NeedShare]) -> NeedShare | None:
    """The need of which the greatest share is unmet; of equals the one whose id comes first. None: all are met."""
    unmet = [need for need in needs if unmet_parcels(need) > 0]
    return min(unmet, key=lambda n: (-Fraction(unmet_parcels(n), n.parcels), n.need), default=None)


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
    funded = need.funded_parcels + parcels
    return need.model_copy(update={"funded_parcels": funded, "schools": () if funded == need.parcels else need.schools})
