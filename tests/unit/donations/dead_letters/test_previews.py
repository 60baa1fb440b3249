"""What a replay would do, before it is made: the same that it then does."""

from __future__ import annotations

from services.donations.dead_letters.domain.faults import Span, fault_in
from services.donations.dead_letters.domain.jobs import Selection
from tests.unit.donations.dead_letters.book import BAD_AMOUNT, NO_JSON, MadeBook, came_in, unmarked
from tests.unit.donations.donation_lines import line_with, line_without
from tests.unit.donations.reversal_lines import reversal_line


async def test_a_preview_says_what_a_replay_adds_and_the_replay_adds_just_that() -> None:
    book = MadeBook()
    lines = [line_with(id=str(number)) for number in range(40)] + [b"{oops"] * 3 + [line_with(id="0")]
    await book.recorder.handle([came_in(offset, line) for offset, line in enumerate(lines)])
    addresses = tuple(address for address, _ in await book.dead_letters.find({}))
    await book.done(Selection(addresses=addresses[:11]), key="earlier")
    before = await book.totals()
    preview = await book.preview(Selection(addresses=addresses))
    assert (preview.dead_letters, preview.rows) == (44, 44)
    assert (preview.counting, preview.fen, preview.already_counted) == (29, 145, 12)
    assert (preview.sorted_letters.refused_rows, preview.unsure, preview.is_cut) == (3, 0, False)
    sent = len(book.kafka.sent)
    assert await book.totals() == before and len(book.kafka.sent) == sent, "a preview sends nothing"
    await book.done(Selection(addresses=addresses), key="replay")
    counting, fen = await book.totals()
    assert (counting - before[0], fen - before[1]) == (preview.counting, preview.fen)


async def test_a_gift_that_is_known_with_another_amount_is_a_conflict() -> None:
    book = MadeBook()
    await book.recorder.handle([came_in(0, line_with(id="1")), came_in(1, line_with(id="1", amount_fen=6))])
    preview = await book.preview(Selection(cause="amount_fen_invalid"))
    assert (preview.counting, preview.conflicts, preview.already_counted) == (1, 1, 0)


async def test_letters_of_which_nobody_vouches_are_looked_at_under_a_platform_that_is_named() -> None:
    book = MadeBook()
    await book.recorder.handle([unmarked(0, [line_with(id="1"), line_with(id="order-2"), b"7"])])
    nobodys = await book.preview(Selection(sender="unvouched"))
    assert (nobodys.counting, nobodys.sorted_letters.refused_rows) == (0, 3)
    preview = await book.preview(Selection(sender="unvouched"), "shop")
    assert (preview.counting, preview.fen, preview.sorted_letters.refused_rows) == (2, 10, 1)


async def test_a_reversal_is_looked_ahead_for_too() -> None:
    book = MadeBook()
    await book.recorder.handle([came_in(0, line_with(id="1", merchant="M1"))])
    await book.done(Selection(cause="amount_fen_invalid"))
    await book.totals()
    dead_letters = [reversal_line(), reversal_line(reversal="R2"), reversal_line(reversal="R3", donation="9")]
    await book.recorder.handle([came_in(1 + n, line, is_reversal=True) for n, line in enumerate(dead_letters)])
    preview = await book.preview(Selection(cause="amount_fen_invalid"))
    assert (preview.reversals, preview.reversed_fen, preview.turned_down, preview.parked) == (1, 3, 1, 1)


def marked(text: str, pointer: str, reason: str = BAD_AMOUNT) -> str | None:
    span = fault_in(text, pointer, reason)
    return None if span is None else text[span.begin : span.end]


def test_the_fault_is_marked_at_the_value_that_is_wrong() -> None:
    text = line_with(amount_fen=-5).decode()
    assert marked(text, "/amount_fen") == "-5"
    assert marked('{"id": "1", "amount_fen" : "7"}', "/amount_fen") == '"7"'
    assert marked('{"amount_fen":{"a":[1,2]},"amount_fen":3}', "/amount_fen") == "3"


def test_a_missing_field_is_missed_where_the_object_ends() -> None:
    text = line_without("amount_fen").decode()
    assert fault_in(text, "/amount_fen", "Object missing required field `amount_fen`") == Span(len(text) - 1, len(text))


def test_what_is_no_json_is_marked_where_reading_ended() -> None:
    assert marked("{oops", "", NO_JSON) == "o"
    assert marked("捐{", "", "JSON is malformed: invalid character (byte 3)") == "{"
    assert marked("", "", NO_JSON) == ""


def test_a_row_that_is_wrong_as_a_whole_has_no_place_to_be_marked() -> None:
    assert marked("7", "", "Expected `object`, got `int`") is None
    assert marked("[1", "/amount_fen") is None
    assert marked("{" * 9, "/amount_fen") is None
