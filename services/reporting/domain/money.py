"""The money view: what the events of the fund, the rounds and the orders tell of fen, by programme and by country.

One document a partition. A round's funding, its spending and its orders lie in different partitions, so a single
document knows only a part of each figure, and only the sum over all documents means something.
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.procurement import (
    FundCredited,
    FundReversed,
    FundsCommitted,
    FundsSpent,
    OrderPlaced,
    RoundClosed,
    RoundFunded,
)
from pandapack.decision import Decision
from services.reporting.domain.figures import Figures


class MoneyFigures(Figures):
    """Sums over all events, all in fen but `rounds` and `orders`."""

    credited_fen: int = 0
    reversed_fen: int = 0
    funded_fen: int = 0
    committed_fen: int = 0
    uncommitted_fen: int = 0
    spent_fen: int = 0
    released_fen: int = 0
    rounds: int = 0
    orders: int = 0

    @property
    def unallocated_now_fen(self) -> int:
        """In the fund, and no round has it; negative while more is owed to reversals than is there."""
        return self.credited_fen - self.reversed_fen - self.funded_fen + self.released_fen

    @property
    def reserved_now_fen(self) -> int:
        """Rounds have it, and no order."""
        return self.funded_fen - self.committed_fen + self.uncommitted_fen - self.released_fen

    @property
    def committed_now_fen(self) -> int:
        """Ordered, and not paid."""
        return self.committed_fen - self.uncommitted_fen - self.spent_fen


class Money(Part):
    """One partition. `applied_fen`: programme → shard → how far the fund has applied it.

    `owed_fen`: programme → what its fund owes to reversals, by its last event.
    """

    programmes: dict[str, MoneyFigures] = {}
    countries: dict[str, MoneyFigures] = {}
    applied_fen: dict[str, dict[str, int]] = {}
    owed_fen: dict[str, int] = {}


def book(state: Money, event: Event) -> Decision[Money]:
    """Adds what an event tells of money. Other events change nothing."""
    match event:
        case FundCredited():
            fronts = {str(shard): fen for shard, fen in event.applied_fen.items()}
            known = state.applied_fen.get(event.programme, {})
            applied_fen = state.applied_fen | {event.programme: known | fronts}
            state = state.model_copy(update={"applied_fen": applied_fen})
            return _add(state, event.programme, None, credited_fen=event.credited_fen)
        case FundReversed():
            owed_fen = state.owed_fen | {event.programme: event.owed_fen}
            state = state.model_copy(update={"owed_fen": owed_fen})
            return _add(state, event.programme, None, reversed_fen=event.reversed_fen)
        case RoundFunded():
            return _add(state, event.programme, event.country, funded_fen=event.reserved_fen, rounds=1)
        case FundsCommitted():
            return _add(state, event.programme, event.country, committed_fen=event.fen)
        case FundsSpent():
            paid = {"spent_fen": event.fen, "uncommitted_fen": event.uncommitted_fen}
            return _add(state, event.programme, event.country, **paid)
        case RoundClosed():
            return _add(state, event.programme, event.country, released_fen=event.released_fen)
        case OrderPlaced():
            return _add(state, event.programme, event.country, orders=1)
        case _:
            return Decision(state)


def _add(state: Money, programme: str, country: str | None, **more: int) -> Decision[Money]:
    programmes = state.programmes | {programme: state.programmes.get(programme, MoneyFigures()).plus(**more)}
    update = {"programmes": programmes}
    if country is not None:
        update["countries"] = state.countries | {country: state.countries.get(country, MoneyFigures()).plus(**more)}
    return Decision(state.model_copy(update=update))


def applied_fen(money: Iterable[Money], programme: str) -> dict[str, int]:
    """Shard → how far the programme's fund has applied it."""
    applied: dict[str, int] = {}
    for part in money:
        applied |= part.applied_fen.get(programme, {})
    return applied
