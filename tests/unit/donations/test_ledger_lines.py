"""A line that stopped at a gap: only an operator who names the gap lets it go on, and that is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pandapack.decision import Decision, Refusal
from services.donations.domain.lines import GAPS_MAX, Gap, GoneOn, LineBook, allows, go_on, stopped

AT = datetime(2021, 11, 11, tzinfo=UTC)
LATER = datetime(2021, 11, 12, tzinfo=UTC)
EMPTY = LineBook(line=3)
STOPPED = stopped(EMPTY, 10, 25, AT).state
WORN = STOPPED.model_copy(
    update={"gone_on": (GoneOn(gap=Gap(wanted=0, begins=1, since=AT), reason="r", by="o", at=AT),) * GAPS_MAX}
)


def test_a_line_that_says_again_that_it_stopped_says_nothing_new() -> None:
    assert STOPPED.gap == Gap(wanted=10, begins=25, since=AT)
    assert stopped(STOPPED, 10, 25, LATER).state == STOPPED
    assert stopped(STOPPED, 10, 30, LATER).state.gap == Gap(wanted=10, begins=30, since=LATER)


def test_going_on_is_kept_with_who_when_and_why() -> None:
    decided = go_on(STOPPED, wanted=10, begins=25, reason="restored from backup", by="Li", at=LATER)
    assert isinstance(decided, Decision)
    (done,) = decided.state.gone_on
    assert (done.gap, done.reason, done.by, done.at) == (STOPPED.gap, "restored from backup", "Li", LATER)
    assert decided.state.gap is None
    assert allows(decided.state, 10, 25)
    assert not allows(decided.state, 10, 26), "a gap that has grown meanwhile is another one"
    assert not allows(STOPPED, 10, 25)


REFUSED = [
    (EMPTY, 10, 25, "line_not_stopped"),
    (STOPPED, 10, 26, "gap_is_another"),
    (STOPPED, 11, 25, "gap_is_another"),
    (WORN, 10, 25, "too_many_gaps"),
]


@pytest.mark.parametrize(("book", "wanted", "begins", "code"), REFUSED)
def test_what_an_operator_has_not_seen_is_not_let_go(book: LineBook, wanted: int, begins: int, code: str) -> None:
    refusal = go_on(book, wanted=wanted, begins=begins, reason="r", by="Li", at=LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
