"""What became of a push: accepted once Kafka has all of it, judged once the ledger has decided its last record."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.donations.pushes.domain.push import Push
from services.donations.validation.domain.reversal_refusals import REVERSAL_CONFLICT

UNFINISHED, ACCEPTED, JUDGED, LOST = "unfinished", "accepted", "judged", "lost"
"""Unfinished: not answered yet, and to be pushed again. Lost: a shard resumed without a record of it: push it again."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where a push stands. `counted`: of its lines, the donations counted or the reversals taken.

    `counted` is None until the push is judged, and where that cannot be told: it went to Kafka more than once, and some
    of its duplicates may be its own lines.
    """

    state: str
    counted: int | None = None


def judgement(
    push: Push, kinds: Sequence[str], next_offsets: Mapping[int, int], lost: Mapping[int, Collection[range]]
) -> Judgement:
    """`kinds`: of what the ledger found in it. `next_offsets`: by shard, the first offset not decided yet; `lost`: by
    shard, the offsets that it resumed without.
    """
    if push.answer is None:
        return Judgement(UNFINISHED)
    if not push.ends or any(next_offsets.get(shard, 0) <= end for shard, end in push.ends.items()):
        return Judgement(ACCEPTED)
    if any(end in gap for shard, end in push.ends.items() for gap in lost.get(shard, ())):
        return Judgement(LOST)
    if push.is_resent and kinds:
        return Judgement(JUDGED)
    # A reversal's conflict that was seen at the door was told to the ledger all the same.
    told = sum(failure["code"] == REVERSAL_CONFLICT for failure in push.answer["failures"])
    return Judgement(JUDGED, push.answer["accepted"] + told - len(kinds))
