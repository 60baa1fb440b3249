"""Settlements against the ledger: what a statement says, what becomes banked, and that nothing is banked twice."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.decision import Decision, Refusal
from services.donations.domain.listing import LINE_BYTES_MAX, Listing, Unfit
from services.donations.domain.settlement import (
    Kind,
    Settlement,
    Sides,
    Statement,
    Status,
    Tally,
    ask_again,
    conclude,
    receive,
)
from tests.unit.donations.settling import AT, Crash, Gift, World

D1, D2 = "2021-11-11", "2021-11-12"
GIFTS: list[Gift] = [
    ("M1", "1", D1, 5),
    ("M1", "2", D1, 4),
    ("M2", "3", D1, 7),
    ("M1", "4", D2, 2),
    ("M3", "A7", D2, 9),
    ("M2", "6", D1, 1),
]


def run(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(steps)


def tally(gifts: list[Gift]) -> Tally:
    return Tally(count=len(gifts), fen=sum(gift[3] for gift in gifts))


def both(gifts: list[Gift]) -> Sides:
    return Sides(settlement=tally(gifts), ledger=tally(gifts))


def sums_of(gifts: list[Gift]) -> dict[tuple[str, str], tuple[int, int]]:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for merchant, _, day, fen in gifts:
        count, before = sums.get((merchant, day), (0, 0))
        sums[merchant, day] = (count + 1, before + fen)
    return sums


def test_a_settlement_that_agrees_is_balanced_and_says_what_is_banked_by_day() -> None:
    async def steps() -> None:
        for settle in ("ids", "sums"):
            world = World()
            world.ledger.take(GIFTS)
            if settle == "ids":
                await world.settle_ids("S", GIFTS)
            else:
                await world.settle_sums("S", sums_of(GIFTS))
            statement = await world.draw_up("S")
            assert statement.is_balanced(), settle
            assert statement.kinds == {Kind.MATCHED: both(GIFTS)}, settle
            said = [(one.day, one.count, one.fen) for one in await world.said()]
            assert said == [(D1, 4, 17), (D2, 2, 11)], settle

    run(steps())


def test_what_does_not_agree_is_listed_by_kind() -> None:
    async def steps() -> None:
        world = World()
        world.ledger.take(GIFTS[:4])
        await world.settle_ids("S", [GIFTS[0], ("M1", "2", D1, 40), ("M2", "9", D1, 7), GIFTS[0]])
        statement = await world.draw_up("S")
        assert not statement.is_balanced()
        assert await world.listed("S", statement, Kind.MISSING) == [("M2", D1, "9")]
        assert await world.listed("S", statement, Kind.EXTRA) == [("M2", D1, "3")]  # not M1 on D2: no day of it
        assert await world.listed("S", statement, Kind.DIFFERING) == [("M1", D1, "2")]
        assert await world.listed("S", statement, Kind.REPEATED) == [("M1", D1, "1")]
        assert statement.kinds[Kind.MATCHED] == both(GIFTS[:1])
        differing = Sides(settlement=Tally(count=1, fen=40), ledger=Tally(count=1, fen=4))
        assert statement.kinds[Kind.DIFFERING] == differing

    run(steps())


def test_another_programmes_gift_is_no_gift_of_this_settlement() -> None:
    async def steps() -> None:
        world = World()
        world.ledger.take(GIFTS[:1], programme="sports")
        world.ledger.take([("M1", "8", D1, 3)], programme="sports")
        await world.settle_ids("S", GIFTS[:1])
        statement = await world.draw_up("S")
        assert statement.kinds == {Kind.DIFFERING: both(GIFTS[:1])}
        assert await world.said() == []

    run(steps())


def test_a_merchant_that_the_settlement_does_not_name_stays_its_own_secret() -> None:
    async def steps() -> None:
        world = World()
        world.ledger.take(GIFTS)
        await world.settle_sums("S", sums_of([gift for gift in GIFTS if gift[0] == "M1"]))
        assert (await world.draw_up("S")).is_balanced()

    run(steps())


def test_what_a_merchant_of_the_platform_gave_is_extra_where_the_settlement_does_not_name_it() -> None:
    async def steps() -> None:
        for how in ("ids", "sums"):
            world = World(belonging=frozenset({"M2"}))
            world.ledger.take(GIFTS)
            mine = [gift for gift in GIFTS if gift[0] == "M1" and gift[2] == D1]
            await (world.settle_ids("S", mine) if how == "ids" else world.settle_sums("S", sums_of(mine)))
            statement = await world.draw_up("S")
            assert not statement.is_balanced(), how
            others = tally([gift for gift in GIFTS if gift[0] == "M2" and gift[2] == D1])
            assert statement.kinds[Kind.EXTRA].ledger == others, how

    run(steps())


def test_a_second_settlement_of_the_same_gifts_is_listed_as_already_banked() -> None:
    async def steps() -> None:
        for first, second in (("ids", "ids"), ("ids", "sums"), ("sums", "ids"), ("sums", "sums")):
            world = World()
            world.ledger.take(GIFTS)
            for name, how in (("S1", first), ("S2", second)):
                await (world.settle_ids(name, GIFTS) if how == "ids" else world.settle_sums(name, sums_of(GIFTS)))
                statement = await world.draw_up(name)
            assert statement.kinds == {Kind.ALREADY_BANKED: both(GIFTS)}, (first, second)
            assert sum(one.count for one in await world.said()) == len(GIFTS)
            assert world.is_banked_once()

    run(steps())


def test_late_gifts_make_a_new_statement_that_says_only_what_is_new() -> None:
    async def steps() -> None:
        for how in ("ids", "sums"):
            world = World()
            world.ledger.take(GIFTS[:4])
            await (world.settle_ids("S", GIFTS) if how == "ids" else world.settle_sums("S", sums_of(GIFTS)))
            early = await world.draw_up("S")
            assert not early.is_balanced()
            world.ledger.take(GIFTS[4:])
            late = await world.draw_up_again("S")
            assert late.is_balanced()
            assert (early.number, late.number) == (1, 2)
            assert sum(one.fen for one in await world.said()) == tally(GIFTS).fen
            assert await world.draw_up_again("S") == late.model_copy(
                update={"number": 3, "run": (await world.store.documents.get("S")).statements[-1].run}  # type: ignore[union-attr]
            )

    run(steps())


def test_a_gift_that_came_after_its_day_was_banked_by_sums_is_extra_and_stays_to_be_settled() -> None:
    async def steps() -> None:
        world = World()
        world.ledger.take(GIFTS[:2])
        await world.settle_sums("S1", {("M1", D1): (2, 9)})
        await world.draw_up("S1")
        world.ledger.take([("M1", "77", D1, 3)])
        again = await world.draw_up_again("S1")
        assert again.kinds[Kind.EXTRA].ledger == Tally(count=1, fen=3)
        await world.settle_sums("S2", {("M1", D1): (1, 3)})
        assert (await world.draw_up("S2")).is_balanced()
        assert world.is_banked_once()

    run(steps())


MERCHANTS = st.sampled_from(["M1", "M2", "M3"])
GIFT = st.tuples(MERCHANTS, st.integers(1, 6).map(str), st.sampled_from([D1, D2]), st.integers(1, 2))
LEDGER = st.lists(GIFT, max_size=24, unique_by=lambda gift: gift[:3])
LISTS = st.lists(st.lists(GIFT, min_size=1, max_size=12), min_size=1, max_size=3)


def expected(ledger: list[Gift], listed: list[Gift], banked_before: set[Gift]) -> Counter[Kind]:
    """The plain oracle: what a statement by ids counts."""
    given_gifts: dict[tuple[str, str, str], int] = {}
    kinds: Counter[Kind] = Counter()
    for merchant, id, day, fen in listed:
        if (merchant, id, day) in given_gifts:
            kinds[Kind.REPEATED] += 1
        else:
            given_gifts[merchant, id, day] = fen
    known = {gift[:3]: gift for gift in ledger}
    for key, fen in given_gifts.items():
        gift = known.get(key)
        if gift is None:
            kinds[Kind.MISSING] += 1
        elif gift[3] != fen:
            kinds[Kind.DIFFERING] += 1
        else:
            kinds[Kind.ALREADY_BANKED if gift in banked_before else Kind.MATCHED] += 1
    merchants, days = {gift[0] for gift in listed}, {gift[2] for gift in listed}
    for gift in ledger:
        if gift[0] in merchants and gift[2] in days and gift[:3] not in given_gifts and gift not in banked_before:
            kinds[Kind.EXTRA] += 1
    return kinds


@given(LEDGER, LISTS)
@settings(max_examples=80, deadline=None)
def test_statements_by_ids_agree_with_the_plain_oracle(ledger: list[Gift], lists: list[list[Gift]]) -> None:
    async def steps() -> None:
        world, banked = World(), set[Gift]()
        world.ledger.take(ledger)
        for number, listed in enumerate(lists):
            await world.settle_ids(f"S{number}", listed)
            statement = await world.draw_up(f"S{number}")
            counted = {kind: max(s.settlement.count, s.ledger.count) for kind, s in statement.kinds.items()}
            assert {k: n for k, n in counted.items() if n} == dict(expected(ledger, listed, banked))
            first = {gift[:3]: gift for gift in reversed(listed)}  # what is listed again is not looked at
            banked |= set(first.values()) & set(ledger)
            settled = sum((sides.settlement for sides in statement.kinds.values()), start=Tally())
            assert settled == tally(listed)  # every gift that was listed stands in exactly one kind
        assert sum(one.count for one in await world.said()) == len(banked)
        assert sum(one.fen for one in await world.said()) == sum(gift[3] for gift in banked)
        assert world.is_banked_once()

    run(steps())


@given(LEDGER, LISTS, st.lists(st.booleans(), min_size=3, max_size=3), st.lists(st.integers(1, 6), max_size=4))
@settings(max_examples=80, deadline=None)
def test_crashes_between_any_two_writes_bank_nothing_twice_and_lose_nothing(
    ledger: list[Gift], lists: list[list[Gift]], by_sums: list[bool], crashes: list[int]
) -> None:
    async def settle(world: World, crashes: list[int]) -> list[tuple[str, str, str, int, int]]:
        world.ledger.take(ledger)
        for number, listed in enumerate(lists):
            name = f"S{number}"
            await (world.settle_sums(name, sums_of(listed)) if by_sums[number] else world.settle_ids(name, listed))
            for crash_in in crashes:
                world.banked.crash_in = crash_in
                with contextlib.suppress(Crash):
                    await world.draw_up(name)
            world.banked.crash_in = None
            await world.draw_up_again(name)
        return sorted((one.settlement, one.programme, one.day, one.count, one.fen) for one in await world.said())

    async def steps() -> None:
        calm, troubled = World(), World()
        assert await settle(calm, []) == await settle(troubled, crashes)
        assert troubled.is_banked_once()

    run(steps())


@given(LEDGER, LISTS, st.lists(st.booleans(), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_settlements_drawn_up_at_the_same_time_bank_each_gift_once(
    ledger: list[Gift], lists: list[list[Gift]], by_sums: list[bool]
) -> None:
    async def steps() -> None:
        world = World()
        world.ledger.take(ledger)
        names = [f"S{number}" for number in range(len(lists))]
        for name, listed, sums in zip(names, lists, by_sums, strict=False):
            await (world.settle_sums(name, sums_of(listed)) if sums else world.settle_ids(name, listed))
        # Twice each, as two processes would.
        await asyncio.gather(*(world.draw_up(name) for name in [*names, *names]))
        await says_what_is_banked(world, names)
        for name in names:
            before = await world.store.banked_by(name)
            after = (await world.draw_up_again(name)).banked
            # What another one banked meanwhile may have made a sum agree that did not: more, but never less.
            assert all(after[day].fen >= tally.fen and after[day].count >= tally.count for day, tally in before.items())
        await says_what_is_banked(world, names)

    run(steps())


async def says_what_is_banked(world: World, names: list[str]) -> None:
    assert world.is_banked_once()
    said = await world.said()
    for name in names:
        banked = await world.store.banked_by(name)
        assert sum(one.fen for one in said if one.settlement == name) == sum(tally.fen for tally in banked.values())


def test_sums_that_agree_only_without_what_another_settlement_banked_agree_when_drawn_up_again() -> None:
    async def steps() -> None:
        world = World()
        world.ledger.take(GIFTS[:2])
        await world.settle_sums("S1", {("M1", D1): (1, 4)})
        assert not (await world.draw_up("S1")).is_balanced()
        await world.settle_ids("S2", GIFTS[:1])
        await world.draw_up("S2")
        assert (await world.draw_up_again("S1")).is_balanced()
        await says_what_is_banked(world, ["S1", "S2"])

    run(steps())


def settled(**changes: Any) -> Settlement:
    return Settlement(settlement="S").model_copy(update=changes)


def received(digest: str = "d") -> Any:
    async def make() -> Settlement:
        world = World()
        await world.settle_ids("S", GIFTS)
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
    unknown = ask_again(settled())
    many = ask_again(received().model_copy(update={"status": Status.RECONCILED, "requested": 100}))
    assert isinstance(unknown, Refusal)
    assert isinstance(many, Refusal)
    assert (unknown.code, many.code) == ("settlement_unknown", "too_many_statements")


def test_of_two_statements_under_one_number_the_first_stands() -> None:
    banked = {D1: Tally(count=2, fen=9)}
    first, second = (Statement(number=1, at=AT, run=run, kinds={}, banked=banked) for run in ("a", "b"))
    one = conclude(received(), first)
    two = conclude(one.state, second)
    assert [event.fen for event in one.events] == [9]  # type: ignore[attr-defined]
    assert (two.state, two.events) == (one.state, ())


LINE = b'{"merchant": "M1", "id": "1", "day": "2021-11-11", "amount_fen": 5}'
UNFIT: list[tuple[str, bytes, str]] = [
    ("no JSON", b"{oops", "line_invalid"),
    ("an amount of nothing", LINE.replace(b"5}", b"0}"), "line_invalid"),
    ("an amount that is no number", LINE.replace(b"5}", b'"5"}'), "line_invalid"),
    ("a name that is none", LINE.replace(b'"M1"', b'"M/1"'), "line_invalid"),
    ("a name with a line break", LINE.replace(b'"M1"', b'"M1\\n"'), "line_invalid"),
    ("no day", LINE.replace(b'"day": "2021-11-11", ', b""), "day_missing"),
    ("a time without a zone", LINE.replace(b'"day": "2021-11-11"', b'"at": "2021-11-11T10:00:00"'), "line_invalid"),
    ("another programme", LINE.replace(b"{", b'{"programme": "sports", '), "programme_differs"),
    ("nothing", b"\n\n", "empty"),
    ("a line without an end", b"{" + b" " * LINE_BYTES_MAX, "line_too_long"),
]


@pytest.mark.parametrize(("what", "body", "code"), UNFIT)
def test_a_file_that_is_no_settlement_is_refused_by_line(what: str, body: bytes, code: str) -> None:
    listing = Listing("love-parcel", 2)

    def read() -> None:
        listing.feed(LINE + b"\n" if code != "empty" else b"")
        listing.feed(body)
        listing.end()

    with pytest.raises(Unfit) as unfit:
        read()
    assert unfit.value.code == code, what
    assert unfit.value.line == (1 if code == "empty" else 2), what


@given(st.lists(st.integers(0, 400), max_size=6))
def test_a_file_may_be_cut_anywhere_into_chunks(cuts: list[int]) -> None:
    at = LINE.replace(b'"day": "2021-11-11"', b'"at": "2021-11-11T00:00:00+08:00"').replace(b'"1"', b'"2"')
    body = LINE + b"\r\n\n" + at
    places = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    listing = Listing("love-parcel", 1)
    for start, end in itertools.pairwise(places):
        listing.feed(body[start:end])
    listing.end()
    ((line, day, columns),) = listing.drained()
    assert (line, day, list(columns.ids), listing.total) == (0, D1, ["1", "2"], Tally(count=2, fen=10))
    assert list(listing.drained()) == []
