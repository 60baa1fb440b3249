"""What was taken back of the donations of one day on one shard, by a settlement's cut-off and ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.donations.ledger.domain.reversals import TAKEN, ReversalRecord


@dataclass(frozen=True, slots=True)
class DayReversals:
    """Donation (`merchant/id`) → fen: taken back by the cut-off, and in all that the ledger knows."""

    by_cut_off: Mapping[str, int] = field(default_factory=dict)
    ever: Mapping[str, int] = field(default_factory=dict)


def day_reversals(records: Iterable[ReversalRecord], merchants: Collection[str], cut_off: datetime) -> DayReversals:
    """Adds up the reversals of some merchants' donations of one day. Only what the ledger has taken counts."""
    by_cut_off: dict[str, int] = {}
    ever: dict[str, int] = {}
    for record in records:
        reversal = record.reversal
        if record.state != TAKEN or reversal.merchant not in merchants:
            continue
        key = f"{reversal.merchant}/{reversal.donation}"
        ever[key] = ever.get(key, 0) + reversal.amount_fen
        if reversal.at <= cut_off:
            by_cut_off[key] = by_cut_off.get(key, 0) + reversal.amount_fen
    return DayReversals(by_cut_off, ever)
