"""Laws of settlements, against a plain ledger: nothing is banked twice, nor beyond what is left, whatever crashes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.donations.settlements.domain.settlement import Kind, Sides, Tally
from tests.unit.donations.settlements.settling import (
    AT,
    D1,
    D2,
    Crash,
    PlainDonation,
    World,
    publishes_what_is_banked,
    tally,
)


def run(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(steps)


MERCHANTS = st.sampled_from(["M1", "M2", "M3"])
DONATION = st.tuples(MERCHANTS, st.integers(1, 6).map(str), st.sampled_from([D1, D2]), st.integers(1, 2))
LEDGER = st.lists(DONATION, max_size=24, unique_by=lambda donation: donation[:3])
LISTS = st.lists(st.lists(DONATION, min_size=1, max_size=12), min_size=1, max_size=3)


REVERSALS = st.lists(st.lists(st.tuples(st.integers(0, 23), st.booleans()), max_size=5), min_size=3, max_size=3)
"""Before each settlement: which donation loses a fen, and whether by the cut-off."""
Key = tuple[str, str, str]


class Oracle:
    """The plain ledger: what is left of each donation, what is banked of it, and what a statement says of that."""

    def __init__(self, ledger: list[PlainDonation]) -> None:
        self.fen: dict[Key, int] = {donation[:3]: donation[3] for donation in ledger}
        self.by_cut_off: Counter[Key] = Counter()
        self.ever: Counter[Key] = Counter()
        self.banked: dict[Key, int] = {}

    def statement(self, listed: list[PlainDonation]) -> dict[Kind, Sides]:
        """What a settlement by ids is answered; what matches is banked."""
        kinds: dict[Kind, Sides] = {}

        def add(kind: Kind, settled: int = 0, left: int = 0, reversed_fen: int = 0) -> None:
            sides = Sides(settlement=one(settled), ledger=one(left), reversed_fen=reversed_fen)
            kinds[kind] = kinds.get(kind, Sides()) + sides

        given_fen: dict[Key, int] = {}
        for merchant, id, day, fen in listed:
            if (merchant, id, day) in given_fen:
                add(Kind.REPEATED, fen)
            else:
                given_fen[merchant, id, day] = fen
        pairs = {(merchant, day) for merchant, _, day in given_fen}
        before = dict(self.banked)
        for key, gross in self.fen.items():
            deducted = gross - before[key] if key in before else self.by_cut_off[key]
            left, settled = gross - deducted, given_fen.pop(key, 0)
            if not settled:
                if (key[0], key[2]) in pairs and key not in before:
                    add(Kind.EXTRA if left else Kind.REVERSED, 0, left, deducted)
            elif settled != left:
                add(Kind.DIFFERING, settled, left, deducted)
            elif key in before:
                add(Kind.ALREADY_BANKED, settled, left, deducted)
            else:
                self.banked[key] = left
                add(Kind.MATCHED, settled, left, deducted)
                if self.ever[key] > deducted:
                    add(Kind.REVERSED_SINCE, 0, 0, self.ever[key] - deducted)
        for settled in given_fen.values():
            add(Kind.MISSING, settled)
        return kinds


def one(fen: int) -> Tally:
    return Tally(count=1 if fen else 0, fen=fen)


async def reverse(world: World, oracle: Oracle, ledger: list[PlainDonation], reversals: list[tuple[int, bool]]) -> None:
    """Takes a fen of some donations, where there is one left."""
    for number, in_time in reversals:
        if not ledger:
            return
        donation = ledger[number % len(ledger)]
        if oracle.ever[donation[:3]] < donation[3]:
            await world.ledger.reverse(donation, 1, AT if in_time else AT + timedelta(seconds=1))
            oracle.ever[donation[:3]] += 1
            oracle.by_cut_off[donation[:3]] += in_time


@given(LEDGER, LISTS, REVERSALS)
@settings(max_examples=50, deadline=None)
def test_statements_by_ids_agree_with_the_plain_oracle(
    ledger: list[PlainDonation], lists: list[list[PlainDonation]], reversals: list[list[tuple[int, bool]]]
) -> None:
    async def steps() -> None:
        world, oracle = World(), Oracle(ledger)
        await world.ledger.record(ledger)
        for number, listed in enumerate(lists):
            await reverse(world, oracle, ledger, reversals[number])
            await world.settle_ids(f"S{number}", listed)
            statement = await world.draw_up(f"S{number}")
            assert statement.kinds == oracle.statement(listed)
            settled = sum((sides.settlement for sides in statement.kinds.values()), start=Tally())
            assert settled == tally(listed)  # every donation that was listed stands in exactly one kind
            assert await world.banked_by(f"S{number}") == statement.kinds.get(Kind.MATCHED, Sides()).settlement
        published = await world.published()
        assert sum(event.count for event in published) == len(oracle.banked)
        assert sum(event.fen for event in published) == sum(oracle.banked.values())
        assert world.banked.are_banked_once()

    run(steps())


@given(LEDGER, st.sets(st.tuples(MERCHANTS, st.sampled_from([D1, D2])), min_size=1), REVERSALS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_a_platform_pays_net_is_balanced_to_the_fen_and_never_more_than_is_left(
    ledger: list[PlainDonation], pairs: set[tuple[str, str]], reversals: list[list[tuple[int, bool]]], by_ids: bool
) -> None:
    async def steps() -> None:
        world, oracle = World(), Oracle(ledger)
        await world.ledger.record(ledger)
        await reverse(world, oracle, ledger, reversals[0])
        left = [(*donation[:3], donation[3] - oracle.by_cut_off[donation[:3]]) for donation in ledger]
        paid = [donation for donation in left if donation[3] and (donation[0], donation[2]) in pairs]
        if not paid:
            return
        await world.settle("ids" if by_ids else "sums", "S", paid)
        statement = await world.draw_up("S")
        assert statement.is_balanced()
        assert statement.ledger.ledger == statement.ledger.settlement == tally(paid) == await world.banked_by("S")
        for seen in reversals[1:]:
            await reverse(world, oracle, ledger, seen)
            again = await world.draw_up_again("S")
            assert again.banked == statement.banked
            named = {donation[:3] for donation in paid}
            owed_fen = sum(oracle.ever[key] for key in named) - sum(
                donation[3] for donation in ledger if donation[:3] in named
            )
            assert again.kinds.get(Kind.REVERSED_SINCE, Sides()).reversed_fen == owed_fen + tally(paid).fen

    run(steps())


@given(LEDGER, LISTS, st.lists(st.booleans(), min_size=3, max_size=3), st.lists(st.integers(1, 6), max_size=4))
@settings(max_examples=40, deadline=None)
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
@settings(max_examples=30, deadline=None)
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
            before = await world.banked_by(name)
            after = sum((await world.draw_up_again(name)).banked.values(), start=Tally())
            # What another one banked meanwhile may have made a sum agree that did not: more, but never less.
            assert (after.fen, after.count) >= (before.fen, before.count)
        await publishes_what_is_banked(world, names)

    run(steps())


@given(LEDGER, LISTS, st.lists(st.booleans(), min_size=3, max_size=3), REVERSALS)
@settings(max_examples=25, deadline=None)
def test_settlements_drawn_up_while_reversals_come_never_bank_more_than_was_left_by_the_cut_off(
    ledger: list[PlainDonation],
    lists: list[list[PlainDonation]],
    by_sums: list[bool],
    reversals: list[list[tuple[int, bool]]],
) -> None:
    async def steps() -> None:
        world, oracle = World(), Oracle(ledger)
        await world.ledger.record(ledger)
        await reverse(world, oracle, ledger, reversals[0])
        left: Counter[tuple[str, str]] = Counter()
        for merchant, id, day, fen in ledger:
            left[merchant, day] += fen - oracle.by_cut_off[merchant, id, day]
        names = [f"S{number}" for number in range(len(lists))]
        for name, listed, sums in zip(names, lists, by_sums, strict=False):
            await world.settle("sums" if sums else "ids", name, listed)
        drawn = asyncio.gather(*(world.draw_up(name) for name in [*names, *names]))
        await reverse(world, oracle, ledger, reversals[1])
        await drawn
        await publishes_what_is_banked(world, names)
        banked: Counter[tuple[str, str]] = Counter()
        for event in await world.published():
            for merchant, (_, fen) in event.merchants.items():
                banked[merchant, event.day] += fen
        assert all(fen <= left[cell] for cell, fen in banked.items())

    run(steps())
