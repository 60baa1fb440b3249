"""A shard that cannot resume by itself: at which gap it stopped, and who let it resume, with what reason.

A shard stops where its log begins beyond the next record: input is gone (the log lost its front, or the topic was made
anew and has lost it already). Nothing is skipped by itself: an operator says that the shard may resume behind the
gap, and that is kept for good. What was lost is pushed again by the platform, or missing in its settlement's statement.
"""

from __future__ import annotations

from datetime import datetime

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal

REASON_CHARACTERS_MAX = 500
GAPS_MAX = 200
"""Each with its reason: what operators say of a shard has an end, and a log with so many gaps cannot be trusted."""


class Gap(Part):
    """Kafka offsets `[wanted, begins)` of a shard are gone."""

    wanted: int
    begins: int
    since: datetime


class Resumption(Part):
    """An operator let a shard resume behind a gap."""

    gap: Gap
    reason: str
    by: str
    at: datetime


class ShardGaps(Part):
    """What people must know of a shard's gaps. `resumptions` is never shortened: it is the audit record."""

    shard: int
    gap: Gap | None = None
    resumptions: tuple[Resumption, ...] = ()


def stop(state: ShardGaps, wanted: int, begins: int, at: datetime) -> Decision[ShardGaps]:
    """The shard stopped at a gap. It is told so at each attempt: only another gap changes anything."""
    if state.gap is not None and (state.gap.wanted, state.gap.begins) == (wanted, begins):
        return Decision(state)
    return Decision(state.model_copy(update={"gap": Gap(wanted=wanted, begins=begins, since=at)}))


def resume(
    state: ShardGaps, *, wanted: int, begins: int, reason: str, by: str, at: datetime
) -> Decision[ShardGaps] | Refusal:
    """The operator names the gap that they have seen: another one, or none, is refused."""
    gap = state.gap
    if gap is None:
        return Refusal("shard_not_stopped", f"shard {state.shard} has not stopped at a gap; there is nothing to let go")
    if (gap.wanted, gap.begins) != (wanted, begins):
        detail = f"shard {state.shard} wants offset {gap.wanted}, and its log begins at {gap.begins}: look again"
        return Refusal("gap_is_another", detail)
    if len(state.resumptions) >= GAPS_MAX:
        return Refusal(
            "too_many_gaps", f"shard {state.shard} resumed behind {GAPS_MAX} gaps: its log cannot be trusted"
        )
    done = Resumption(gap=gap, reason=reason, by=by, at=at)
    answer: dict[str, object] = {"shard": state.shard, "wanted": wanted, "begins": begins, "by": by, "reason": reason}
    return Decision(state.model_copy(update={"gap": None, "resumptions": (*state.resumptions, done)}), answer=answer)


def allows(state: ShardGaps, wanted: int, begins: int) -> bool:
    """Whether an operator let exactly this gap go."""
    return any((done.gap.wanted, done.gap.begins) == (wanted, begins) for done in state.resumptions)
