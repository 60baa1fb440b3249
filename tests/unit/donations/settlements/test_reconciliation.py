"""Settlements against the ledger: what a statement lists, what becomes banked, and that nothing is banked twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.donations.settlements.domain.settlement import Kind, Sides, Tally
from tests.unit.donations.settlements.settling import Crash, PlainDonation, World

D1, D2 = "2021-11-11", "2021-11-12"
DONATIONS: list[PlainDonation] = [
    ("M1", "1", D1, 5),
    ("M1", "2", D1, 4),
    ("M2", "3", D1, 7),
    ("M1", "4", D2, 2),
    ("M3", "A7", D2, 9),
    ("M2", "6", D1, 1),
]


def run(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(steps)


def tally(donations: list[PlainDonation]) -> Tally:
    return Tally(count=len(donations), fen=sum(donation[3] for donation in donations))


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


async def test_what_a_merchant_of_the_platform_gave_is_extra_where_the_settlement_does_not_name_it() -> None:
    for how in ("ids", "sums"):
        world = World(belonging=frozenset({"M2"}))
        await world.ledger.record(DONATIONS)
        mine = [donation for donation in DONATIONS if donation[0] == "M1" and donation[2] == D1]
        await world.settle(how, "S", mine)
        statement = await world.draw_up("S")
        assert not statement.is_balanced(), how
        others = tally([donation for donation in DONATIONS if donation[0] == "M2" and donation[2] == D1])
        assert statement.kinds[Kind.EXTRA].ledger == others, how


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


MERCHANTS = st.sampled_from(["M1", "M2", "M3"])
DONATION = st.tuples(MERCHANTS, st.integers(1, 6).map(str), st.sampled_from([D1, D2]), st.integers(1, 2))
LEDGER = st.lists(DONATION, max_size=24, unique_by=lambda donation: donation[:3])
LISTS = st.lists(st.lists(DONATION, min_size=1, max_size=12), min_size=1, max_size=3)


def expected(
    ledger: list[PlainDonation], listed: list[PlainDonation], banked_before: set[PlainDonation]
) -> Counter[Kind]:
    """The plain oracle: what a statement by ids counts."""
    given_fen: dict[tuple[str, str, str], int] = {}
    kinds: Counter[Kind] = Counter()
    for merchant, id, day, fen in listed:
        if (merchant, id, day) in given_fen:
            kinds[Kind.REPEATED] += 1
        else:
            given_fen[merchant, id, day] = fen
    known = {donation[:3]: donation for donation in ledger}
    for key, fen in given_fen.items():
        donation = known.get(key)
        if donation is None:
            kinds[Kind.MISSING] += 1
        elif donation[3] != fen:
            kinds[Kind.DIFFERING] += 1
        else:
            kinds[Kind.ALREADY_BANKED if donation in banked_before else Kind.MATCHED] += 1
    merchants, days = {donation[0] for donation in listed}, {donation[2] for donation in listed}
    for donation in ledger:
        if (
            donation[0] in merchants
            and donation[2] in days
            and donation[:3] not in given_fen
            and donation not in banked_before
        ):
            kinds[Kind.EXTRA] += 1
    return kinds


@given(LEDGER, LISTS)
@settings(max_examples=80, deadline=None)
def test_statements_by_ids_agree_with_the_plain_oracle(
    ledger: list[PlainDonation], lists: list[list[PlainDonation]]
) -> None:
    async def steps() -> None:
        world, banked = World(), set[PlainDonation]()
        await world.ledger.record(ledger)
        for number, listed in enumerate(lists):
            await world.settle_ids(f"S{number}", listed)
            statement = await world.draw_up(f"S{number}")
            counted = {kind: max(s.settlement.count, s.ledger.count) for kind, s in statement.kinds.items()}
            assert {k: n for k, n in counted.items() if n} == dict(expected(ledger, listed, banked))
            first = {donation[:3]: donation for donation in reversed(listed)}  # what is listed again is not looked at
            banked |= set(first.values()) & set(ledger)
            settled = sum((sides.settlement for sides in statement.kinds.values()), start=Tally())
            assert settled == tally(listed)  # every donation that was listed stands in exactly one kind
        assert sum(one.count for one in await world.published()) == len(banked)
        assert sum(one.fen for one in await world.published()) == sum(donation[3] for donation in banked)
        assert world.banked.are_banked_once()

    run(steps())


@given(LEDGER, LISTS, st.lists(st.booleans(), min_size=3, max_size=3), st.lists(st.integers(1, 6), max_size=4))
@settings(max_examples=80, deadline=None)
def test_crashes_between_any_two_writes_bank_nothing_twice_and_lose_nothing(
    ledger: list[PlainDonation], lists: list[list[PlainDonation]], by_sums: list[bool], crashes: list[int]
) -> None:
    async def settle(world: World, crashes: list[int]) -> list[tuple[str, str, str, int, int]]:
        await world.ledger.record(ledger)
        for number, listed in enumerate(lists):
            name = f"S{number}"
            await world.settle("sums" if by_sums[number] else "ids", name, listed)
            for crash_in in crashes:
                world.banked.crash_in = crash_in
                with contextlib.suppress(Crash):
                    await world.draw_up(name)
            world.banked.crash_in = None
            await world.draw_up_again(name)
        return sorted((one.settlement, one.programme, one.day, one.count, one.fen) for one in await world.published())

    async def steps() -> None:
        calm, troubled = World(), World()
        assert await settle(calm, []) == await settle(troubled, crashes)
        assert troubled.banked.are_banked_once()

    run(steps())


@given(LEDGER, LISTS, st.lists(st.booleans(), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_settlements_drawn_up_at_the_same_time_bank_each_donation_once(
    ledger: list[PlainDonation], lists: list[list[PlainDonation]], by_sums: list[bool]
) -> None:
    async def steps() -> None:
        world = World()
        await world.ledger.record(ledger)
        names = [f"S{number}" for number in range(len(lists))]
        for name, listed, sums in zip(names, lists, by_sums, strict=False):
            await world.settle("sums" if sums else "ids", name, listed)
        # Twice each, as two processes would.
        await asyncio.gather(*(world.draw_up(name) for name in [*names, *names]))
        await publishes_what_is_banked(world, names)
        for name in names:
            before = await world.store.banked_by(name)
            after = (await world.draw_up_again(name)).banked
            # What another one banked meanwhile may have made a sum agree that did not: more, but never less.
            assert all(after[day].fen >= tally.fen and after[day].count >= tally.count for day, tally in before.items())
        await publishes_what_is_banked(world, names)

    run(steps())


async def publishes_what_is_banked(world: World, names: list[str]) -> None:
    assert world.banked.are_banked_once()
    published = await world.published()
    for name in names:
        banked = await world.store.banked_by(name)
        assert sum(one.fen for one in published if one.settlement == name) == sum(
            tally.fen for tally in banked.values()
        )


async def test_sums_that_agree_only_without_what_another_settlement_banked_agree_when_drawn_up_again() -> None:
    world = World()
    await world.ledger.record(DONATIONS[:2])
    await world.settle_sums("S1", {("M1", D1): (1, 4)})
    assert not (await world.draw_up("S1")).is_balanced()
    await world.settle_ids("S2", DONATIONS[:1])
    await world.draw_up("S2")
    assert (await world.draw_up_again("S1")).is_balanced()
    await publishes_what_is_banked(world, ["S1", "S2"])
