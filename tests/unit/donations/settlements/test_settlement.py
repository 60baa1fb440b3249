"""A settlement's decisions: it is received once, asked again within a limit, and concluded by the first statement."""

from __future__ import annotations

import asyncio
from typing import Any

from pandapack.decision import Decision, Refusal
from services.donations.settlements.domain.settlement import (
    Settlement,
    Statement,
    Status,
    Tally,
    ask_again,
    conclude,
    receive,
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
    banked = {DAY: Tally(count=2, fen=9)}
    first, second = (Statement(number=1, at=AT, run=run, kinds={}, banked=banked) for run in ("a", "b"))
    one = conclude(received(), first)
    two = conclude(one.state, second)
    assert [event.fen for event in one.events] == [9]  # type: ignore[attr-defined]
    assert (two.state, two.events) == (one.state, ())
