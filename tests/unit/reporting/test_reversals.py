"""Donations that were taken back, and donations that were banked: in the totals, in the law, in a trace."""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.donations import DonationsBanked, DonationsReversed, ProgrammeReversal, shard_source
from pandapack.contracts.procurement import FenInterval, FundReversed
from services.reporting import store
from services.reporting.domain.funded_intervals import REVERSALS
from services.reporting.domain.trace import FenState, LocatedDonation, follow
from services.reporting.handlers import LEDGER_TOPIC
from tests.unit.reporting.history import PROGRAMME, SourceEvent, credited, donations, enveloped, records
from tests.unit.reporting.world import World

FUND = f"/procurement/funds/{PROGRAMME}"


def reversed_(shard: int, fen_from: int, fen_to: int) -> SourceEvent:
    reversal = ProgrammeReversal(
        programme=PROGRAMME, count=1, fen_from=fen_from, fen_to=fen_to, days={"2021-11-12": (1, fen_to - fen_from)}
    )
    return shard_source(shard), DonationsReversed(shard=shard, page=1, reversals=(reversal,))


def fund_reversed(fen: int, intervals: list[tuple[int, int]], owed_fen: int = 0) -> SourceEvent:
    taken = tuple(FenInterval(shard=0, fen_from=low, fen_to=high) for low, high in intervals)
    return FUND, FundReversed(programme=PROGRAMME, reversed_fen=fen, intervals=taken, owed_fen=owed_fen)


def banked(settlement: str, day: str, count: int, fen: int) -> SourceEvent:
    event = DonationsBanked(settlement=settlement, programme=PROGRAMME, day=day, count=count, fen=fen)
    return f"/donations/settlements/{settlement}", event


async def after(*events: SourceEvent) -> World:
    world = World()
    await consume(world, events)
    return world


async def consume(world: World, events: Sequence[SourceEvent]) -> None:
    """All that consumes events: the views, and the archive at its own pace."""
    found = records(enveloped(events))
    await world.consume(found)
    for one in found:
        if one.topic == LEDGER_TOPIC:
            await world.handlers.archive([one])


async def test_a_reversal_on_its_way_is_in_flight_until_the_fund_has_applied_it() -> None:
    world = await after(donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5))
    totals = await world.totals()
    assert (totals["received_fen"], totals["reversed_fen"], totals["in_flight_fen"]) == (12, 5, -5)
    assert all(law.holds for law in await world.laws())
    world = await after(donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5), fund_reversed(5, [(0, 5)]))
    totals = await world.totals()
    assert (totals["in_flight_fen"], totals["unallocated_fen"]) == (0, 7)
    assert all(law.holds for law in await world.laws())


async def test_what_the_fund_owes_to_reversals_may_make_unallocated_negative_and_the_law_holds() -> None:
    world = await after(donations(0, 1, 0, [5]), credited(0, 5, 5), reversed_(0, 0, 9), fund_reversed(9, [(0, 5)], 4))
    assert (await world.totals())["unallocated_fen"] == -4
    money = (await world.laws())[0]
    assert money.holds, money.broken


async def test_a_fund_that_reverses_more_than_the_shards_recorded_breaks_the_law() -> None:
    world = await after(donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5), fund_reversed(6, [(0, 6)]))
    money = (await world.laws())[0]
    assert "the fund applied only reversals that shards recorded" in [check.name for check in money.broken]


async def test_fen_that_went_to_reversals_are_shown_as_gone_in_a_trace() -> None:
    world = await after(donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 7), fund_reversed(7, [(0, 7)]))
    buckets = await store.buckets_named(world.stores.funded_intervals, [f"{PROGRAMME}/0/0"])
    assert [taken.round for bucket in buckets for taken in bucket.taken] == [REVERSALS]
    pieces = follow(LocatedDonation(PROGRAMME, 0, 5, 12), 12, buckets, {})
    assert [(piece.fen, piece.state) for piece in pieces] == [(2, FenState.REVERSED), (5, FenState.UNALLOCATED)]


async def test_what_is_banked_is_counted_once_and_never_more_than_was_received() -> None:
    events = [donations(0, 1, 0, [5, 7]), credited(0, 12, 12), banked("s-1", "2021-11-11", 1, 5)]
    world = await after(*events)
    assert (await world.totals())["banked_fen"] == 5
    await consume(world, events)  # the same events once more
    assert (await world.totals())["banked_fen"] == 5
    assert all(law.holds for law in await world.laws())
    too_much = await after(*events, banked("s-2", "2021-11-11", 2, 8))
    money = (await too_much.laws())[0]
    assert [check.name for check in money.broken] == ["no more is banked than was received"]
