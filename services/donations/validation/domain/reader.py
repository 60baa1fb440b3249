"""Reading lines: the donation on each, as columns of a whole batch; what is none, line by line, and why.

Plain lines are read by compiled loops (`parsing`), any other by msgspec; `contracts.donations.Donation` stays the
contract. Tests prove that all three accept and refuse the same lines, and read the same from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from pandapack.contracts.columns import Columns, Ids, StringColumn
from pandapack.contracts.donations import AMOUNT_FEN_MAX, NAME_CHARACTERS_MAX, microseconds_of
from pandapack.contracts.nesting import is_nested_too_deeply
from services.donations.validation.domain.failures import NESTED_TOO_DEEPLY
from services.donations.validation.domain.name_tables import NameTables, characters_are_plain, is_name
from services.donations.validation.domain.parsing import (
    FEN,
    ID_BEGIN,
    ID_END,
    MERCHANT_BEGIN,
    MICROSECONDS,
    NOT_PLAIN,
    NUMBER,
    PROGRAMME_BEGIN,
    ParsedColumns,
    Scopes,
    lookup,
    parse,
)
from services.donations.validation.domain.scopes import UNSCOPED, LinePlatforms
from services.donations.validation.domain.string_table import StringTable
from services.donations.validation.domain.text_lines import Offsets, TextLines

_Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


class DonationLine(msgspec.Struct, frozen=True, gc=False):
    """A donation as read from a line, unscoped; the same contract as `contracts.donations.Donation`."""

    id: _Name
    merchant: _Name
    programme: _Name
    amount_fen: Annotated[int, Meta(gt=0, le=AMOUNT_FEN_MAX)]
    at: Annotated[datetime, Meta(tz=True)]


_decoder = msgspec.json.Decoder(DonationLine)
LINES_AT_ONCE = 32
"""Lines are read so many at a time, and one by one only where one of them is no donation."""


def donations_of(raws: Sequence[bytes]) -> list[DonationLine | str]:
    """The donation on each line, or the reader's error."""
    donations: list[DonationLine | str] = []
    for start in range(0, len(raws), LINES_AT_ONCE):
        some = raws[start : start + LINES_AT_ONCE]
        are_deep = any(map(is_nested_too_deeply, some))
        donations += (not are_deep and _together(b"\n".join(some), len(some))) or map(donation_of, some)
    return donations


def _together(lines: bytes, count: int) -> list[DonationLine]:
    """All of some lines, or nothing where they must be read one by one.

    The reader takes values one after the other, wherever lines end. Where every line begins with `{` and ends with `}`
    no value can reach over a line's end, so as many values as lines means one on each.
    """
    if not (lines[:1] == b"{" and lines[-1:] == b"}" and lines.count(b"}\n{") == count - 1):
        return []
    try:
        read: list[DonationLine] = _decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return read if len(read) == count else []


def donation_of(raw: bytes) -> DonationLine | str:
    """The donation on one line, or the reader's error."""
    if is_nested_too_deeply(raw):
        return NESTED_TOO_DEEPLY
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)


def is_plain(donation: DonationLine) -> bool:
    """Whether a donation's three names are plain."""
    return characters_are_plain(donation.id + donation.merchant + donation.programme)


@dataclass(slots=True)
class ParsedLines:
    """What lines hold. `lines` and `shards`: of each row, its line in the text and the shard of its merchant.

    `columns`, `lines` and `shards` are as long as there are rows; lines that hold no donation have no row. Merchants
    in `columns` are scoped by their lines' platforms.
    `one_by_one`: the lines that the compiled loops left over, good or not.
    `refused`: line → the reader's error; `not_plain`: line → a donation of which a name is not plain, or the merchant
    too long behind its platform.
    """

    columns: Columns
    lines: Offsets
    shards: npt.NDArray[np.int64]
    refused: dict[int, str] = field(default_factory=dict)
    not_plain: dict[int, DonationLine] = field(default_factory=dict)
    one_by_one: list[int] = field(default_factory=list)


def _interned(
    names: StringTable,
    text: TextLines,
    platforms: LinePlatforms,
    scopes: Scopes,
    is_plain: npt.NDArray[np.bool_],
    bounds: ParsedColumns,
) -> npt.NDArray[np.int32]:
    """The index of each line's name, behind what stands before it. Those met for the first time get one.

    bounds: three rows, of where each line's name begins and ends, and of its hash. The result has a number a line.
    """
    found = lookup(names.table, text.bytes, scopes, *bounds)
    (begins, ends, _), prefixes = bounds, platforms.prefixes
    for line in np.flatnonzero(is_plain & (found == NOT_PLAIN)).tolist():
        name = text.raw[begins[line] : ends[line]].decode()
        found[line] = names.index_of(prefixes[platforms.of_line[line]], name)
    return found


class LineReader:
    """Reads batches of lines for a ledger of so many shards. `names`: those that it remembers."""

    def __init__(self, shards: int) -> None:
        self.names = NameTables(shards)

    def read(self, text: TextLines, platforms: LinePlatforms) -> ParsedLines:
        """Reads all lines of a text. `platforms`: whose each line is."""
        self.names.make_room()
        scopes, nobodys = self.names.merchants.scopes_of(platforms), LinePlatforms.one("", len(text))
        is_plain, parsed = parse(text.bytes, text.starts, text.ends, scopes)
        of_merchants, of_programmes = parsed[MERCHANT_BEGIN:PROGRAMME_BEGIN], parsed[PROGRAMME_BEGIN:]
        merchants = _interned(self.names.merchants, text, platforms, scopes, is_plain, of_merchants)
        unscoped = self.names.programmes.scopes_of(nobodys)
        programmes = _interned(self.names.programmes, text, nobodys, unscoped, is_plain, of_programmes)
        is_plain &= (merchants >= 0) & (programmes >= 0)
        read = ParsedLines(Columns(), np.empty(0, np.intp), np.empty(0, np.int64))
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
                StringColumn(merchants.view(np.uint32), self.names.merchants.strings),
                StringColumn(programmes.view(np.uint32), self.names.programmes.strings),
                parsed[FEN],
                parsed[MICROSECONDS],
            ),
        )
        if not is_all:
            self._read_one_by_one(text, platforms, np.flatnonzero(~is_plain), read)
        read.shards = self.names.merchants.values[read.columns.merchants.indices]
        return read

    def _read_one_by_one(self, text: TextLines, platforms: LinePlatforms, lines: Offsets, read: ParsedLines) -> None:
        """Reads lines that were not plain, and puts them in order among those that were."""
        good: list[tuple[str, DonationLine]] = []
        good_lines: list[int] = []
        numbers, prefixes = lines.tolist(), platforms.prefixes
        read.one_by_one = numbers
        for line, donation in zip(numbers, donations_of([text.line(line) for line in numbers]), strict=True):
            if isinstance(donation, str):
                read.refused[line] = donation
                continue
            prefix = prefixes[platforms.of_line[line]]
            if not is_plain(donation) or not is_name(prefix + donation.merchant):
                read.not_plain[line] = donation
            else:
                good.append((prefix, donation))
                good_lines.append(line)
        if good_lines:
            all_lines = np.concatenate((read.lines, np.array(good_lines, np.intp)))
            order = np.argsort(all_lines)
            read.lines = all_lines[order]
            read.columns = Columns.concat(read.columns, self._columns(good)).take(order)

    def _columns(self, prefixed: Sequence[tuple[str, DonationLine]]) -> Columns:
        donations = [donation for _, donation in prefixed]
        merchants = [self.names.merchants.index_of(prefix, donation.merchant) for prefix, donation in prefixed]
        programmes = [self.names.programmes.index_of(UNSCOPED, donation.programme) for donation in donations]
        return Columns(
            Ids.of([donation.id for donation in donations]),
            StringColumn(np.array(merchants, np.uint32), self.names.merchants.strings),
            StringColumn(np.array(programmes, np.uint32), self.names.programmes.strings),
            np.array([donation.amount_fen for donation in donations], np.int64),
            np.array([microseconds_of(donation.at) for donation in donations], np.int64),
        )
