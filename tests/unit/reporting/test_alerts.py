"""Alerts: what each condition finds, when it fires and ends, and how many silences there may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from pandapack.decision import Refusal
from services.reporting.domain.alerts.book import (
    CLEAR_S,
    EPISODES_KEPT_MAX,
    RESOLVED_SHOWN_S,
    SUBJECTS_MAX,
    AlertBook,
    AlertState,
    evaluated,
)
from services.reporting.domain.alerts.known import (
    HopKnown,
    Known,
    Movement,
    hops_of,
    log_known,
    moved,
    service_known,
    still_s_of,
)
from services.reporting.domain.alerts.orders import SILENCES_MAX, AlertOrders, silence
from services.reporting.domain.alerts.rules import RULE_NAMES, RULES
from services.reporting.work.alert_looks import waiting_of
from tests.unit.reporting.alerting import AT, FAULTS, LOOK_S, SILENT, WELL, with_service


def after(looks: list[Known], book: AlertBook | None = None) -> AlertBook:
    book = AlertBook() if book is None else book
    for known in looks:
        book = evaluated(book, known)
    return book


def lasting(known: Known, seconds: float, since: float = 0.0) -> list[Known]:
    """The same at every look from `since` on."""
    looks = int(seconds / LOOK_S) + 1
    return [replace(known, at=AT + timedelta(seconds=since + LOOK_S * look)) for look in range(looks)]


def test_every_rule_has_a_fault_in_this_file() -> None:
    assert set(FAULTS) == set(RULE_NAMES)
    assert len(RULE_NAMES) == len(RULES)


@pytest.mark.parametrize("name", RULE_NAMES)
def test_each_fault_fires_its_own_alert_within_fifteen_seconds_and_no_other(name: str) -> None:
    book = after(lasting(FAULTS[name], 6.0))
    assert [one.name for one in book.alerts.values() if one.state is AlertState.FIRING] == [name]
    assert book.alert(name).subjects
    assert [one.name for one in book.history] == [name]


@pytest.mark.parametrize("name", RULE_NAMES)
def test_each_alert_goes_away_by_itself_once_its_fault_is_over(name: str) -> None:
    book = after(lasting(FAULTS[name], 6.0) + lasting(WELL, CLEAR_S + LOOK_S, since=8.0))
    assert {one.state for one in book.alerts.values()} == {AlertState.INACTIVE, AlertState.RESOLVED}
    assert book.alert(name).state is AlertState.RESOLVED
    assert book.history[0].resolved_at == book.alert(name).resolved_at is not None


def test_a_condition_that_holds_for_less_than_its_time_is_pending_and_fires_nothing() -> None:
    book = after(lasting(FAULTS["service-silent"], LOOK_S))
    assert book.alert("service-silent").state is AlertState.PENDING
    book = after(lasting(WELL, LOOK_S, since=4.0), book)
    assert book.alert("service-silent").state is AlertState.INACTIVE
    assert book.history == ()


def test_what_comes_and_goes_from_look_to_look_is_one_episode() -> None:
    fault, book = FAULTS["law-broken"], AlertBook()
    for look in range(20):
        known = fault if look < 3 or look % 2 else WELL
        book = evaluated(book, replace(known, at=AT + timedelta(seconds=LOOK_S * look)))
    assert book.alert("law-broken").state is AlertState.FIRING
    assert len(book.history) == 1


def test_what_cannot_be_seen_keeps_a_firing_alert_and_makes_none_fire() -> None:
    unseen = replace(WELL, services=(SILENT, WELL.services[1]), laws=None, behind_s=None, still_s=None)
    book = after(lasting(FAULTS["outbox-age"], 6.0) + lasting(unseen, 60.0, since=8.0))
    firing = {one.name for one in book.alerts.values() if one.state is AlertState.FIRING}
    assert firing == {"outbox-age", "service-silent"}


def test_a_resolved_alert_is_shown_as_that_for_a_while_and_fires_anew_as_another_episode() -> None:
    fault = FAULTS["law-broken"]
    book = after(lasting(fault, 4.0) + lasting(WELL, 8.0, since=6.0))
    assert book.alert("law-broken").state is AlertState.RESOLVED
    again = after(lasting(fault, 4.0, since=60.0), book)
    assert [one.resolved_at is None for one in again.history] == [True, False]
    quiet = evaluated(book, replace(WELL, at=AT + timedelta(seconds=20 + RESOLVED_SHOWN_S)))
    assert quiet.alert("law-broken").state is AlertState.INACTIVE


def test_the_history_and_the_subjects_of_an_alert_are_bounded() -> None:
    many = with_service(stopped=tuple(f"donations: donations.pushed/{n}" for n in range(100)))
    book = AlertBook()
    for round in range(EPISODES_KEPT_MAX + 5):
        since = round * 20.0
        book = after(lasting(many, 4.0, since) + lasting(WELL, 8.0, since + 6.0), book)
    assert len(book.history) == EPISODES_KEPT_MAX
    assert len(book.history[0].subjects) == SUBJECTS_MAX
    assert len(book.model_dump_json()) < 500_000


def lag_row(partition: int, records: int | None, position: int | None, waiting_s: float | None) -> dict[str, Any]:
    place = {"group": "panda.donations", "topic": "donations.pushed", "partition": partition}
    return {**place, "records": records, "position": position, "waiting_s": waiting_s, "end_offset": 0}


def test_hops_are_the_groups_partitions_together_whichever_process_tells_of_them() -> None:
    first = {"lag": [lag_row(0, 3, 10, 1.5), lag_row(1, 2, 4, 4.0)]}
    second = {"lag": [lag_row(1, 0, 6, 0.0)]}
    assert hops_of([first, None, second]) == (HopKnown("donations.pushed → panda.donations", 3, 1.5, 16),)
    assert hops_of([{"lag": [lag_row(0, None, None, None)]}]) == (
        HopKnown("donations.pushed → panda.donations", None, None, None),
    )


def test_a_hop_that_is_later_with_every_look_rises_and_one_that_waits_evenly_does_not() -> None:
    movement, rising, even = Movement(), [], []
    for look in range(8):
        at = AT + timedelta(seconds=LOOK_S * look)
        hops = (HopKnown("rising", 5, LOOK_S * look, 1), HopKnown("even", 5, 7.0, look))
        movement, found = moved(movement, hops, at)
        rising.append(found[0].risen_s)
        even.append(found[1].risen_s)
    assert rising[:5] == [None] * 5 and rising[5:] == [10.0] * 3
    assert even[-1] == 0.0


def test_nothing_moves_only_where_input_waits_and_every_position_stands() -> None:
    movement, at = Movement(), AT
    for look in range(6):
        at = AT + timedelta(seconds=LOOK_S * look)
        movement, _ = moved(movement, (HopKnown("a", 5, 1.0, 3), HopKnown("b", 0, 0.0, 9)), at)
    assert still_s_of(movement, (HopKnown("a", 5, 1.0, 3),), at) == 10.0
    movement, _ = moved(movement, (HopKnown("a", 4, 1.0, 4), HopKnown("b", 0, 0.0, 9)), at)
    assert still_s_of(movement, (HopKnown("a", 4, 1.0, 4),), at) == 0.0
    movement, _ = moved(movement, (HopKnown("a", 0, 0.0, 8), HopKnown("b", 0, 0.0, 9)), at)
    assert movement.still_since is None
    assert still_s_of(movement, (HopKnown("a", None, None, None),), at) is None


def test_a_service_that_does_not_answer_is_unknown_in_all_else() -> None:
    assert service_known("donations", None) == SILENT
    stop = {"topic": "donations.pushed", "partition": 3}
    told = {"store": "ok", "kafka": "ok", "outbox_age_s": None, "stopped": [stop], "stalled": []}
    assert service_known("donations", told).stopped == ("donations: donations.pushed/3",)
    assert log_known(None) == log_known({}) == (None, None)
    assert log_known({"public_log": {"stopped": None, "blocked": []}}) == ("", ())
    blocked = [{"partition": "procurement/1", "event": "e"}]
    assert log_known({"public_log": {"stopped": {"reason": "r"}, "blocked": blocked}}) == ("r", ("procurement/1: e",))


def test_dead_letters_and_overdue_steps_are_found_among_what_waits_for_a_person() -> None:
    matters = (
        Waiting("dead_letters", "letters/unmarked", "donations"),
        Waiting("proof_overdue", "proof/R-1", "logistics"),
        Waiting("law_broken", "law/money", "reporting"),
    )
    assert waiting_of(Waitings(matters)) == (("donations: letters/unmarked",), ("logistics: proof/R-1",))
    assert waiting_of(Waitings((), ("donations",))) == (None, ())
    assert waiting_of(Waitings((), ("logistics",))) == ((), None)
    assert waiting_of(None) == (None, None)


@dataclass(frozen=True)
class Waiting:
    """A matter that waits for a person."""

    kind: str
    id: str
    service: str


@dataclass(frozen=True)
class Waitings:
    """All of them."""

    matters: tuple[Waiting, ...]
    unknown: tuple[str, ...] = ()


def test_silences_are_bounded_and_of_known_alerts_alone() -> None:
    terms = {"minutes": 5, "by": "Mei", "reason": "works", "at": AT}
    state = AlertOrders()
    for number in range(SILENCES_MAX):
        decision = silence(state, f"{number:012x}", "*", "", **terms)  # type: ignore[arg-type]
        assert not isinstance(decision, Refusal)
        state = decision.state
    full = silence(state, "f" * 12, "*", "", **terms)  # type: ignore[arg-type]
    assert isinstance(full, Refusal) and full.code == "silences_full"
    unknown = silence(state, "f" * 12, "no-such", "", **terms)  # type: ignore[arg-type]
    assert isinstance(unknown, Refusal) and unknown.code == "alert_unknown"
    later = silence(state, "f" * 12, "*", "", **{**terms, "at": AT + timedelta(minutes=6)})  # type: ignore[arg-type]
    assert not isinstance(later, Refusal) and len(later.state.silences) == 1
