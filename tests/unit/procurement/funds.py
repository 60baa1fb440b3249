"""Funds by their history: what they follow, which needs they know, what was recorded and reversed."""

from __future__ import annotations

from pandapack.decision import Decision
from services.procurement.domain import fund
from services.procurement.domain.fund import Fund, ShardFront
from tests.unit.procurement.programme import PROGRAMME, donations, need_opened, reversals, small

NEEDS = (need_opened("need-kh", "KH", 6, 4), need_opened("need-np", "NP", 5, 5, 5, ordinal=2))


def ready() -> Fund:
    """A fund that follows the small programme and knows both needs."""
    state = fund.follow(Fund(programme=PROGRAMME), small()).state
    for need in NEEDS:
        state = fund.add_need(state, need).state
    return state


def front_of(state: Fund, shard: int) -> ShardFront:
    """The fund's front on a shard, an empty one where it has none."""
    return next((front for front in state.shards if front.shard == shard), ShardFront(shard=shard))


def with_donations(state: Fund, shard: int, fen: int) -> Fund:
    """The fund once so many more fen were recorded on a shard; `finish` is still to come."""
    applied_fen = front_of(state, shard).applied_fen
    decision = fund.credit(state, donations(shard, applied_fen, applied_fen + fen))
    assert isinstance(decision, Decision)
    return decision.state


def with_reversals(state: Fund, shard: int, fen: int) -> Fund:
    """The fund once so many more fen were reversed on a shard; `finish` is still to come."""
    reversed_fen = front_of(state, shard).reversed_fen
    decision = fund.reverse(state, reversals(shard, reversed_fen, reversed_fen + fen))
    assert isinstance(decision, Decision)
    return decision.state


def is_conserved(state: Fund) -> bool:
    """The law of the fund's money."""
    used_fen = fund.open_fen(state) + state.spent_fen + fund.reversed_fen(state)
    return fund.applied_fen(state) == fund.unallocated_fen(state) + used_fen
