"""The order of the public log: each partition in its own, effects behind their causes, donations together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.causation import Causation, Cause
from pandapack.contracts.envelope import envelop
from pandapack.contracts.procurement import FundCredited, OrderClosed
from services.reporting.domain.log_order import (
    BUSY_EVENTS,
    EVENTS_AN_ORDER_MAX,
    HELD_MS_MAX,
    WAITING_A_PARTITION_MAX,
    Order,
    Pace,
    Place,
    Waiting,
    cause_keys,
    hurries,
    joined,
    next_steps,
    positions_after,
)

FUND, ORDERS, SHARDS = "procurement/0", "procurement/1", "donations/0"
RESTED, RESTLESS = Pace(now_ms=1_000, rested=True), Pace(now_ms=1_000, rested=False)


def event(partition: str, offset: int, *causes: str, at_ms: int | None = None, hurries: bool = True) -> Waiting:
    at = offset if at_ms is None else at_ms
    return Waiting(Place(partition, offset), f"{partition}@{offset}", at, causes, hurries)


def seal(partition: str, offset: int, *causes: str) -> Waiting:
    return replace(event(partition, offset, *causes), is_seal=True)


def key(partition: str, offset: int) -> str:
    return f"{partition}@{offset}"


def ordered(
    *events: Waiting, positions: Mapping[str, int] | None = None, pace: Pace = RESTED, unseen: Sequence[str] = ()
) -> Order:
    waiting: dict[str, list[Waiting]] = {}
    for one in events:
        waiting.setdefault(one.place.partition, []).append(one)
    named = {name for one in events for name in (one.key, *one.causes)} - set(unseen)
    places = {name: Place(name.partition("@")[0], int(name.partition("@")[2])) for name in named}
    return next_steps(positions or {}, waiting, places, pace)


def keys(order: Order) -> list[list[str]]:
    return [[one.key for one in step.events] for step in order.steps]


def test_what_kafka_had_first_is_appended_first() -> None:
    order = ordered(event(FUND, 1, at_ms=5), event(ORDERS, 1, at_ms=3), event(ORDERS, 2, at_ms=9))
    assert keys(order) == [[key(ORDERS, 1)], [key(FUND, 1)], [key(ORDERS, 2)]]


def test_an_effect_waits_for_its_cause_whatever_kafkas_clock_says() -> None:
    order = ordered(event(ORDERS, 1, key(FUND, 4), at_ms=1), event(FUND, 4, at_ms=9))
    assert keys(order) == [[key(FUND, 4)], [key(ORDERS, 1)]] and order.blocked == ()


def test_what_is_appended_already_is_no_longer_waited_for() -> None:
    order = ordered(event(ORDERS, 1, key(FUND, 4)), positions={FUND: 5})
    assert keys(order) == [[key(ORDERS, 1)]]


@pytest.mark.parametrize(("unseen", "shown"), [((), ()), ((key(FUND, 4),), (key(FUND, 4),))])
def test_an_event_whose_cause_is_not_there_waits_with_all_behind_it_and_is_shown(
    unseen: Sequence[str], shown: Sequence[str]
) -> None:
    stuck = event(ORDERS, 1, key(FUND, 4))
    order = ordered(stuck, event(ORDERS, 2), event("procurement/2", 1), positions={FUND: 4}, unseen=unseen)
    assert keys(order) == [[key("procurement/2", 1)]]
    (blocked,) = order.blocked
    assert (blocked.event, blocked.lacking, blocked.unseen) == (stuck, (key(FUND, 4),), shown)


def aside(partition: str, offset: int, *causes: str) -> Waiting:
    return replace(event(partition, offset, *causes), is_set_aside=True)


def test_a_donation_event_that_was_set_aside_is_a_step_by_itself_between_those_around_it() -> None:
    run = [event(SHARDS, 0), aside(SHARDS, 1), event(SHARDS, 2), event(SHARDS, 3)]
    steps = ordered(*run, pace=Pace(now_ms=HELD_MS_MAX, rested=True)).steps
    assert [[one.place.offset for one in step.events] for step in steps] == [[0], [1], [2, 3]]
    assert [step.is_summed for step in steps] == [True, False, True]


def test_an_effect_stands_behind_its_cause_that_was_set_aside() -> None:
    order = ordered(event(FUND, 1, key(ORDERS, 9), at_ms=0), aside(ORDERS, 9))
    assert keys(order) == [[key(ORDERS, 9)], [key(FUND, 1)]]


def test_few_donations_wait_for_others() -> None:
    assert keys(ordered(event(SHARDS, 1))) == []


@pytest.mark.parametrize(
    "pace", [Pace(now_ms=HELD_MS_MAX + 1, rested=True), Pace(now_ms=HELD_MS_MAX + 1, rested=False)]
)
def test_donations_are_appended_together_after_a_minute_but_never_twice_a_second(pace: Pace) -> None:
    order = ordered(event(SHARDS, 1), event(SHARDS, 2), pace=pace)
    assert keys(order) == ([[key(SHARDS, 1), key(SHARDS, 2)]] if pace.rested else [])


def test_many_donations_need_not_wait_for_the_minute() -> None:
    many = [event(SHARDS, number) for number in range(BUSY_EVENTS)]
    assert keys(ordered(*many)) == [[one.key for one in many]]
    assert keys(ordered(*many, pace=RESTLESS)) == []


def test_donations_of_long_ago_are_appended_as_fast_as_they_are_read() -> None:
    many = [event(SHARDS, number) for number in range(WAITING_A_PARTITION_MAX)]
    assert keys(ordered(*many, pace=RESTLESS)) == [[one.key for one in many]]


def test_donations_stand_just_before_the_round_that_spends_them() -> None:
    donated, later = event(SHARDS, 1), event(SHARDS, 2)
    credit, funded = event(FUND, 1, donated.key, hurries=False), event(FUND, 2)
    assert keys(ordered(donated, later, credit, funded)) == [[donated.key, later.key], [credit.key], [funded.key]]
    assert keys(ordered(donated, later, credit, funded, pace=RESTLESS)) == []


OTHER_SHARDS = "donations/1"


def test_the_seal_of_a_page_stands_as_soon_as_its_page_does_and_takes_no_gift_along() -> None:
    sealed, donated = seal(SHARDS, 4, key(OTHER_SHARDS, 2)), event(SHARDS, 5)
    assert keys(ordered(sealed, donated, positions={OTHER_SHARDS: 3}, pace=RESTLESS)) == [[sealed.key]]


def test_seals_of_pages_neither_hurry_gifts_nor_count_as_many() -> None:
    donated, seals = event(SHARDS, 1), [seal(SHARDS, 2 + n, key(SHARDS, 1)) for n in range(BUSY_EVENTS)]
    order = ordered(donated, *seals, pace=replace(RESTED, now_ms=HELD_MS_MAX))
    assert keys(order) == [] and order.blocked == ()


def test_a_seal_and_all_behind_it_come_with_the_gifts_of_its_page_in_whichever_partition_they_lie() -> None:
    sealed, behind, closing = seal(SHARDS, 1, key(OTHER_SHARDS, 9)), event(SHARDS, 2), event(OTHER_SHARDS, 9)
    order = ordered(sealed, behind, closing, event(ORDERS, 1, behind.key))
    assert keys(order) == [[closing.key], [sealed.key, behind.key], [key(ORDERS, 1)]]


def test_a_seal_and_its_page_in_one_partition_are_one_step() -> None:
    closing, sealed = event(SHARDS, 1), seal(SHARDS, 2, key(SHARDS, 1))
    assert keys(ordered(closing, sealed, event(ORDERS, 1, closing.key))) == [
        [closing.key, sealed.key],
        [key(ORDERS, 1)],
    ]


def test_credits_of_a_fund_hurry_no_donations() -> None:
    donated = event(SHARDS, 1)
    order = ordered(donated, event(FUND, 1, donated.key, hurries=False), event(FUND, 2, donated.key, hurries=False))
    assert keys(order) == [] and [one.event.key for one in order.blocked] == [key(FUND, 1)]


def test_a_batch_is_bounded() -> None:
    many = [event(FUND, number) for number in range(EVENTS_AN_ORDER_MAX + 5)]
    assert len(ordered(*many).steps) == EVENTS_AN_ORDER_MAX


def test_credits_that_follow_each_other_are_joined() -> None:
    first, second, other, third = (event(FUND, number) for number in range(4))
    order = ordered(first, second, other, third)
    steps = joined(order.steps, {one.key: "/procurement/funds/p" for one in (first, second, third)})
    assert [[one.key for one in step.events] for step in steps] == [[first.key, second.key], [other.key], [third.key]]
    assert positions_after({}, steps) == {FUND: 4}


def test_causes_are_those_that_the_log_ever_appends_and_of_a_range_the_last() -> None:
    causes = (Cause("donations.pushed/3", 120, 139), Cause("/donations/shards/3", 5, 9), Cause("/logistics/x/y", 2, 2))
    closed = OrderClosed(order="O", round="R", programme="p", cancelled={})
    at = datetime(2021, 3, 1, tzinfo=UTC)
    envelope = envelop(closed, source="/procurement/orders/O", number=1, at=at, causation=Causation(causes))
    assert cause_keys(envelope) == ("/donations/shards/3#000000000009", "/logistics/x/y#000000000002")
    assert hurries(envelope)
    credit = FundCredited(programme="p", credited_fen=1, applied_fen={})
    plain = envelop(credit, source="/procurement/funds/p", number=1, at=at)
    assert cause_keys(plain) == () and not hurries(plain)


PARTITIONS = (FUND, ORDERS, "logistics/0", SHARDS, "donations/1")


@st.composite
def histories(draw: st.DrawFn) -> list[Waiting]:
    """Events as Kafka had them one after the other, each with causes among those before it."""
    found: list[Waiting] = []
    offsets = dict.fromkeys(PARTITIONS, 0)
    for number in range(draw(st.integers(0, 30))):
        partition = draw(st.sampled_from(PARTITIONS))
        causes = draw(st.lists(st.sampled_from(found), max_size=2)) if found else []
        at_ms = number - draw(st.integers(0, 3))  # brokers' clocks differ
        found.append(event(partition, offsets[partition], *(one.key for one in causes), at_ms=at_ms))
        offsets[partition] += draw(st.integers(1, 2))
    return found


@given(histories())
def test_nothing_waits_for_ever_and_no_effect_stands_before_its_cause(history: list[Waiting]) -> None:
    positions: dict[str, int] = {}
    log: list[Waiting] = []
    places = {one.key: one.place for one in history}
    while len(log) < len(history):
        rest = [one for one in history if one.place.offset >= positions.get(one.place.partition, 0)]
        waiting = {p: [one for one in rest if one.place.partition == p] for p in PARTITIONS}
        steps = next_steps(positions, waiting, places, Pace(now_ms=10**9, rested=True)).steps
        assert steps
        positions = positions_after(positions, steps)
        log += [one for step in steps for one in step.events]
    assert sorted(one.key for one in log) == sorted(one.key for one in history)
    at = {one.key: index for index, one in enumerate(log)}
    assert all(at[cause] < at[one.key] for one in log for cause in one.causes)
    for partition in PARTITIONS:
        own = [one.place.offset for one in log if one.place.partition == partition]
        assert own == sorted(own)
