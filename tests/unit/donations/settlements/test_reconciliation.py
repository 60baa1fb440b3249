"""Settlements against the ledger: what a statement lists, what becomes banked, and that nothing is banked twice."""

from __future__ import annotations

from datetime import timedelta

from services.donations.settlements.domain.settlement import Kind, Sides, Tally, Why
from tests.unit.donations.settlements.settling import (
    AT,
    D1,
    D2,
    REVERSED_AT,
    PlainDonation,
    World,
    publishes_what_is_banked,
    tally,
)

DONATIONS: list[PlainDonation] = [
    ("M1", "1", D1, 5),
    ("M1", "2", D1, 4),
    ("M2", "3", D1, 7),
    ("M1", "4", D2, 2),
    ("M3", "A7", D2, 9),
    ("M2", "6", D1, 1),
]


def both(donations: list[PlainDonation]) -> Sides:
    return Sides(settlement=tally(donations), ledger=tally(donations))


async def test_a_settlement_that_agrees_is_balanced_and_publishes_what_is_banked_by_day() -> None:
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS)
        await world.settle(how, "S", DONATIONS)
        statement = await world.draw_up("S")
        assert statement.is_balanced(), how
        assert statement.kinds == {Kind.MATCHED: both(DONATIONS)}, how
        published = [(one.day, one.count, one.fen) for one in await world.published()]
        assert published == [(D1, 4, 17), (D2, 2, 11)], how


async def test_what_does_not_agree_is_listed_by_kind() -> None:
    world = World()
    await world.ledger.record(DONATIONS[:4])
    await world.settle_ids("S", [DONATIONS[0], ("M1", "2", D1, 40), ("M2", "9", D1, 7), DONATIONS[0]])
    statement = await world.draw_up("S")
    assert not statement.is_balanced()
    assert await world.listed("S", statement, Kind.MISSING) == [("M2", D1, "9")]
    assert await world.listed("S", statement, Kind.EXTRA) == [("M2", D1, "3")]  # not M1 on D2: no day of it
    assert await world.listed("S", statement, Kind.DIFFERING) == [("M1", D1, "2")]
    assert await world.listed("S", statement, Kind.REPEATED) == [("M1", D1, "1")]
    assert statement.kinds[Kind.MATCHED] == both(DONATIONS[:1])
    differing = Sides(settlement=Tally(count=1, fen=40), ledger=Tally(count=1, fen=4))
    assert statement.kinds[Kind.DIFFERING] == differing


async def test_another_programmes_donation_is_no_donation_of_this_settlement() -> None:
    world = World()
    await world.ledger.record(DONATIONS[:1], programme="sports")
    await world.ledger.record([("M1", "8", D1, 3)], programme="sports")
    await world.settle_ids("S", DONATIONS[:1])
    statement = await world.draw_up("S")
    assert statement.kinds == {Kind.DIFFERING: both(DONATIONS[:1])}
    assert await world.published() == []


async def test_a_merchant_that_the_settlement_does_not_name_stays_its_own_secret() -> None:
    world = World()
    await world.ledger.record(DONATIONS)
    await world.settle("sums", "S", [donation for donation in DONATIONS if donation[0] == "M1"])
    assert (await world.draw_up("S")).is_balanced()


async def test_extra_is_only_what_was_given_to_merchants_on_the_days_for_which_the_settlement_names_them() -> None:
    world = World()
    await world.ledger.record(DONATIONS)
    await world.settle_ids("S", [("M1", "1", D1, 5), ("M3", "A7", D2, 9)])
    statement = await world.draw_up("S")
    # Not M1 on D2 nor M3 on D1, though both days are named: and of no other merchant anything.
    assert await world.listed("S", statement, Kind.EXTRA) == [("M1", D1, "2")]


async def test_a_donation_reversed_in_full_is_not_to_be_settled_and_is_never_banked() -> None:
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS)
        await world.ledger.reverse(DONATIONS[0], 5)
        await world.settle(how, "S", DONATIONS)
        statement = await world.draw_up("S")
        assert not statement.is_balanced(), how
        assert Kind.DIFFERING in statement.kinds, how
        (differing,) = await world.differences("S", statement, Kind.DIFFERING)
        assert (differing.why, differing.sides.reversed_fen) == (Why.REVERSED, 5), how
        settled_fen, left_fen = (5, 0) if how == "ids" else (9, 4)
        assert (differing.sides.settlement.fen, differing.sides.ledger.fen) == (settled_fen, left_fen), how
        assert sum(one.fen for one in await world.published()) == tally(DONATIONS).fen - settled_fen, how


async def test_a_settlement_that_pays_what_is_left_is_balanced_and_banks_just_that() -> None:
    left = [("M1", "2", D1, 1), *DONATIONS[2:]]
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS)
        await world.ledger.reverse(DONATIONS[0], 5)
        await world.ledger.reverse(DONATIONS[1], 3)
        await world.settle(how, "S", left)
        statement = await world.draw_up("S")
        assert statement.is_balanced(), how
        assert statement.kinds[Kind.MATCHED].ledger == statement.kinds[Kind.MATCHED].settlement == tally(left), how
        ledger = statement.ledger
        assert (ledger.ledger.fen, ledger.reversed_fen) == (tally(left).fen, 8), how
        assert ledger.ledger.fen + ledger.reversed_fen == tally(DONATIONS).fen, how
        assert sum(one.fen for one in await world.published()) == tally(left).fen, how
        assert sum(one.count for one in await world.published()) == len(left), how


async def test_what_is_reversed_after_it_was_banked_stays_banked_and_is_listed_as_owed() -> None:
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS)
        await world.ledger.reverse(DONATIONS[1], 1)
        await world.settle(how, "S", [DONATIONS[0], ("M1", "2", D1, 3), *DONATIONS[2:]])
        assert (await world.draw_up("S")).is_balanced(), how
        await world.ledger.reverse(DONATIONS[1], 2)
        await world.ledger.reverse(DONATIONS[4], 9)
        statement = await world.draw_up_again("S")
        assert statement.is_balanced(), how
        owed = [
            (one.id, one.sides.reversed_fen) for one in await world.differences("S", statement, Kind.REVERSED_SINCE)
        ]
        assert owed == [("2", 2), ("A7", 9)], how
        assert statement.kinds[Kind.REVERSED_SINCE].reversed_fen == 11, how
        assert sum(one.fen for one in await world.published()) == tally(DONATIONS).fen - 1, how
        # Another settlement of the same finds what was banked, not what is left of it now.
        await world.settle_ids("S2", [("M1", "2", D1, 3), ("M3", "A7", D2, 9)])
        assert (await world.draw_up("S2")).kinds[Kind.ALREADY_BANKED].ledger == Tally(count=2, fen=12), how


async def test_reversals_behind_the_cut_off_are_not_deducted_and_are_listed_at_once() -> None:
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS)
        await world.ledger.reverse(DONATIONS[0], 5, REVERSED_AT)
        await world.settle(how, "S", DONATIONS, cut_off=REVERSED_AT - timedelta(seconds=1))
        statement = await world.draw_up("S")
        assert statement.is_balanced(), how
        assert statement.cut_off == REVERSED_AT - timedelta(seconds=1), how
        assert statement.kinds[Kind.REVERSED_SINCE].reversed_fen == 5, how
        again = await world.draw_up_again("S")
        assert again.kinds == statement.kinds, how


async def test_a_merchants_day_of_which_nothing_is_left_is_differing_and_where_it_is_not_settled_listed() -> None:
    world = World()
    await world.ledger.record(DONATIONS[:2])
    await world.ledger.reverse(DONATIONS[0], 5)
    await world.settle_ids("S", DONATIONS[1:2])
    statement = await world.draw_up("S")
    assert statement.is_balanced()
    assert await world.listed("S", statement, Kind.REVERSED) == [("M1", D1, "1")]
    await world.ledger.reverse(DONATIONS[1], 4, AT)
    await world.settle_sums("S2", {("M1", D1): (2, 9)})
    (differing,) = await world.differences("S2", await world.draw_up("S2"), Kind.DIFFERING)
    assert (differing.why, differing.sides.ledger, differing.sides.reversed_fen) == (
        Why.REVERSED,
        Tally(count=1, fen=4),
        5,
    )


async def test_what_is_banked_is_told_by_merchant() -> None:
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS)
        await world.settle(how, "S", DONATIONS)
        await world.draw_up("S")
        told = {one.day: one.merchants for one in await world.published()}
        assert told == {D1: {"M1": (2, 9), "M2": (2, 8)}, D2: {"M1": (1, 2), "M3": (1, 9)}}, how


async def test_a_second_settlement_of_the_same_donations_is_listed_as_already_banked() -> None:
    for first, second in (("ids", "ids"), ("ids", "sums"), ("sums", "ids"), ("sums", "sums")):
        world = World()
        await world.ledger.record(DONATIONS)
        for name, how in (("S1", first), ("S2", second)):
            await world.settle(how, name, DONATIONS)
            statement = await world.draw_up(name)
        assert statement.kinds == {Kind.ALREADY_BANKED: both(DONATIONS)}, (first, second)
        assert sum(one.count for one in await world.published()) == len(DONATIONS)
        assert world.banked.are_banked_once()


async def test_late_donations_make_a_new_statement_that_publishes_only_what_is_new() -> None:
    for how in ("ids", "sums"):
        world = World()
        await world.ledger.record(DONATIONS[:4])
        await world.settle(how, "S", DONATIONS)
        early = await world.draw_up("S")
        assert not early.is_balanced()
        await world.ledger.record(DONATIONS[4:])
        late = await world.draw_up_again("S")
        assert late.is_balanced()
        assert (early.number, late.number) == (1, 2)
        assert sum(one.fen for one in await world.published()) == tally(DONATIONS).fen
        assert await world.draw_up_again("S") == late.model_copy(
            update={"number": 3, "run": (await world.store.documents.get("S")).statements[-1].run}  # type: ignore[union-attr]
        )


async def test_a_donation_that_came_after_its_day_was_banked_by_sums_is_extra_and_stays_to_be_settled() -> None:
    world = World()
    await world.ledger.record(DONATIONS[:2])
    await world.settle_sums("S1", {("M1", D1): (2, 9)})
    await world.draw_up("S1")
    await world.ledger.record([("M1", "77", D1, 3)])
    again = await world.draw_up_again("S1")
    assert again.kinds[Kind.EXTRA].ledger == Tally(count=1, fen=3)
    await world.settle_sums("S2", {("M1", D1): (1, 3)})
    assert (await world.draw_up("S2")).is_balanced()
    assert world.banked.are_banked_once()


async def test_sums_that_agree_only_without_what_another_settlement_banked_agree_when_drawn_up_again() -> None:
    world = World()
    await world.ledger.record(DONATIONS[:2])
    await world.settle_sums("S1", {("M1", D1): (1, 4)})
    assert not (await world.draw_up("S1")).is_balanced()
    await world.settle_ids("S2", DONATIONS[:1])
    await world.draw_up("S2")
    assert (await world.draw_up_again("S1")).is_balanced()
    await publishes_what_is_banked(world, ["S1", "S2"])
