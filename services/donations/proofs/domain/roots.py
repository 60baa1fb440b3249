"""Daily roots: what the chains of all shards were when a day had ended, one root a day, without gaps."""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.donations import day_begins_us, day_of_name
from pandapack.contracts.merkle import root_of
from pandapack.contracts.pages import FIRST_SEAL
from pandapack.contracts.proof import DailyRoot, ShardRoot, seal_leaf
from services.donations.ledger.domain.pages import ShardEnd

LAST_PAGES_S = 60
"""So long after midnight (business time, Asia/Shanghai) the day's last pages may still be written."""


def due_day(last: str | None, first_opened: int | None, now_us: int) -> int | None:
    """The day whose root is to be signed next, in days since 1970, or None while none is due.

    last: the day of the last root. first_opened: the day on which the ledger's first page was opened.
    """
    if last is None and first_opened is None:
        return None
    day = day_of_name(last) + 1 if last is not None else first_opened
    assert day is not None, "either a root or a page is there"
    ends_us = day_begins_us(day + 1)
    return day if now_us >= ends_us + LAST_PAGES_S * 1_000_000 else None


def first_new(before: DailyRoot | None, shard: int) -> int:
    """The first page of a shard that the root before does not cover."""
    return before.shards[shard].page + 1 if before else 0


def shard_root(end: ShardEnd, before: DailyRoot | None, chained: Sequence[str]) -> ShardRoot:
    """A shard's part of a daily root. `chained`: the seals (hex) of its new pages, in order."""
    first = first_new(before, end.shard)
    assert len(chained) == end.page + 1 - first, f"shard {end.shard}: every page to {end.page} is sealed"
    idle = before.shards[end.shard].chained if before else FIRST_SEAL.hex()
    last = chained[-1] if chained else idle
    seals_root = root_of([seal_leaf(one) for one in chained]).hex()
    return ShardRoot(end.shard, first, end.page, last, seals_root, end.counts, end.fen)
