"""Donations that were taken back, and donations that were banked: in the totals, in the laws, in a trace."""

from __future__ import annotations

from pandapack.contracts.donations import DonationsBanked, DonationsReversed, ProgrammeReversal, shard_source
from pandapack.contracts.procurement import FenInterval, FundReversed
from pandapack.contracts.public_log.fold.figures import totals
from pandapack.contracts.public_log.fold.laws import laws, money_law
from services.reporting import store
from services.reporting.domain.funded_intervals import REVERSALS
from services.reporting.domain.trace import FenState, LocatedDonation, follow
from tests.unit.contracts.test_public_fold import Account, entries
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


def after(*events: SourceEvent) -> Account:
    """The books of a log of these events. The laws hold in them, unless a test says what breaks."""
    return Account(entries(events))


def test_a_reversal_on_its_way_is_in_flight_until_the_fund_has_applied_it() -> None:
    events = [donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5)]
    books = after(*events).books
    shown = totals(books)
    assert (shown["received_fen"], shown["reversed_fen"], shown["in_flight_fen"]) == (12, 5, -5)
    assert all(law.holds for law in laws(books))
    books = after(*events, fund_reversed(5, [(0, 5)])).books
    shown = totals(books)
    assert (shown["in_flight_fen"], shown["unallocated_fen"]) == (0, 7)
    assert all(law.holds for law in laws(books))


def test_what_the_fund_owes_to_reversals_may_make_unallocated_negative_and_the_law_holds() -> None:
    events = [donations(0, 1, 0, [5]), credited(0, 5, 5), reversed_(0, 0, 9), fund_reversed(9, [(0, 5)], 4)]
    books = after(*events).books
    assert totals(books)["unallocated_fen"] == -4
    money = money_law(books)
    assert money.holds, money.broken


def test_a_fund_that_reverses_more_than_the_shards_recorded_breaks_the_law() -> None:
    events = [donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5), fund_reversed(6, [(0, 6)])]
    money = money_law(after(*events).books)
    assert "the fund applied only reversals that shards recorded" in [check.name for check in money.broken]


def test_no_more_is_banked_than_was_received() -> None:
    events = [donations(0, 1, 0, [5, 7]), credited(0, 12, 12), banked("s-1", "2021-11-11", 1, 5)]
    books = after(*events).books
    assert totals(books)["banked_fen"] == 5 and all(law.holds for law in laws(books))
    money = money_law(after(*events, banked("s-2", "2021-11-11", 2, 8)).books)
    assert [check.name for check in money.broken] == ["no more is banked than was received"]


async def test_fen_that_went_to_reversals_are_shown_as_gone_in_a_trace() -> None:
    events = [donations(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 7), fund_reversed(7, [(0, 7)])]
    world = World()
    await world.consume(records(enveloped(events)))
    buckets = await store.buckets_named(world.stores.funded_intervals, [f"{PROGRAMME}/0/0"])
    assert [taken.round for bucket in buckets for taken in bucket.taken] == [REVERSALS]
    pieces = follow(LocatedDonation(PROGRAMME, 0, 5, 12), 12, buckets, {})
    assert [(piece.fen, piece.state) for piece in pieces] == [(2, FenState.REVERSED), (5, FenState.UNALLOCATED)]
