"""Groups of dead letters: one a cause, counted once a letter, reopened by what comes after all was done with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.donations.dead_letters.domain.jobs import Doing, Selection
from tests.unit.donations.dead_letters.book import BAD_AMOUNT, NO_JSON, MadeBook, came_in, unmarked
from tests.unit.donations.donation_lines import line_with


async def test_letters_of_one_rule_field_sender_kind_and_release_are_one_group() -> None:
    book = MadeBook()
    await book.recorder.handle(
        [
            came_in(0, b"a"),
            came_in(1, b"b"),
            came_in(2, b"c", NO_JSON),
            came_in(3, b"d", platform="store"),
            came_in(4, b"e", release="0.2.0"),
            came_in(5, b"f", is_reversal=True),
            unmarked(6, [b"g"]),
        ]
    )
    found = {(one.cause, one.platform, one.release, one.is_reversal): one.count for one in await book.all_groups()}
    assert found == {
        ("amount_fen_invalid", "shop", "0.1.0", False): 2,
        ("not_json", "shop", "0.1.0", False): 1,
        ("amount_fen_invalid", "store", "0.1.0", False): 1,
        ("amount_fen_invalid", "shop", "0.2.0", False): 1,
        ("amount_fen_invalid", "shop", "0.1.0", True): 1,
        ("unmarked", "", "0.1.0", False): 1,
    }
    assert {dead_letter.group for _, dead_letter in await book.dead_letters.find({})} == {
        one.group for one in await book.all_groups()
    }


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=12))
async def test_a_letter_is_counted_once_however_often_its_record_or_the_letter_itself_comes_again(
    batches: list[tuple[int, int]],
) -> None:
    """Each batch begins at an offset that was read before, or at the next one; and letters repeat under new offsets."""
    book, log, addresses = MadeBook(), [], set()
    for back, count in batches:
        begin = max(0, len(log) - back)
        while len(log) < begin + count:
            address = f"donations.pushed/0/{len(log) % 5}/0"
            log.append(came_in(len(log), b"x", [BAD_AMOUNT, NO_JSON][len(log) % 5 % 2], address=address))
        await book.recorder.handle(log[begin : begin + count])
        addresses |= {one.key for one in log[begin : begin + count]}
        assert (
            sum(one.count for one in await book.all_groups()) == len(addresses) == len(await book.dead_letters.find({}))
        )


async def test_a_group_tells_when_its_first_and_its_last_letter_came() -> None:
    book = MadeBook()
    await book.recorder.handle([came_in(offset, b"x") for offset in (3, 4, 9)])
    (group,) = await book.all_groups()
    assert group.first_at is not None and group.last_at is not None
    assert (group.last_at - group.first_at).total_seconds() == 6
    assert group.first == "donations.pushed/0/000003/0"


async def test_a_group_that_comes_back_after_its_replay_is_open_again_and_says_so() -> None:
    book = MadeBook()
    await book.recorder.handle([came_in(0, line_with(id="1")), came_in(1, line_with(id="2"))])
    (group,) = await book.all_groups()
    await book.done(Selection(group=group.group))
    (group,) = await book.all_groups()
    assert (group.open, group.replayed, group.reopened) == (0, 2, 0)
    await book.recorder.handle([came_in(2, line_with(id="3")), came_in(3, line_with(id="4"))])
    (group,) = await book.all_groups()
    assert (group.open, group.replayed, group.reopened, group.reopened_at) == (
        2,
        2,
        1,
        group.last_at and group.last_at.replace(second=2),
    )


async def test_what_is_given_up_is_kept_and_listed_and_can_be_taken_back() -> None:
    book = MadeBook()
    await book.recorder.handle([came_in(offset, b"x", NO_JSON) for offset in range(3)])
    (group,) = await book.all_groups()
    discarded = await book.done(Selection(group=group.group), Doing.DISCARD)
    (group,) = await book.all_groups()
    assert (group.open, group.discarded, discarded.tally.moved) == (0, 3, 3)
    assert await book.statuses() == ["discarded"] * 3
    back = await book.done(Selection(group=group.group), Doing.TAKE_BACK)
    (group,) = await book.all_groups()
    assert (group.open, group.discarded, back.tally.moved, group.reopened) == (3, 0, 3, 0)
    assert await book.statuses() == ["open"] * 3
