"""A line that cannot go on by itself: why it stopped, and who let it go on, with what reason.

A line stops where its log begins beyond the next record: input is gone (the log lost its front, or the topic was made
anew and has lost it already). Nothing is skipped by itself: an operator says that the line may go on behind the gap,
and that is kept for good. What was lost is pushed again by the platform, or found by the day's reconciliation.
"""

from __future__ import annotations

from datetime import datetime

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal

REASON_CHARACTERS_MAX = 500
GAPS_MAX = 1_000


class Gap(Part):
    """Kafka offsets `[wanted, begins)` of a line are gone."""

    wanted: int
    begins: int
    since: datetime


class GoneOn(Part):
    """An operator let a line go on behind a gap."""

    gap: Gap
    reason: str
    by: str
    at: datetime


class LineBook(Part):
    """What people must know of a line. `gone_on` is never shortened: it is the audit record."""

    line: int
    gap: Gap | None = None
    gone_on: tuple[GoneOn, ...] = ()


def stopped(state: LineBook, wanted: int, begins: int, at: datetime) -> Decision[LineBook]:
    """The line stopped at a gap. It says so at each attempt: only another gap is news."""
    if state.gap is not None and (state.gap.wanted, state.gap.begins) == (wanted, begins):
        return Decision(state)
    return Decision(state.model_copy(update={"gap": Gap(wanted=wanted, begins=begins, since=at)}))


def go_on(
    state: LineBook, *, wanted: int, begins: int, reason: str, by: str, at: datetime
) -> Decision[LineBook] | Refusal:
    """The operator names the gap that they have seen: another one, or none, is not let go."""
    gap = state.gap
    if gap is None:
        return Refusal("line_not_stopped", f"line {state.line} has not stopped at a gap; there is nothing to let go")
    if (gap.wanted, gap.begins) != (wanted, begins):
        words = f"line {state.line} wants offset {gap.wanted}, and its log begins at {gap.begins}: look again"
        return Refusal("gap_is_another", words)
    if len(state.gone_on) >= GAPS_MAX:
        return Refusal("too_many_gaps", f"line {state.line} went on behind {GAPS_MAX} gaps: its log cannot be trusted")
    done = GoneOn(gap=gap, reason=reason, by=by, at=at)
    answer: dict[str, object] = {"line": state.line, "wanted": wanted, "begins": begins, "by": by, "reason": reason}
    return Decision(state.model_copy(update={"gap": None, "gone_on": (*state.gone_on, done)}), answer=answer)


def allows(state: LineBook, wanted: int, begins: int) -> bool:
    """Whether an operator let exactly this gap go."""
    return any((done.gap.wanted, done.gap.begins) == (wanted, begins) for done in state.gone_on)
