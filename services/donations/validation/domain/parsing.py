"""Lines of the plainest form, read byte by byte in compiled loops: what a platform sends is nearly always that.

Plain is a JSON object of the five fields, each once, in any order, with any white space between: an id and names of
plain characters, an amount without sign, point or leading zero, an RFC 3339 time with capital letters, whose names were
met before. Every byte of such a line has been looked at, so the JSON reader would read the same from it. Any other line
is left to the JSON reader. A test proves that nothing depends on which of the two read it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled
from pandapack.contracts.columns import NUMBER_ID_DIGITS_MAX
from pandapack.contracts.donations import AMOUNT_FEN_MAX, NAME_BYTES, NAME_CHARACTERS_MAX
from services.donations.validation.domain.text_lines import Bytes, Offsets

QUOTE, COLON, COMMA, OPEN, CLOSE, LINE_BREAK, ZERO, MINUS, PLUS, DOT, LETTER_T, LETTER_Z = b'":,{}\n0-+.TZ'
BLANK, TAB, RETURN = b" \t\r"
ID, MERCHANT, PROGRAMME, AMOUNT, AT = range(5)
FIELDS = 5
KEYS = (b'id"', b'merchant"', b'programme"', b'amount_fen"', b'at"')
NOT_PLAIN = -1
AMOUNT_DIGITS_MAX = len(str(AMOUNT_FEN_MAX))
FRACTION_DIGITS_MAX = 6
SECOND_US = 1_000_000
YEAR_FIRST, YEAR_LAST = 1971, 9985
"""Times of other years are left to the JSON reader, which knows where time begins and ends."""
EPOCH_DAYS = 719_468
"""From 1 March of the year 0, where a leap day is a year's last day, to 1970."""
PROBES_MAX = 16
"""A name is sought in so many slots of its table: names made to collide cost no more than that."""
HASH_START, HASH_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)

KEY_TEXT = np.frombuffer(b"".join(KEYS), np.uint8)
KEY_BEGINS = np.cumsum([0, *map(len, KEYS)])
LETTER_A, LETTER_I, LETTER_M, LETTER_P = b"aimp"
IS_PLAIN = np.isin(np.arange(256), np.frombuffer(NAME_BYTES, np.uint8))
TENS = 10 ** np.arange(FRACTION_DIGITS_MAX, dtype=np.int64)
MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


Whole = int | np.int64
# Columns of what `parse` reads. The end of an id is 0 where the id is the number; the hashes are those of names.
NUMBER, ID_BEGIN, ID_END, FEN, MICROSECONDS = range(5)
MERCHANT_BEGIN, MERCHANT_END, MERCHANT_HASH, PROGRAMME_BEGIN, PROGRAMME_END, PROGRAMME_HASH = range(5, 11)
COLUMNS = 11
ParsedColumns = npt.NDArray[np.int64]
"""Shape (columns, lines): compiled code keeps count of every array that it is handed, so it is handed one."""


class Table(NamedTuple):
    """Names that are known: `slots` holds indices into the other arrays, or -1; `begins` has one more for the end.

    `scopes`: the number of what stands before each name; `text` is without it, and `hashes` are with it.
    """

    slots: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.int64]
    scopes: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int64]
    text: Bytes


class Scopes(NamedTuple):
    """What stands before the names on lines, and is not written there: of each line, an index into the others.

    `numbers`: by which a `Table` knows it; `hashes`: where the hash of a name behind it begins.
    """

    of_line: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]


@compiled
def _blanks(text: Bytes, at: int) -> int:
    while text[at] == BLANK or text[at] == TAB or text[at] == RETURN:
        at += 1
    return at


@compiled
def _key(text: Bytes, at: int) -> tuple[int, int]:
    """Field, and place behind the closing quote, of a key that begins at `at`; or NOT_PLAIN."""
    first, field = text[at], NOT_PLAIN
    if first == LETTER_I:
        field = ID
    elif first == LETTER_M:
        field = MERCHANT
    elif first == LETTER_P:
        field = PROGRAMME
    elif first == LETTER_A:
        field = AMOUNT if text[at + 1] == LETTER_M else AT
    if field >= 0:
        begin, length = KEY_BEGINS[field], KEY_BEGINS[field + 1] - KEY_BEGINS[field]
        for offset in range(length):
            if text[at + offset] != KEY_TEXT[begin + offset]:
                return NOT_PLAIN, at
        at += length
    return field, at


@compiled
def _name(text: Bytes, at: int, hashed: np.uint64) -> tuple[int, np.uint64]:
    """The end of a name of plain characters, and its hash that begins as `hashed`; or NOT_PLAIN."""
    begin = at
    while IS_PLAIN[text[at]]:
        hashed = (hashed ^ np.uint64(text[at])) * HASH_PRIME
        at += 1
    if text[at] != QUOTE or at == begin or at - begin > NAME_CHARACTERS_MAX:
        return NOT_PLAIN, hashed
    return at, hashed


@compiled
def _slot_of(hashed: np.int64, slots: int) -> np.int64:
    return (hashed ^ (hashed >> np.int64(29))) & (slots - 1)


@compiled
def lookup(
    table: Table, text: Bytes, scopes: Scopes, begins: ParsedColumns, ends: ParsedColumns, hashes: ParsedColumns
) -> npt.NDArray[np.int32]:
    """The index in a table of each name of a column, behind what stands before it; or NOT_PLAIN."""
    slots, known_hashes, known_scopes, known_begins, known = table
    found = np.full(len(begins), NOT_PLAIN, np.int32)
    for row in range(len(begins)):
        slot = _slot_of(hashes[row], len(slots))
        scope = scopes.numbers[scopes.of_line[row]]
        for _ in range(PROBES_MAX):
            place = slots[slot]
            if place < 0:
                break
            if (
                known_hashes[place] == hashes[row]
                and known_scopes[place] == scope
                and _is_same(known, known_begins, place, text, begins[row], ends[row])
            ):
                found[row] = place
                break
            slot = (slot + 1) & (len(slots) - 1)
    return found


@compiled
def hashes_of(text: Bytes, begins: Offsets, ends: Offsets, scopes: Scopes) -> npt.NDArray[np.int64]:
    """The hash of each name of a column, behind what stands before it."""
    hashes = np.empty(len(begins), np.int64)
    for row in range(len(begins)):
        hashed = scopes.hashes[scopes.of_line[row]]
        for place in range(begins[row], ends[row]):
            hashed = (hashed ^ np.uint64(text[place])) * HASH_PRIME
        hashes[row] = np.int64(hashed)
    return hashes


@compiled
def _is_same(known: Bytes, known_begins: ParsedColumns, place: int, text: Bytes, begin: int, end: int) -> bool:
    known_begin = known_begins[place]
    if known_begins[place + 1] - known_begin != end - begin:
        return False
    same = 0
    while same < end - begin and known[known_begin + same] == text[begin + same]:
        same += 1
    return same == end - begin


@compiled
def put(table: Table, place: int, text: Bytes, scope: int, hashed: np.uint64) -> None:
    """Adds a name behind all others of a table with room for it. Where no slot is free for it, it is not found.

    `scope`: the number of what stands before the name, `hashed`: where its hash begins there.
    """
    begin = table.begins[place]
    for offset in range(len(text)):
        hashed = (hashed ^ np.uint64(text[offset])) * HASH_PRIME
        table.text[begin + offset] = text[offset]
    table.hashes[place], table.scopes[place], table.begins[place + 1] = np.int64(hashed), scope, begin + len(text)
    slot = _slot_of(np.int64(hashed), len(table.slots))
    for _ in range(PROBES_MAX):
        if table.slots[slot] < 0:
            table.slots[slot] = place
            return
        slot = (slot + 1) & (len(table.slots) - 1)


@compiled
def _digits(text: Bytes, at: int, digits_max: int) -> tuple[np.uint64, int]:
    """The number whose digits begin at `at`, and how many they are; at most one more than `digits_max` is read."""
    number, count = np.uint64(0), 0
    while count <= digits_max and ZERO <= text[at + count] <= ZERO + 9:
        number = number * np.uint64(10) + np.uint64(text[at + count] - ZERO)
        count += 1
    return number, count


@compiled
def _amount(text: Bytes, at: int) -> tuple[Whole, int]:
    """Fen, and the place behind them; or NOT_PLAIN."""
    number, count = _digits(text, at, AMOUNT_DIGITS_MAX)
    if text[at] == ZERO or count == 0 or count > AMOUNT_DIGITS_MAX or number > np.uint64(AMOUNT_FEN_MAX):
        return NOT_PLAIN, at
    return np.int64(number), at + count


@compiled
def _fixed(text: Bytes, at: int, count: int) -> Whole:
    """The number that exactly so many digits make; something below zero where one is none."""
    number: Whole = 0
    for place in range(at, at + count):
        digit = np.int64(text[place]) - ZERO
        number = number * 10 + digit if 0 <= digit <= 9 else -(10**8)
    return number


@compiled
def _day(text: Bytes, at: int) -> Whole:
    """Days since 1970 of a date such as 2021-11-11; or NOT_PLAIN."""
    year, month, day = _fixed(text, at, 4), _fixed(text, at + 5, 2), _fixed(text, at + 8, 2)
    if text[at + 4] != MINUS or text[at + 7] != MINUS or not YEAR_FIRST <= year <= YEAR_LAST:
        return NOT_PLAIN
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= MONTH_DAYS[month] + (1 if month == 2 and is_leap else 0):
        return NOT_PLAIN
    years = year - 1 if month <= 2 else year
    month_from_march = (month + 9) % 12
    day_of_year = (153 * month_from_march + 2) // 5 + day - 1
    return 365 * years + years // 4 - years // 100 + years // 400 + day_of_year - EPOCH_DAYS


@compiled
def _zone(text: Bytes, at: int) -> tuple[Whole, int]:
    """Seconds east of UTC, and the place behind them; or NOT_PLAIN as the place."""
    if text[at] == LETTER_Z:
        return 0, at + 1
    hours, minutes = _fixed(text, at + 1, 2), _fixed(text, at + 4, 2)
    if (text[at] != PLUS and text[at] != MINUS) or text[at + 3] != COLON:
        return 0, NOT_PLAIN
    if not 0 <= hours < 24 or not 0 <= minutes < 60:
        return 0, NOT_PLAIN
    seconds = (hours * 60 + minutes) * 60
    return (seconds if text[at] == PLUS else -seconds), at + 6


@compiled
def _moment(text: Bytes, at: int) -> tuple[Whole, int]:
    """Microseconds since 1970 UTC, and the place behind the time; or NOT_PLAIN as the place."""
    day = _day(text, at)
    hours, minutes, seconds = _fixed(text, at + 11, 2), _fixed(text, at + 14, 2), _fixed(text, at + 17, 2)
    if day == NOT_PLAIN or text[at + 10] != LETTER_T or text[at + 13] != COLON or text[at + 16] != COLON:
        return 0, NOT_PLAIN
    if not 0 <= hours < 24 or not 0 <= minutes < 60 or not 0 <= seconds < 60:
        return 0, NOT_PLAIN
    at, micros = at + 19, np.int64(0)
    if text[at] == DOT:
        number, count = _digits(text, at + 1, FRACTION_DIGITS_MAX)
        if not 0 < count <= FRACTION_DIGITS_MAX:
            return 0, NOT_PLAIN
        micros = np.int64(number) * TENS[FRACTION_DIGITS_MAX - count]
        at += 1 + count
    east, at = _zone(text, at)
    return (((day * 24 + hours) * 60 + minutes) * 60 + seconds - east) * SECOND_US + micros, at


@compiled
def _value(text: Bytes, at: int, field: int, row: int, parsed: ParsedColumns, scope: np.uint64) -> int:
    """Reads a value into its columns. Answers the place behind it; or NOT_PLAIN.

    `scope`: where the hash of a merchant begins.
    """
    if field == AMOUNT:
        parsed[FEN, row], at = _amount(text, at)
        return NOT_PLAIN if parsed[FEN, row] < 0 else at
    if text[at] != QUOTE:
        return NOT_PLAIN
    if field == AT:
        parsed[MICROSECONDS, row], end = _moment(text, at + 1)
        return end + 1 if end >= 0 and text[end] == QUOTE else NOT_PLAIN
    if field == ID:
        return _id(text, at + 1, row, parsed)
    end, hashed = _name(text, at + 1, scope if field == MERCHANT else HASH_START)
    column = MERCHANT_BEGIN if field == MERCHANT else PROGRAMME_BEGIN
    parsed[column, row], parsed[column + 1, row], parsed[column + 2, row] = at + 1, end, np.int64(hashed)
    return NOT_PLAIN if end < 0 else end + 1


@compiled
def _id(text: Bytes, at: int, row: int, parsed: ParsedColumns) -> int:
    """Reads an id into its columns. Answers the place behind its closing quote; or NOT_PLAIN."""
    number, digits = _digits(text, at, NUMBER_ID_DIGITS_MAX)
    if 0 < digits <= NUMBER_ID_DIGITS_MAX and text[at + digits] == QUOTE and (text[at] != ZERO or digits == 1):
        parsed[NUMBER, row] = np.int64(number)
        return at + digits + 1
    end, _ = _name(text, at, HASH_START)
    parsed[ID_BEGIN, row], parsed[ID_END, row] = at, end
    return NOT_PLAIN if end < 0 else end + 1


@compiled
def _line(text: Bytes, at: int, end: int, row: int, parsed: ParsedColumns, scope: np.uint64) -> bool:
    """Reads the line from `at` to `end`, where its line break is. Answers whether it was plain.

    No step passes over a line break, which is neither white space nor part of a key or a value.
    """
    at = _blanks(text, at)
    if text[at] != OPEN:
        return False
    seen = 0
    for _ in range(FIELDS):
        at = _blanks(text, at + 1)  # behind the brace, or the comma
        if text[at] != QUOTE:
            return False
        field, at = _key(text, at + 1)
        if field < 0 or seen & (1 << field):
            return False
        seen |= 1 << field
        at = _blanks(text, at)
        if text[at] != COLON:
            return False
        at = _value(text, _blanks(text, at + 1), field, row, parsed, scope)
        if at < 0:
            return False
        at = _blanks(text, at)
        if text[at] != (CLOSE if seen == (1 << FIELDS) - 1 else COMMA):
            return False
    return _blanks(text, at + 1) == end


@compiled
def parse(text: Bytes, starts: Offsets, ends: Offsets, scopes: Scopes) -> tuple[npt.NDArray[np.bool_], ParsedColumns]:
    """Which lines of `TextLines` are plain, and what those hold. `scopes`: what stands before their merchants."""
    rows = len(starts)
    is_plain, parsed = np.zeros(rows, np.bool_), np.zeros((COLUMNS, rows), np.int64)
    for row in range(rows):
        scope = scopes.hashes[scopes.of_line[row]]
        is_plain[row] = _line(text, starts[row], ends[row], row, parsed, scope)
    return is_plain, parsed
