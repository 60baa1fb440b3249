"""Gifts that were taken back, and gifts that were banked: in the totals, in the law, on the way of a gift."""

from __future__ import annotations

from pandapack.contracts.donations import DonationsBanked, DonationsReversed, Reversed, line_source
from pandapack.contracts.procurement import FenInterval, FundReversed
from services.reporting import store
from services.reporting.domain.spans import REVERSALS
from services.reporting.domain.trace import FenState, Gift, follow
from tests.unit.reporting.desk import Desk
from tests.unit.reporting.history import PROGRAMME, Said, credited, enveloped, gifts, records

FUND = f"/procurement/funds/{PROGRAMME}"


def reversed_(line: int, fen_from: int, fen_to: int) -> Said:
    told = Reversed(
        programme=PROGRAMME, count=1, fen_from=fen_from, fen_to=fen_to, days={"2021-11-12": (1, fen_to - fen_from)}
    )
    return line_source(line), DonationsReversed(line=line, page=1, reversals=(told,))


def fund_reversed(fen: int, intervals: list[tuple[int, int]], owed_fen: int = 0) -> Said:
    taken = tuple(FenInterval(line=0, fen_from=low, fen_to=high) for low, high in intervals)
    return FUND, FundReversed(programme=PROGRAMME, reversed_fen=fen, intervals=taken, owed_fen=owed_fen)


def banked(settlement: str, day: str, count: int, fen: int) -> Said:
    event = DonationsBanked(settlement=settlement, programme=PROGRAMME, day=day, count=count, fen=fen)
    return f"/donations/settlements/{settlement}", event


async def heard(*said: Said) -> Desk:
    desk = Desk()
    await desk.hear(records(enveloped(said)))
    return desk


async def test_a_reversal_on_its_way_is_in_flight_until_the_fund_has_heard_it() -> None:
    desk = await heard(gifts(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5))
    totals = await desk.totals()
    assert (totals["received_fen"], totals["reversed_fen"], totals["in_flight_fen"]) == (12, 5, -5)
    assert all(law.holds for law in await desk.laws())
    desk = await heard(gifts(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5), fund_reversed(5, [(0, 5)]))
    totals = await desk.totals()
    assert (totals["in_flight_fen"], totals["unallocated_fen"]) == (0, 7)
    assert all(law.holds for law in await desk.laws())


async def test_what_the_fund_owes_to_reversals_may_make_unallocated_negative_and_the_law_holds() -> None:
    desk = await heard(gifts(0, 1, 0, [5]), credited(0, 5, 5), reversed_(0, 0, 9), fund_reversed(9, [(0, 5)], 4))
    assert (await desk.totals())["unallocated_fen"] == -4
    money = (await desk.laws())[0]
    assert money.holds, money.broken


async def test_a_fund_that_reverses_more_than_the_lines_told_breaks_the_law() -> None:
    desk = await heard(gifts(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 5), fund_reversed(6, [(0, 6)]))
    money = (await desk.laws())[0]
    assert "the fund heard only reversals that lines told" in [check.name for check in money.broken]


async def test_fen_that_went_to_reversals_are_shown_as_gone_on_the_way_of_a_gift() -> None:
    desk = await heard(gifts(0, 1, 0, [5, 7]), credited(0, 12, 12), reversed_(0, 0, 7), fund_reversed(7, [(0, 7)]))
    stretches = await store.stretches_at(desk.stores, [f"{PROGRAMME}/0/0"])
    assert [taken.round for stretch in stretches for taken in stretch.taken] == [REVERSALS]
    pieces = follow(Gift(PROGRAMME, 0, 5, 12), 12, stretches, {})
    assert [(piece.fen, piece.state) for piece in pieces] == [(2, FenState.REVERSED), (5, FenState.UNALLOCATED)]


async def test_what_is_banked_is_counted_once_and_never_more_than_was_received() -> None:
    said = [gifts(0, 1, 0, [5, 7]), credited(0, 12, 12), banked("s-1", "2021-11-11", 1, 5)]
    desk = await heard(*said)
    assert (await desk.totals())["banked_fen"] == 5
    await desk.hear(records(enveloped(said)))  # the same events once more
    assert (await desk.totals())["banked_fen"] == 5
    assert all(law.holds for law in await desk.laws())
    too_much = await heard(*said, banked("s-2", "2021-11-11", 2, 8))
    money = (await too_much.laws())[0]
    assert [check.name for check in money.broken] == ["no more is banked than was received"]
