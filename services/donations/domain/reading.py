"""Reading lines: the donation on each, as columns of a whole batch; what is none, line by line, and why.

Plain lines are read by compiled loops (`parsing`), any other by msgspec; `contracts.donations.Donation` stays the
contract. Tests prove that all three accept and refuse the same lines, and read the same from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from pandapack.contracts.columns import Columns, Ids, Texts
from pandapack.contracts.donations import AMOUNT_FEN_MAX, NAME_BYTES, NAME_CHARACTERS_MAX, line_of, microseconds_of
from services.donations.domain.names import Names
from services.donations.domain.parsing import (
    FEN,
    ID_BEGIN,
    ID_END,
    MERCHANT_BEGIN,
    MERCHANT_HASH,
    MICROSECONDS,
    NOT_PLAIN,
    NUMBER,
    PROGRAMME_BEGIN,
    PROGRAMME_HASH,
    Parsed,
    parse,
    places,
)
from services.donations.domain.text import Offsets, Text

MERCHANTS_REMEMBERED_MAX = 200_000
PROGRAMMES_REMEMBERED_MAX = 4_096
MERCHANT_SLOTS_BITS = 19
PROGRAMME_SLOTS_BITS = 13

_Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class Gift(msgspec.Struct, frozen=True, gc=False):
    """A donation as read from a line; the same contract as `contracts.donations.Donation`."""

    id: _Name
    merchant: _Name
    programme: _Name
    amount_fen: Annotated[int, Meta(gt=0, le=AMOUNT_FEN_MAX)]
    at: Annotated[datetime, Meta(tz=True)]


_decoder = msgspec.json.Decoder(Gift)
LINES_AT_ONCE = 32
"""Lines are read so many at a time, and one by one only where one of them is no donation."""


def gifts_of(raws: Sequence[bytes]) -> list[Gift | str]:
    """The donation on each line, or the words in which the reader refuses it."""
    gifts: list[Gift | str] = []
    for start in range(0, len(raws), LINES_AT_ONCE):
        some = raws[start : start + LINES_AT_ONCE]
        gifts += _together(b"\n".join(some), len(some)) or map(gift_of, some)
    return gifts


def _together(lines: bytes, count: int) -> list[Gift]:
    """All of some lines, or nothing where they must be read one by one.

    The reader takes values one after the other, wherever lines end. Where every line begins with `{` and ends with `}`
    no value can reach over a line's end, so as many values as lines means one on each.
    """
    if not (lines[:1] == b"{" and lines[-1:] == b"}" and lines.count(b"}\n{") == count - 1):
        return []
    try:
        read: list[Gift] = _decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return read if len(read) == count else []


def gift_of(raw: bytes) -> Gift | str:
    """The donation on one line, or the words in which the reader refuses it."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)


def characters_are_plain(text: str) -> bool:
    """Whether a text holds nothing but the characters of `contracts.donations.NAME_PATTERN`."""
    return text.isascii() and not text.encode().translate(None, NAME_BYTES)


def is_name(text: str) -> bool:
    """Whether a text is one of `contracts.donations.NAME_PATTERN`."""
    return 0 < len(text) <= NAME_CHARACTERS_MAX and characters_are_plain(text)


def is_plain(gift: Gift) -> bool:
    """Whether a gift's three names are plain."""
    return characters_are_plain(gift.id + gift.merchant + gift.programme)


def _home_of(lines: int, merchant: str) -> int:
    if not is_name(merchant):
        raise ValueError(merchant)
    return line_of(merchant, lines)


def _programme(programme: str) -> int:
    if not is_name(programme):
        raise ValueError(programme)
    return 0


@dataclass(slots=True)
class Read:
    """What lines hold. `lines` and `homes`: of each row, its line in the batch and the ledger line of its merchant.

    `refused`: line → the reader's words; `not_plain`: line → a gift of which a name is not plain.
    """

    columns: Columns
    lines: Offsets
    homes: npt.NDArray[np.int64]
    refused: dict[int, str] = field(default_factory=dict)
    not_plain: dict[int, Gift] = field(default_factory=dict)


def _placed(names: Names, text: Text, is_plain: npt.NDArray[np.bool_], spans: Parsed) -> npt.NDArray[np.int32]:
    """The place of each line's name, which begins and ends as `spans` say. Those met for the first time get one."""
    found = places(names.table, text.bytes, *spans)
    begins, ends, _ = spans
    for line in np.flatnonzero(is_plain & (found == NOT_PLAIN)).tolist():
        found[line] = names.place(text.raw[begins[line] : ends[line]].decode())
    return found


class LineReader:
    """Reads batches of lines for a ledger of so many lines, and remembers names."""

    def __init__(self, lines: int) -> None:
        self._merchants = Names(partial(_home_of, lines), slots_bits=MERCHANT_SLOTS_BITS, most=MERCHANTS_REMEMBERED_MAX)
        self._programmes = Names(_programme, slots_bits=PROGRAMME_SLOTS_BITS, most=PROGRAMMES_REMEMBERED_MAX)

    def read(self, text: Text) -> Read:
        """Reads all lines of a text."""
        for names in (self._merchants, self._programmes):
            names.make_room()
        is_plain, parsed = parse(text.bytes, text.starts, text.ends)
        merchants = _placed(self._merchants, text, is_plain, parsed[MERCHANT_BEGIN : MERCHANT_HASH + 1])
        programmes = _placed(self._programmes, text, is_plain, parsed[PROGRAMME_BEGIN : PROGRAMME_HASH + 1])
        is_plain &= (merchants >= 0) & (programmes >= 0)
        read = Read(Columns(), np.empty(0, np.intp), np.empty(0, np.int64))
        rows: Offsets = np.flatnonzero(is_plain)
        is_all = len(rows) == len(text)
        if not is_all:
            parsed, merchants, programmes = parsed[:, rows], merchants[rows], programmes[rows]
        begins, ends = parsed[ID_BEGIN], parsed[ID_END]
        texts = {row: text.raw[begins[row] : ends[row]].decode() for row in np.flatnonzero(ends).tolist()}
        read.lines, read.columns = (
            rows,
            Columns(
                Ids(parsed[NUMBER].view(np.uint64), texts),
                Texts(merchants.view(np.uint32), self._merchants.names),
                Texts(programmes.view(np.uint32), self._programmes.names),
                parsed[FEN],
                parsed[MICROSECONDS],
            ),
        )
        if not is_all:
            self._read_one_by_one(text, np.flatnonzero(~is_plain), read)
        read.homes = self._merchants.values[read.columns.merchants.places]
        return read

    def _read_one_by_one(self, text: Text, lines: Offsets, read: Read) -> None:
        """Reads lines that were not plain, and puts them in order among those that were."""
        good: list[Gift] = []
        places: list[int] = []
        numbers = lines.tolist()
        for line, gift in zip(numbers, gifts_of([text.line(line) for line in numbers]), strict=True):
            if isinstance(gift, str):
                read.refused[line] = gift
            elif not is_plain(gift):
                read.not_plain[line] = gift
            else:
                good.append(gift)
                places.append(line)
        if places:
            all_lines = np.concatenate((read.lines, np.array(places, np.intp)))
            order = np.argsort(all_lines)
            read.lines = all_lines[order]
            read.columns = self._columns(good).behind(read.columns).take(order)

    def _columns(self, gifts: Sequence[Gift]) -> Columns:
        merchants = [self._merchants.place(gift.merchant) for gift in gifts]
        programmes = [self._programmes.place(gift.programme) for gift in gifts]
        return Columns(
            Ids.of([gift.id for gift in gifts]),
            Texts(np.array(merchants, np.uint32), self._merchants.names),
            Texts(np.array(programmes, np.uint32), self._programmes.names),
            np.array([gift.amount_fen for gift in gifts], np.int64),
            np.array([microseconds_of(gift.at) for gift in gifts], np.int64),
        )
