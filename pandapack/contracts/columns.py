"""A page's donations in memory, column by column, as numpy holds them: no object a row.

Texts that repeat (merchants, programmes) are indices into a list of strings. Ids are 64-bit numbers where they are
plain decimal numbers, which is what shopping platforms give; any other id is kept as its text, beside, by its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US

Indices = npt.NDArray[np.uint32]
"""Shape (rows,): for each row an index into a list of strings."""
Numbers = npt.NDArray[np.int64]
"""Shape (rows,): a number a row; fen, microseconds or days, as the name says."""
Words64 = npt.NDArray[np.uint64]
"""Shape (rows,): an id a row, or 0 where the id is no plain number."""

NUMBER_ID_DIGITS_MAX = 19
"""A number of so many digits always fits into 64 bits."""


LOWEST_ID, HIGHEST_ID = "", "~"
"""Below and above every id key: the bounds of a page that has an id which is no number."""


def id_key(id: str) -> str:
    """An id as it sorts among a page's bounds: numbers as numbers, and all others at the upper end."""
    number = number_of_id(id)
    return HIGHEST_ID if number is None else f"{number:0{NUMBER_ID_DIGITS_MAX}d}"


@dataclass(frozen=True, slots=True)
class Row:
    """One counted donation. `at_us`: microseconds since 1970 UTC."""

    id: str
    merchant: str
    programme: str
    amount_fen: int
    at_us: int

    def leaf(self) -> bytes:
        """What a seal hashes of the row: its five values, a line each, UTF-8."""
        return f"{self.id}\n{self.merchant}\n{self.programme}\n{self.amount_fen}\n{self.at_us}".encode()


def number_of_id(id: str) -> int | None:
    """The number that an id is, if writing the number out gives the same text again: `7`, but not `007` or `A7`."""
    if len(id) > NUMBER_ID_DIGITS_MAX or not (id.isascii() and id.isdigit()) or (id[0] == "0" and id != "0"):
        return None
    return int(id)


@dataclass(slots=True, eq=False)
class StringColumn:
    """Texts that repeat. `indices`, shape (rows,): row → index into `strings`, which may hold more than occur."""

    indices: Indices = field(default_factory=lambda: np.empty(0, np.uint32))
    strings: Sequence[str] = ()

    @classmethod
    def of(cls, values: Sequence[str]) -> StringColumn:
        known: dict[str, int] = {}
        indices = [known.setdefault(value, len(known)) for value in values]
        return cls(np.array(indices, np.uint32), list(known))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, row: int) -> str:
        return self.strings[int(self.indices[row])]

    def __iter__(self) -> Iterator[str]:
        return map(self.strings.__getitem__, self.indices.tolist())

    def take(self, rows: npt.NDArray[np.intp]) -> StringColumn:
        """The texts of some rows."""
        return StringColumn(self.indices[rows], self.strings)

    def dense(self) -> StringColumn:
        """The same with only those strings that occur, in the order of their indices."""
        occurs = np.zeros(len(self.strings), bool)
        occurs[self.indices] = True
        indices = (np.cumsum(occurs) - 1).astype(np.uint32)[self.indices]
        return StringColumn(indices, [self.strings[index] for index in np.flatnonzero(occurs).tolist()])

    @staticmethod
    def concat(before: StringColumn, after: StringColumn) -> StringColumn:
        """`before`, then `after`."""
        if before.strings is after.strings or not len(before):
            return StringColumn(np.concatenate((before.indices, after.indices)), after.strings)
        strings = list(before.strings)
        known = {name: index for index, name in enumerate(strings)}
        own = after.dense()
        indices = [known.setdefault(name, len(known)) for name in own.strings]
        moved = np.array(indices, np.uint32)[own.indices]
        return StringColumn(np.concatenate((before.indices, moved)), list(known))


@dataclass(slots=True, eq=False)
class Ids:
    """Ids. `numbers`, shape (rows,): the number of each row, or 0 and its text in `texts` by row."""

    numbers: Words64 = field(default_factory=lambda: np.empty(0, np.uint64))
    texts: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Sequence[str]) -> Ids:
        numbers = [number_of_id(value) for value in values]
        texts = {row: values[row] for row, number in enumerate(numbers) if number is None}
        return cls(np.array([number or 0 for number in numbers], np.uint64), texts)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> str:
        return self.texts.get(row) or str(self.numbers[row])

    def __iter__(self) -> Iterator[str]:
        if not self.texts:
            return map(str, self.numbers.tolist())
        written = [str(number) for number in self.numbers.tolist()]
        for row, text in self.texts.items():
            written[row] = text
        return iter(written)

    def take(self, rows: npt.NDArray[np.intp]) -> Ids:
        """The ids of some rows."""
        if not self.texts:
            return Ids(self.numbers[rows])
        texts = {new: self.texts[row] for new, row in enumerate(rows.tolist()) if row in self.texts}
        return Ids(self.numbers[rows], texts)

    def bounds(self) -> tuple[str, str]:
        """The lowest and the highest key of these ids (`id_key`)."""
        if self.texts or not len(self.numbers):
            return LOWEST_ID, HIGHEST_ID
        return id_key(str(self.numbers.min())), id_key(str(self.numbers.max()))

    @staticmethod
    def concat(before: Ids, after: Ids) -> Ids:
        """`before`, then `after`."""
        base, texts = len(before), before.texts
        if after.texts:
            texts = texts | {base + row: text for row, text in after.texts.items()}
        return Ids(np.concatenate((before.numbers, after.numbers)), texts)


@dataclass(slots=True, eq=False)
class Columns:
    """Donations in the order in which they were counted; every column has one entry a row.

    `amounts_fen`, shape (rows,): fen. `times_us`, shape (rows,): microseconds since 1970 UTC.
    """

    ids: Ids = field(default_factory=Ids)
    merchants: StringColumn = field(default_factory=StringColumn)
    programmes: StringColumn = field(default_factory=StringColumn)
    amounts_fen: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    times_us: Numbers = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Columns:
        """The columns of some rows."""
        return cls(
            Ids.of([row.id for row in rows]),
            StringColumn.of([row.merchant for row in rows]),
            StringColumn.of([row.programme for row in rows]),
            np.array([row.amount_fen for row in rows], np.int64),
            np.array([row.at_us for row in rows], np.int64),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def days(self) -> Numbers:
        """The `contracts.donations.day_number` of each row."""
        return (self.times_us + DAY_OFFSET_US) // DAY_US

    def row(self, row: int) -> Row:
        """One row."""
        fen, at_us = int(self.amounts_fen[row]), int(self.times_us[row])
        return Row(self.ids[row], self.merchants[row], self.programmes[row], fen, at_us)

    def rows(self) -> Iterator[Row]:
        """The rows in order."""
        amounts, times = self.amounts_fen.tolist(), self.times_us.tolist()
        return map(Row, self.ids, self.merchants, self.programmes, amounts, times)

    def find(self, merchant: str, id: str, from_us: int, to_us: int) -> int | None:
        """The row of a merchant's donation within `[from_us, to_us)`, or None."""
        number = number_of_id(id)
        if number is None:
            candidates = [row for row, text in self.ids.texts.items() if text == id]
        else:
            candidates = np.flatnonzero(self.ids.numbers == np.uint64(number)).tolist()
        for row in candidates:
            if self.ids[row] == id and self.merchants[row] == merchant and from_us <= int(self.times_us[row]) < to_us:
                return row
        return None

    def fen_before(self, row: int) -> int:
        """What the rows before this one give to its programme."""
        same = self.programmes.indices[:row] == self.programmes.indices[row]
        return int(self.amounts_fen[:row][same].sum())

    def row_at(self, programme: str, fen: int) -> int | None:
        """The row that has a fen of those that all rows give to a programme, counted from 0; None where none has."""
        own = [place for place, name in enumerate(self.programmes.strings) if name == programme]
        rows = np.flatnonzero(np.isin(self.programmes.indices, own))
        ends = np.cumsum(self.amounts_fen[rows])
        place = int(np.searchsorted(ends, fen, side="right"))
        return int(rows[place]) if fen >= 0 and place < len(rows) else None

    def take(self, rows: npt.NDArray[np.intp]) -> Columns:
        """Some rows."""
        return Columns(
            self.ids.take(rows),
            self.merchants.take(rows),
            self.programmes.take(rows),
            self.amounts_fen[rows],
            self.times_us[rows],
        )

    @staticmethod
    def concat(before: Columns, after: Columns) -> Columns:
        """`before`, then `after`. Neither is changed."""
        return Columns(
            Ids.concat(before.ids, after.ids),
            StringColumn.concat(before.merchants, after.merchants),
            StringColumn.concat(before.programmes, after.programmes),
            np.concatenate((before.amounts_fen, after.amounts_fen)),
            np.concatenate((before.times_us, after.times_us)),
        )
