"""A settlement's decisions: it is received once, asked again within a limit, and concluded by the first statement."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from pandapack.contracts.donations import DonationsBanked
from pandapack.decision import Decision, Refusal
from services.donations.settlements.domain.settlement import (
    MERCHANTS_AN_EVENT_MAX,
    BankedStep,
    Settlement,
    Statement,
    Status,
    Tally,
    ask_again,
    conclude,
    possible_ids,
    receive,
    settlement_id,
    tell,
)
from tests.unit.donations.settlements.settling import AT, PlainDonation, World

DAY = "2021-11-11"
DONATIONS: list[PlainDonation] = [("M1", "1", DAY, 5), ("M1", "2", DAY, 4)]


def received(digest: str = "d") -> Any:
    async def make() -> Settlement:
        world = World()
        await world.settle_ids("S", DONATIONS)
        found = await world.store.documents.get("S")
        assert found is not None and found.received is not None
        return found.model_copy(update={"received": found.received.model_copy(update={"digest": digest})})

    return asyncio.run(make())


def test_the_same_settlement_again_is_answered_the_same_and_another_content_is_refused() -> None:
    known = received()
    again = receive(known, "p", known.received, AT)
    assert isinstance(again, Decision)
    assert (again.state, again.events) == (known, ())
    other = receive(known, "p", known.received.model_copy(update={"digest": "other"}), AT)
    assert isinstance(other, Refusal)
    assert other.code == "settlement_known"


def test_a_new_statement_needs_a_settlement_and_has_a_limit() -> None:
    unknown = ask_again(Settlement(settlement="S"))
    many = ask_again(received().model_copy(update={"status": Status.RECONCILED, "requested": 100}))
    assert isinstance(unknown, Refusal)
    assert isinstance(many, Refusal)
    assert (unknown.code, many.code) == ("settlement_unknown", "too_many_statements")


def test_of_two_statements_under_one_number_the_first_stands() -> None:
    first, second = (Statement(number=1, at=AT, run=run, kinds={}, banked={}, cut_off=AT) for run in ("a", "b"))
    one = conclude(received().model_copy(update={"banked": {DAY: Tally(count=2, fen=9)}}), first)
    two = conclude(one.state, second)
    assert [(drawn.run, drawn.banked[DAY].fen) for drawn in one.state.statements] == [("a", 9)]
    assert (two.state, two.events) == (one.state, ())


def step(day: str, **merchants: tuple[int, int]) -> BankedStep:
    return BankedStep(day=day, merchants=merchants)


def test_what_is_banked_is_told_once_whoever_tells_of_how_much_of_it() -> None:
    first = tell(received(), {"0000/1": (step(DAY, M1=(1, 5)),)})
    again = tell(
        first.state, {"0000/1": (step(DAY, M1=(1, 5)), step(DAY, M1=(1, 4))), "0001/1": (step(DAY, M2=(1, 7)),)}
    )
    late = tell(again.state, {"0000/1": (step(DAY, M1=(1, 5)),)})  # by somebody who looked earlier
    told = [(event.count, event.fen, event.merchants) for event in (*first.events, *again.events, *late.events)]  # type: ignore[attr-defined]
    assert told == [(1, 5, {"M1": (1, 5)}), (2, 11, {"M1": (1, 4), "M2": (1, 7)})]
    assert late.state == again.state
    assert late.state.banked == {DAY: Tally(count=3, fen=16)}


def test_a_day_of_many_merchants_is_told_in_events_of_some_thousands_each() -> None:
    merchants = {f"M{number:05d}": (2, number + 1) for number in range(MERCHANTS_AN_EVENT_MAX * 2 + 1)}
    events = tell(received(), {"0000/1": (BankedStep(day=DAY, merchants=merchants),)}).events
    assert [len(event.merchants) for event in events] == [MERCHANTS_AN_EVENT_MAX] * 2 + [1]  # type: ignore[attr-defined]
    for event in events:
        assert isinstance(event, DonationsBanked)
        assert event.count == sum(count for count, _ in event.merchants.values())
        assert event.fen == sum(fen for _, fen in event.merchants.values())


def test_a_cut_off_that_is_yet_to_come_is_refused() -> None:
    upload = received().received
    later = upload.model_copy(update={"terms": upload.terms.model_copy(update={"cut_off": AT + timedelta(seconds=1)})})
    refused = receive(Settlement(settlement="S"), "p", later, AT)
    assert isinstance(refused, Refusal)
    assert refused.code == "cut_off_in_the_future"


def test_a_platform_names_its_settlement_as_it_does_and_staff_by_platform_and_name() -> None:
    id = settlement_id("p", "2021-11-11:a")
    assert id in possible_ids("2021-11-11:a", "p")
    assert id in possible_ids("p:2021-11-11:a", None)
    assert id in possible_ids(id, "p")
    assert id in possible_ids(id, None)
    assert settlement_id("p", id) in possible_ids(id, "p")  # it may even be called like one of ours
    assert id not in possible_ids("2021-11-11:a", "q")
    assert possible_ids("2021-11-11", None) == ()
