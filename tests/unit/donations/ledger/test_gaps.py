"""A shard that stopped at a gap: only an operator who names the gap lets it resume, and that is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pandapack.decision import Decision, Refusal
from services.donations.ledger.domain.gaps import GAPS_MAX, Gap, Resumption, ShardGaps, allows, resume, stop

AT = datetime(2021, 11, 11, tzinfo=UTC)
LATER = datetime(2021, 11, 12, tzinfo=UTC)
EMPTY = ShardGaps(shard=3)
STOPPED = stop(EMPTY, 10, 25, AT).state
WORN = STOPPED.model_copy(
    update={"resumptions": (Resumption(gap=Gap(wanted=0, begins=1, since=AT), reason="r", by="o", at=AT),) * GAPS_MAX}
)


def test_a_shard_that_stops_again_at_the_same_gap_has_nothing_new_to_note() -> None:
    assert STOPPED.gap == Gap(wanted=10, begins=25, since=AT)
    assert stop(STOPPED, 10, 25, LATER).state == STOPPED
    assert stop(STOPPED, 10, 30, LATER).state.gap == Gap(wanted=10, begins=30, since=LATER)


def test_a_resumption_is_kept_with_who_when_and_why() -> None:
    decided = resume(STOPPED, wanted=10, begins=25, reason="restored from backup", by="Li", at=LATER)
    assert isinstance(decided, Decision)
    (done,) = decided.state.resumptions
    assert (done.gap, done.reason, done.by, done.at) == (STOPPED.gap, "restored from backup", "Li", LATER)
    assert decided.state.gap is None
    assert allows(decided.state, 10, 25)
    assert not allows(decided.state, 10, 26), "a gap that has grown meanwhile is another one"
    assert not allows(STOPPED, 10, 25)


REFUSED = [
    (EMPTY, 10, 25, "shard_not_stopped"),
    (STOPPED, 10, 26, "gap_is_another"),
    (STOPPED, 11, 25, "gap_is_another"),
    (WORN, 10, 25, "too_many_gaps"),
]


@pytest.mark.parametrize(("gaps", "wanted", "begins", "code"), REFUSED)
def test_what_an_operator_has_not_seen_is_not_let_go(gaps: ShardGaps, wanted: int, begins: int, code: str) -> None:
    refusal = resume(gaps, wanted=wanted, begins=begins, reason="r", by="Li", at=LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
