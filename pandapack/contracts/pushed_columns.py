"""The columns of a record of `donations.pushed`: a push's donations on one shard, as the door has read them.

    bytes of the form (2), flags (1), rows (4), merchants (4), programmes (4); numbers are little-endian
    each different merchant, then each different programme: its length (1), its bytes; as the platform names it
    of each row: which merchant and which programme, each where there are several; id; amount in fen; time

Each column lies in one piece. Its numbers are varints, seven bits a byte, the lowest first; ids and times are written
as what they are more than the row before, folded so that small steps either way are short (zigzag; ids wrap at 64
bits). The two lowest flags tell the unit of times: microseconds, milliseconds or seconds since 1970 UTC, the largest in
which all are whole. Where the flag `HAS_TEXT_IDS` is set each id has a byte before it: 0, or the length of a text that
stands there instead. `contracts.donations.Donation` stays the contract of what a row holds.

`contracts.pushed_rows` reads them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pandapack.compiled import compiled
from pandapack.contracts.donations import NAME_CHARACTERS_MAX

Bytes = npt.NDArray[np.uint8]
"""Shape (bytes,)."""
Numbers = npt.NDArray[np.int64]
"""Shape (rows,), (records,) or (names,): a number of each; places are offsets in bytes."""

FORM = b"\xc1\x01"
"""No text begins so: the first byte occurs in no UTF-8. The second is the form's number."""
FORM_MARK, FORM_NUMBER = FORM
HEAD_BYTES = 15
UNIT_FLAGS, HAS_TEXT_IDS = 3, 4
UNITS_US = np.array([1, 1_000, 1_000_000], np.int64)
VARINT_BYTES_MAX = 10
NAME_BYTES_MAX = NAME_CHARACTERS_MAX + 1
ROW_BYTES_MAX = 5 * VARINT_BYTES_MAX + 3 * NAME_BYTES_MAX
"""A row's numbers, its id as a text, and both names where it is the first to have them."""
ROW_BYTES_MIN = 3
"""A row is an id, an amount and a time at least: that bounds how many a record can claim."""

SEVEN, LOW_SEVEN, MORE = np.uint64(7), np.uint64(0x7F), np.uint64(0x80)
_STAMP_BITS = 32
_LOCAL = (1 << _STAMP_BITS) - 1


class NewRows(NamedTuple):
    """Donations to be written, shape (rows,) each. `merchants` and `programmes`: indices into `NewNames`.

    `id_sizes`: 0 where the id is the number, else how many bytes from `id_begins` on in `id_text` are the id.
    """

    merchants: npt.NDArray[np.uint32]
    programmes: npt.NDArray[np.uint32]
    numbers: npt.NDArray[np.uint64]
    amounts_fen: Numbers
    times_us: Numbers
    id_begins: Numbers
    id_sizes: Numbers
    id_text: Bytes


class NewNames(NamedTuple):
    """Names that rows may have: name n lies in `text` from `begins[n]` to `begins[n + 1]`, 1 to 64 bytes.

    `marks`: for the writer's own use, one a name, kept from call to call: in which record a name was last, as what.
    """

    begins: Numbers
    text: Bytes
    marks: Numbers


def is_columns(value: bytes) -> bool:
    """Whether a record says that it holds columns."""
    return value.startswith(FORM)


def rows_claimed(value: bytes) -> int:
    """How many rows a record says it has; 0 where that cannot be so. Never raises."""
    if not is_columns(value) or len(value) < HEAD_BYTES:
        return 0
    rows = int.from_bytes(value[3:7], "little")
    return rows if rows * ROW_BYTES_MIN <= len(value) else 0


@compiled
def _put(out: Bytes, at: int, number: np.uint64) -> int:
    """Writes a varint. Answers the place behind it."""
    while number >= MORE:
        out[at] = np.uint8(number & LOW_SEVEN | MORE)
        number >>= SEVEN
        at += 1
    out[at] = np.uint8(number)
    return at + 1


@compiled
def _folded(step: np.int64) -> np.uint64:
    return np.uint64((step << np.int64(1)) ^ (step >> np.int64(63)))


@compiled
def _put_names(
    out: Bytes,
    at: int,
    indices: npt.NDArray[np.uint32],
    names: NewNames,
    stamp: int,
    local: Numbers,
) -> tuple[int, int]:
    """Writes each name that rows have, once, and notes in `local` which one it is of each. The place behind, how many.

    `indices`: of the record's rows.
    """
    count = 0
    for place, index in enumerate(indices):
        mark = names.marks[index]
        if mark >> _STAMP_BITS != stamp:
            mark = np.int64((stamp << _STAMP_BITS) | count)
            names.marks[index] = mark
            count += 1
            begin, end = names.begins[index], names.begins[index + 1]
            out[at] = np.uint8(end - begin)
            out[at + 1 : at + 1 + end - begin] = names.text[begin:end]
            at += 1 + end - begin
        local[place] = mark & _LOCAL
    return at, count


@compiled
def _put_ids(out: Bytes, at: int, rows: NewRows, order: npt.NDArray[np.intp], has_texts: bool) -> int:
    before = np.uint64(0)
    for row in order:
        if has_texts:
            size = rows.id_sizes[row]
            out[at] = np.uint8(size)
            at += 1
            if size:
                out[at : at + size] = rows.id_text[rows.id_begins[row] : rows.id_begins[row] + size]
                at += size
                continue
        at = _put(out, at, _folded(np.int64(rows.numbers[row] - before)))
        before = rows.numbers[row]
    return at


@compiled
def _unit_of(times_us: Numbers, order: npt.NDArray[np.intp]) -> int:
    """The largest unit in which all times are whole."""
    unit = len(UNITS_US) - 1
    for row in order:
        while times_us[row] % UNITS_US[unit]:
            unit -= 1
    return unit


@compiled
def _put_head(out: Bytes, at: int, flags: int, rows: int, merchants: int, programmes: int) -> None:
    out[at], out[at + 1], out[at + 2] = FORM_MARK, FORM_NUMBER, flags
    at += 3
    for number in (rows, merchants, programmes):
        for shift in range(0, 32, 8):
            out[at] = np.uint8(number >> shift & 0xFF)
            at += 1


@compiled
def write_records(
    rows: NewRows,
    order: npt.NDArray[np.intp],
    begins: Numbers,
    merchants: NewNames,
    programmes: NewNames,
    stamp: int,
) -> tuple[Bytes, Numbers]:
    """Records one behind the other, and where each ends. `order`: of all records which rows they have, in order.

    `begins`: where each record begins in `order`; one more for the end. `stamp`: the marks of names know none from it
    on; as many are used as there are records, and it stays below 2 ** 31.
    """
    records = len(begins) - 1
    out, ends = np.empty(len(order) * ROW_BYTES_MAX + records * HEAD_BYTES, np.uint8), np.empty(records, np.int64)
    local, local_programmes = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    end = 0
    for record in range(records):
        own = order[begins[record] : begins[record + 1]]
        head, at, has_texts = end, end + HEAD_BYTES, False
        at, merchants_here = _put_names(out, at, rows.merchants[own], merchants, stamp + record, local)
        at, programmes_here = _put_names(out, at, rows.programmes[own], programmes, stamp + record, local_programmes)
        if merchants_here > 1:
            for place in range(len(own)):
                at = _put(out, at, np.uint64(local[place]))
        if programmes_here > 1:
            for place in range(len(own)):
                at = _put(out, at, np.uint64(local_programmes[place]))
        for row in own:
            has_texts |= rows.id_sizes[row] > 0
        at = _put_ids(out, at, rows, own, has_texts)
        for row in own:
            at = _put(out, at, np.uint64(rows.amounts_fen[row]))
        unit, before = _unit_of(rows.times_us, own), np.int64(0)
        for row in own:
            time = rows.times_us[row] // UNITS_US[unit]
            at = _put(out, at, _folded(time - before))
            before = time
        flags = unit | HAS_TEXT_IDS if has_texts else unit
        _put_head(out, head, flags, len(own), merchants_here, programmes_here)
        ends[record] = end = at
    return out[:end], ends
