"""Reading lines: the donation on each, as columns of a whole batch; what is none, line by line, and why.

Lines that are laid out alike are read all at once (`alike`), any other by msgspec; `contracts.donations.Donation` stays
the contract. Tests prove that all three accept and refuse the same lines, and read the same from them.
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
from services.donations.domain.alike import Alike, Layout, Offsets, Text, Values
from services.donations.domain.names import Names

MERCHANTS_REMEMBERED_MAX = 200_000
PROGRAMMES_REMEMBERED_MAX = 4_096
DATES_REMEMBERED_MAX = 4_096
MERCHANT_SLOTS_BITS = 18
FEW_SLOTS_BITS = 10
LAYOUTS_MAX = 8
LINES_WORTH_A_LAYOUT = 16
"""So many lines of no known layout, and it is worth while to learn one."""
LAYOUT_SAMPLES_MAX = 4
DATE_CHARACTERS = len("2021-11-11")
YEAR_FIRST, YEAR_LAST = 1970, 9986
"""Dates of other years are left to the JSON reader, which knows where time begins and ends."""

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


def _midnight_us(date_and_zone: str) -> int:
    date, zone = date_and_zone[:DATE_CHARACTERS], date_and_zone[DATE_CHARACTERS:]
    at: datetime = msgspec.convert(f"{date}T00:00:00{zone}", datetime)
    if at.tzinfo is None or zone[0] not in "Z+-" or not YEAR_FIRST < at.year < YEAR_LAST:
        raise ValueError(date_and_zone)
    return microseconds_of(at)


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


class LineReader:
    """Reads batches of lines for a ledger of so many lines; remembers names, and how lines are laid out."""

    def __init__(self, lines: int) -> None:
        self._merchants = Names(partial(_home_of, lines), slots_bits=MERCHANT_SLOTS_BITS, most=MERCHANTS_REMEMBERED_MAX)
        self._programmes = Names(_programme, slots_bits=FEW_SLOTS_BITS, most=PROGRAMMES_REMEMBERED_MAX)
        self._dates = Names(_midnight_us, slots_bits=FEW_SLOTS_BITS, most=DATES_REMEMBERED_MAX)
        self._values = Values(self._merchants, self._programmes, self._dates)
        self._layouts: list[Layout] = []

    def read(self, body: bytes) -> Read:
        """Reads all lines of a body; a line break stands between two of them."""
        for names in (self._merchants, self._programmes, self._dates):
            names.make_room()
        text = Text(body)
        parts = self._read_alike(text)
        left = np.ones(len(text.starts), bool)
        for part in parts:
            left[part.lines] = False
        read = Read(Columns(), np.empty(0, np.intp), np.empty(0, np.int64))
        if left.any():
            parts.append(self._read_one_by_one(text, np.flatnonzero(left), read))
        read.lines, read.columns = _in_order(parts)
        read.homes = self._merchants.values[read.columns.merchants.places]
        return read

    def _read_alike(self, text: Text) -> list[Alike]:
        rest, quotes = text.quotes()
        parts: list[Alike] = []
        for layout in self._layouts_for(text, rest):
            same, spans = layout.spans(text, rest, quotes)
            if same.all():
                return [*parts, self._values.read(text, rest, spans, is_name)]
            if same.any():
                some = {name: (begin[same], end[same]) for name, (begin, end) in spans.items()}
                parts.append(self._values.read(text, rest[same], some, is_name))
                rest, quotes = rest[~same], quotes[:, ~same]
            if len(rest) < LINES_WORTH_A_LAYOUT:
                break
        else:
            self._learn(text, rest)
        return parts

    def _layouts_for(self, text: Text, lines: Offsets) -> list[Layout]:
        if not self._layouts:
            self._learn(text, lines)
        return list(self._layouts)

    def _learn(self, text: Text, lines: Offsets) -> None:
        """Learns the layout of one of these lines; the next batch is read by it, too."""
        for line in lines[:LAYOUT_SAMPLES_MAX].tolist() if len(lines) >= LINES_WORTH_A_LAYOUT else ():
            raw = text.line(line)
            layout = Layout.of(raw) if isinstance(gift_of(raw), Gift) else None
            if layout is not None and layout not in self._layouts:
                self._layouts = [layout, *self._layouts[: LAYOUTS_MAX - 1]]
                return

    def _read_one_by_one(self, text: Text, lines: Offsets, read: Read) -> Alike:
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
        return Alike(np.array(places, np.intp), self._columns(good))

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


def _in_order(parts: Sequence[Alike]) -> tuple[Offsets, Columns]:
    """Rows of several parts, in the order of their lines."""
    lines, columns = parts[0].lines, parts[0].columns
    for part in parts[1:]:
        lines, columns = np.concatenate((lines, part.lines)), part.columns.behind(columns)
    if len(parts) > 1:
        order = np.argsort(lines)
        lines, columns = lines[order], columns.take(order)
    return lines, columns
