"""The money view: how far each programme's fund has applied each shard of the fen line. A trace needs it.

One document a partition. All of a fund's events are in one partition, so a programme is in one document.
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.envelope import Part
from pandapack.contracts.procurement import FundCredited
from pandapack.decision import Decision


class Money(Part):
    """One partition. `applied_fen`: programme → shard → how far the fund has applied it."""

    applied_fen: dict[str, dict[str, int]] = {}


def credit(state: Money, event: FundCredited) -> Decision[Money]:
    """The fund has applied more of some shards."""
    fronts = {str(shard): fen for shard, fen in event.applied_fen.items()}
    known = state.applied_fen.get(event.programme, {})
    return Decision(Money(applied_fen=state.applied_fen | {event.programme: known | fronts}))


def applied_fen(money: Iterable[Money], programme: str) -> dict[str, int]:
    """Shard → how far the programme's fund has applied it."""
    applied: dict[str, int] = {}
    for part in money:
        applied |= part.applied_fen.get(programme, {})
    return applied
