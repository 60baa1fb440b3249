"""From donations to closed rounds, through HTTP and handlers: all laws hold, whatever is repeated or reordered."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pandapack.contracts.procurement import (
    FundCredited,
    FundsCommitted,
    FundsSpent,
    GoodsReceived,
    OrderRequested,
    ParcelsPacked,
    RoundClosed,
    RoundFunded,
    RoundOpened,
    length_fen,
)
from tests.service.procurement.partners import play
from tests.service.procurement.world import World, need, prepared
from tests.unit.procurement.programme import FACTS_COUNTRIES, PROGRAMME, SMALL, demonstration_body


def laws_hold(world: World) -> None:
    """Money and items, recounted from the events alone."""
    funded = {event.round: event for event in world.events("RoundFunded") if isinstance(event, RoundFunded)}
    closed = {event.round: event for event in world.events("RoundClosed") if isinstance(event, RoundClosed)}
    spent, committed, uncommitted = Counter[str](), Counter[str](), Counter[str]()
    for event in world.events("FundsCommitted") + world.events("FundsSpent"):
        if isinstance(event, FundsCommitted):
            committed[event.round] += event.fen
        elif isinstance(event, FundsSpent):
            spent[event.round] += event.fen
            uncommitted[event.round] += event.uncommitted_fen
    assert len(funded) == len(world.events("RoundFunded")) and len(closed) == len(world.events("RoundClosed"))
    for name, event in funded.items():
        assert committed[name] == event.reserved_fen == length_fen(event.intervals)
    for name, end in closed.items():
        assert end.spent_fen == spent[name] and end.released_fen == uncommitted[name]
        assert end.spent_fen + end.released_fen == funded[name].reserved_fen
        assert end.leftover == leftover(world, name)


def leftover(world: World, name: str) -> dict[str, int]:
    """Accepted less kitted, from the events alone."""
    stock = Counter[str]()
    for event in world.events("GoodsReceived"):
        if isinstance(event, GoodsReceived) and event.round == name:
            stock.update({line.item: line.accepted for line in event.lines})
    for packed in world.events("ParcelsPacked"):
        if isinstance(packed, ParcelsPacked) and packed.round == name:
            stock.subtract(packed.consumed)
    assert min(stock.values()) >= 0
    return {item: count for item, count in stock.items() if count}


def printed(world: World, fund: dict[str, Any]) -> tuple[Any, ...]:
    """What the demonstration prints, as far as it is procurement's."""
    rounds = [
        (event.round, event.country, event.parcels, event.schools)
        for event in world.events("RoundOpened")
        if isinstance(event, RoundOpened)
    ]
    orders = sorted(event.order for event in world.events("OrderRequested") if isinstance(event, OrderRequested))
    packed = sum(event.count for event in world.events("ParcelsPacked") if isinstance(event, ParcelsPacked))
    return fund["applied_fen"], fund["unallocated_fen"], fund["spent_fen"], sorted(rounds), orders, packed


async def test_a_whole_round_of_the_demonstration_from_donations_to_its_close() -> None:
    world = await prepared(1, demonstration_body(), [need("NP", "love-parcel-v2", 12, 8)], repeats=False)
    coming = (await world.get(f"/funds/{PROGRAMME}"))["next_round"]
    for shard in range(4):
        world.donate(shard, coming["reserved_fen"] // 4 + 1)
    await play(world)
    one = await world.get("/rounds/R-000001")
    assert (one["status"], one["packed"], one["parcels"]) == ("closed", 20, 20)
    assert one["funded_fen"] == one["spent_fen"] + one["released_fen"]
    assert {order["status"] for order in one["orders"]} == {"closed"}
    fund = await world.get(f"/funds/{PROGRAMME}")
    assert fund["open_rounds"] == {} and fund["applied_fen"] == fund["unallocated_fen"] + fund["spent_fen"]
    assert (await world.get("/needs"))["items"][0]["status"] == "met"
    laws_hold(world)


async def run_small(seed: int, *, repeats: bool, world: World | None = None) -> tuple[Any, ...]:
    """What is printed of three small rounds, played in a new world or in this one."""
    needs = [need(country, "small", 9, 8) for country in FACTS_COUNTRIES[:3]]
    world = await prepared(seed, SMALL, needs, repeats=repeats, world=world)
    amounts = [(number % 4, 37 + number * 53 % 700) for number in range(14)]
    world.dice.shuffle(amounts)
    for shard, fen in amounts:
        world.donate(shard, fen)
        if world.dice.random() < 0.5:
            await world.come_to_rest()
    await play(world)
    laws_hold(world)
    credited = sum(e.credited_fen for e in world.events("FundCredited") if isinstance(e, FundCredited))
    fund = await world.get(f"/funds/{PROGRAMME}")
    assert credited == fund["applied_fen"] == sum(world.fronts.values())
    assert fund["open_rounds"] == {} and fund["next_round"]["affordable"] is False
    inbox = (await world.stores.funds.documents.read(PROGRAMME) or pytest.fail("no fund")).inbox
    assert set(inbox) <= {f"/donations/shards/{shard}" for shard in range(4)} | {f"/procurement/funds/{PROGRAMME}"}
    return printed(world, fund)


@pytest.mark.parametrize("seed", range(8))
async def test_order_timing_and_repetition_change_nothing_that_is_printed(seed: int) -> None:
    assert await run_small(seed, repeats=True) == await run_small(100, repeats=False), f"seed {seed}"
