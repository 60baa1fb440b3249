"""Reading records of columns (`contracts.pushed_columns`): many at once, in compiled loops, whatever their bytes are.

Reading stays within the bytes, and takes memory in proportion to them. A record that is not of the form has no rows.
Three steps, between which the caller says which of its own names are those of the records: `read_heads`, `read_names`,
`read_rows`. `lines_of` writes one record's donations out as the lines that they were.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled
from pandapack.contracts.donations import EPOCH, NAME_BYTES, NAME_CHARACTERS_MAX
from pandapack.contracts.pushed_columns import (
    FORM_MARK,
    FORM_NUMBER,
    HAS_TEXT_IDS,
    HEAD_BYTES,
    LOW_SEVEN,
    MORE,
    ROW_BYTES_MIN,
    SEVEN,
    UNIT_FLAGS,
    UNITS_US,
    Bytes,
    Numbers,
)

AMOUNT_MAX = np.uint64(1 << 53)
"""Beyond it a number is no fen in any column of ours; whether one is a donation's the ledger decides."""
AT_US_FIRST, AT_US_LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, which can be written out; whether one is a donation's the ledger decides."""
NUMBER_DIGITS_MAX = 19
"""A number of so many digits always fits into 64 bits."""
FLAGS_MAX = HAS_TEXT_IDS | UNIT_FLAGS

_ONE = np.uint64(1)
_ZERO, _NINE = b"09"
_IS_NAME_BYTE = np.isin(np.arange(256), np.frombuffer(NAME_BYTES, np.uint8))


class Heads(NamedTuple):
    """What each record claims to have, shape (records,) each; all 0 where it cannot be so.

    `bodies`: where its rows begin, behind its names; below zero of a record that cannot be read.
    """

    rows: Numbers
    merchants: Numbers
    programmes: Numbers
    bodies: Numbers


class RecordNames(NamedTuple):
    """RecordNames of records, shape (names,) each: where each begins and ends, and the number of its record."""

    begins: Numbers
    ends: Numbers
    records: npt.NDArray[np.int32]


class ReadRows(NamedTuple):
    """Donations of records, one record behind the other, shape (rows,) each.

    `id_begins`, `id_ends`: where the id lies in the bytes; `id_ends` is 0 where it is the number.
    """

    merchants: npt.NDArray[np.int32]
    programmes: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.uint64]
    amounts_fen: Numbers
    times_us: Numbers
    id_begins: Numbers
    id_ends: Numbers


@compiled
def _whole(text: Bytes, at: int) -> np.int64:
    """Four bytes as a number."""
    number = np.int64(0)
    for place in range(4):
        number |= np.int64(text[at + place]) << np.int64(8 * place)
    return number


@compiled
def read_heads(text: Bytes, ends: Numbers) -> Heads:
    """What records claim to have that lie in `text` one behind the other, each up to its end."""
    records = len(ends)
    heads = Heads(
        np.zeros(records, np.int64),
        np.zeros(records, np.int64),
        np.zeros(records, np.int64),
        np.full(records, -1, np.int64),
    )
    begin = 0
    for record in range(records):
        end = ends[record]
        if end - begin >= HEAD_BYTES and text[begin] == FORM_MARK and text[begin + 1] == FORM_NUMBER:
            unit = text[begin + 2] & UNIT_FLAGS
            rows, merchants, programmes = _whole(text, begin + 3), _whole(text, begin + 7), _whole(text, begin + 11)
            is_known = text[begin + 2] <= FLAGS_MAX and unit < len(UNITS_US)
            is_bounded = 1 <= merchants <= rows and 1 <= programmes <= rows
            if is_known and is_bounded and ROW_BYTES_MIN * rows + 2 * (merchants + programmes) <= end - begin:
                heads.rows[record], heads.merchants[record], heads.programmes[record] = rows, merchants, programmes
        begin = end
    return heads


@compiled
def _empty_names(count: int) -> RecordNames:
    return RecordNames(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int32))


@compiled
def _names(text: Bytes, at: int, end: int, names: RecordNames, record: int) -> int:
    """Notes as many names as there is room for. Answers the place behind them; below zero where they are fewer."""
    for number in range(len(names.begins)):
        if at < 0 or at >= end:
            return -1
        begin = at + 1
        at = begin + int(text[at])
        if at > end or at == begin:
            return -1
        names.begins[number], names.ends[number], names.records[number] = begin, at, record
    return at


@compiled
def _some_names(names: RecordNames, first: int, last: int) -> RecordNames:
    return RecordNames(names.begins[first:last], names.ends[first:last], names.records[first:last])


@compiled
def read_names(text: Bytes, ends: Numbers, heads: Heads) -> tuple[RecordNames, RecordNames]:
    """The merchants and the programmes of records; notes in `heads` where their rows begin.

    Of a record that cannot be read some may be empty, and none is used.
    """
    merchants, programmes = _empty_names(heads.merchants.sum()), _empty_names(heads.programmes.sum())
    begin, merchant, programme = 0, 0, 0
    for record in range(len(ends)):
        end = ends[record]
        if heads.rows[record]:
            of_merchants = _some_names(merchants, merchant, merchant + heads.merchants[record])
            of_programmes = _some_names(programmes, programme, programme + heads.programmes[record])
            at = _names(text, begin + HEAD_BYTES, end, of_merchants, record)
            heads.bodies[record] = _names(text, at, end, of_programmes, record)
            merchant += heads.merchants[record]
            programme += heads.programmes[record]
        begin = end
    return merchants, programmes


@compiled
def _number(text: Bytes, at: int, end: int) -> tuple[np.uint64, int]:
    """A varint, and the place behind it; 0 and a place behind the end where there is none."""
    number, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < np.uint64(64):
        byte = np.uint64(text[at])
        at += 1
        number |= (byte & LOW_SEVEN) << shift
        if byte < MORE:
            return number, at
        shift += SEVEN
    return np.uint64(0), end + 1


@compiled
def _step(text: Bytes, at: int, end: int) -> tuple[np.int64, int]:
    """What a value is more than the one before it, and the place behind it."""
    number, at = _number(text, at, end)
    return np.int64(number >> _ONE) ^ -np.int64(number & _ONE), at


@compiled
def _indices(
    text: Bytes,
    at: int,
    end: int,
    known: npt.NDArray[np.int32],
    column: npt.NDArray[np.int32],
) -> int:
    """Reads which of a record's names each row has, as the caller knows them. Answers the place behind."""
    if len(known) == 1:
        column[:] = known[0]
        return at
    for row in range(len(column)):
        number, at = _number(text, at, end)
        if number >= np.uint64(len(known)):
            return end + 1
        column[row] = known[np.int64(number)]
    return at


@compiled
def _is_text_id(text: Bytes, begin: int, end: int) -> bool:
    """Whether bytes are an id that is no number: what is a number is never a text, or it would be two ids."""
    if end - begin > NAME_CHARACTERS_MAX:
        return False
    is_number = end - begin <= NUMBER_DIGITS_MAX and (text[begin] != _ZERO or end - begin == 1)
    for place in range(begin, end):
        if not _IS_NAME_BYTE[text[place]]:
            return False
        is_number = is_number and _ZERO <= text[place] <= _NINE
    return not is_number


@compiled
def _ids(text: Bytes, at: int, end: int, has_texts: bool, read: ReadRows) -> int:
    """Reads the ids of a record. Answers the place behind them; one behind the end where they are none."""
    number = np.uint64(0)
    for row in range(len(read.numbers)):
        if has_texts:
            if at >= end:
                return end + 1
            size = int(text[at])
            at += 1
            if size:
                if at + size > end or not _is_text_id(text, at, at + size):
                    return end + 1
                read.numbers[row], read.id_begins[row], read.id_ends[row] = np.uint64(0), at, at + size
                at += size
                continue
        step, at = _step(text, at, end)
        number += np.uint64(step)
        read.numbers[row], read.id_ends[row] = number, 0
    return at


@compiled
def _amounts_and_times(text: Bytes, at: int, end: int, unit: int, read: ReadRows) -> int:
    """Reads the last two columns of a record. Answers the place behind them; one behind the end where they are none."""
    for row in range(len(read.amounts_fen)):
        amount, at = _number(text, at, end)
        if amount > AMOUNT_MAX:
            return end + 1
        read.amounts_fen[row] = np.int64(amount)
    time, size = np.int64(0), UNITS_US[unit]
    earliest, latest = -(-AT_US_FIRST // size), AT_US_LAST // size
    for row in range(len(read.times_us)):
        step, at = _step(text, at, end)
        time += step
        if not earliest <= time <= latest:
            return end + 1
        read.times_us[row] = time * size
    return at


@compiled
def _some(read: ReadRows, first: int, last: int) -> ReadRows:
    return ReadRows(
        read.merchants[first:last],
        read.programmes[first:last],
        read.numbers[first:last],
        read.amounts_fen[first:last],
        read.times_us[first:last],
        read.id_begins[first:last],
        read.id_ends[first:last],
    )


@compiled
def read_rows(
    text: Bytes,
    ends: Numbers,
    heads: Heads,
    known_merchants: npt.NDArray[np.int32],
    known_programmes: npt.NDArray[np.int32],
) -> tuple[Numbers, ReadRows]:
    """How many rows each record has, shape (records,), 0 where it cannot be read; and the rows.

    `known_merchants`, `known_programmes`: of each name of `read_names` what stands for it in the rows.
    """
    total, rows_in = heads.rows.sum(), np.zeros(len(ends), np.int64)
    read = ReadRows(
        np.empty(total, np.int32),
        np.empty(total, np.int32),
        np.empty(total, np.uint64),
        np.empty(total, np.int64),
        np.empty(total, np.int64),
        np.empty(total, np.int64),
        np.empty(total, np.int64),
    )
    begin, first, merchant, programme = 0, 0, 0, 0
    for record in range(len(ends)):
        end, at, rows = ends[record], heads.bodies[record], heads.rows[record]
        merchants, programmes = merchant + heads.merchants[record], programme + heads.programmes[record]
        if at >= 0:
            flags, own = text[begin + 2], _some(read, first, first + rows)
            at = _indices(text, at, end, known_merchants[merchant:merchants], own.merchants)
            at = _indices(text, at, end, known_programmes[programme:programmes], own.programmes)
            at = _ids(text, at, end, flags & HAS_TEXT_IDS != 0, own)
            at = _amounts_and_times(text, at, end, flags & UNIT_FLAGS, own)
            if at == end:
                rows_in[record] = rows
                first += rows
        begin, merchant, programme = end, merchants, programmes
    return rows_in, _some(read, 0, first)


def lines_of(value: bytes, rows_max: int | None = None) -> list[bytes]:
    """The donations of a record of columns, a line of JSON each, as its platform names them; none where it is no such.

    `rows_max`: no more than so many. Never raises: a name that is no text has signs for what is none.
    """
    text, ends = np.frombuffer(value, np.uint8), np.array([len(value)])
    heads = read_heads(text, ends)
    merchants, programmes = read_names(text, ends, heads)
    places = np.arange(max(len(merchants.begins), len(programmes.begins)), dtype=np.int32)
    _, rows = read_rows(text, ends, heads, places[: len(merchants.begins)], places[: len(programmes.begins)])
    lines = []
    for row in range(len(rows.numbers) if rows_max is None else min(rows_max, len(rows.numbers))):
        begin, end = int(rows.id_begins[row]), int(rows.id_ends[row])
        line = {
            "id": value[begin:end].decode() if end else str(rows.numbers[row]),
            "merchant": _text(value, merchants, int(rows.merchants[row])),
            "programme": _text(value, programmes, int(rows.programmes[row])),
            "amount_fen": int(rows.amounts_fen[row]),
            "at": _moment(int(rows.times_us[row])),
        }
        lines.append(msgspec.json.encode(line))
    return lines


def _text(value: bytes, names: RecordNames, number: int) -> str:
    return value[names.begins[number] : names.ends[number]].decode(errors="replace")


def _moment(at_us: int) -> str:
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(UTC).isoformat()
