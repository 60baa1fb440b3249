"""Records of columns at both ends: the door writes what it has read from lines, the ledger reads it.

What is read are the columns that the lines had: a test proves that it is row for row the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pandapack.contracts.columns import Columns, Ids, StringColumn
from pandapack.contracts.pushed_columns import Bytes, NewNames, NewRows, Numbers, write_records
from pandapack.contracts.pushed_rows import RecordNames, read_heads, read_names, read_rows
from services.donations.validation.domain.name_tables import NameTables
from services.donations.validation.domain.parsing import NOT_PLAIN, hashes_of, lookup
from services.donations.validation.domain.scopes import LinePlatforms
from services.donations.validation.domain.string_table import StringTable
from services.donations.validation.domain.text_lines import Offsets

STAMPS_MAX = 1 << 31
"""Beyond it a stamp would not fit into half of a mark."""


class RecordWriter:
    """Writes records of rows whose names are in some tables."""

    def __init__(self, names: NameTables) -> None:
        self._names, self._stamp = names, 1
        self._merchant_marks, self._programme_marks = np.zeros(1, np.int64), np.zeros(1, np.int64)

    def write(self, columns: Columns, order: Offsets, begins: Numbers) -> list[bytes]:
        """The records' bytes. `order`: of all records which rows they have, one behind the other, in order.

        `begins`: where each record begins in `order`; one more for the end. The columns are of these name tables, and
        those have not been told to make room since.
        """
        records = len(begins) - 1
        if self._stamp + records >= STAMPS_MAX:
            self._stamp, self._merchant_marks, self._programme_marks = 1, np.zeros(1, np.int64), np.zeros(1, np.int64)
        self._merchant_marks = _with_room(self._merchant_marks, self._names.merchants)
        self._programme_marks = _with_room(self._programme_marks, self._names.programmes)
        merchants, programmes = self._names.merchants.table, self._names.programmes.table
        written, ends = write_records(
            _rows_of(columns),
            order,
            begins,
            NewNames(merchants.begins, merchants.text, self._merchant_marks),
            NewNames(programmes.begins, programmes.text, self._programme_marks),
            self._stamp,
        )
        self._stamp += records
        whole = written.tobytes()
        return [whole[begin:end] for begin, end in pairwise([0, *ends.tolist()])]


def _with_room(marks: Numbers, names: StringTable) -> Numbers:
    """Marks for all names of a table."""
    while len(marks) < len(names.strings):
        marks = np.concatenate((marks, np.zeros(max(len(names.strings), len(marks)), np.int64)))
    return marks


def _rows_of(columns: Columns) -> NewRows:
    sizes, begins = np.zeros(len(columns), np.int64), np.zeros(len(columns), np.int64)
    texts = columns.ids.texts
    if texts:
        rows = np.fromiter(texts, np.intp, len(texts))
        sizes[rows] = lengths = np.fromiter(map(len, texts.values()), np.int64, len(texts))
        begins[rows] = np.cumsum(lengths) - lengths
    return NewRows(
        columns.merchants.indices,
        columns.programmes.indices,
        columns.ids.numbers,
        columns.amounts_fen,
        columns.times_us,
        begins,
        sizes,
        np.frombuffer("".join(texts.values()).encode(), np.uint8),
    )


@dataclass(slots=True)
class RecordRows:
    """What records hold. `rows_in`, shape (records,): how many rows each has; 0 where it could not be read.

    `columns`, and `shards`, of the merchant of each row: as long as there are rows, one record behind the other.
    Merchants are scoped by their records' platforms. `is_named`: None, or of each row whether both names are names.
    """

    columns: Columns
    shards: npt.NDArray[np.int64]
    rows_in: Numbers
    is_named: npt.NDArray[np.bool_] | None = None


class RecordColumns:
    """Reads batches of records for a ledger of so many shards, and remembers names."""

    def __init__(self, shards: int) -> None:
        self._names = NameTables(shards)

    def read(self, values: Sequence[bytes], platforms: LinePlatforms) -> RecordRows:
        """Reads all records. `platforms`: whose each record is. Never raises, whatever their bytes are."""
        self._names.make_room()
        raw = b"".join(values)
        text, ends = np.frombuffer(raw, np.uint8), np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
        heads = read_heads(text, ends)
        merchants, programmes = read_names(text, ends, heads)
        known_merchants = _interned(self._names.merchants, raw, text, merchants, platforms)
        unscoped = LinePlatforms.one("", len(values))
        known_programmes = _interned(self._names.programmes, raw, text, programmes, unscoped)
        rows_in, read = read_rows(text, ends, heads, known_merchants, known_programmes)
        id_ends = read.id_ends
        texts = {row: raw[read.id_begins[row] : id_ends[row]].decode() for row in np.flatnonzero(id_ends).tolist()}
        columns = Columns(
            Ids(read.numbers, texts),
            StringColumn(read.merchants.view(np.uint32), self._names.merchants.strings),
            StringColumn(read.programmes.view(np.uint32), self._names.programmes.strings),
            read.amounts_fen,
            read.times_us,
        )
        if (known_merchants < 0).any() or (known_programmes < 0).any():
            is_named = (read.merchants >= 0) & (read.programmes >= 0)
            shards = self._names.merchants.values[np.maximum(read.merchants, 0)]
            return RecordRows(columns, shards, rows_in, is_named)
        return RecordRows(columns, self._names.merchants.values[read.merchants], rows_in)


def _interned(
    table: StringTable, raw: bytes, text: Bytes, names: RecordNames, platforms: LinePlatforms
) -> npt.NDArray[np.int32]:
    """The index of each name, behind what stands before it. Those met for the first time get one."""
    scopes = table.scopes_of(LinePlatforms(platforms.ids, platforms.of_line[names.records]))
    hashes = hashes_of(text, names.begins, names.ends, scopes)
    found = lookup(table.table, text, scopes, names.begins, names.ends, hashes)
    prefixes = platforms.prefixes
    for name in np.flatnonzero(found == NOT_PLAIN).tolist():
        rest = raw[names.begins[name] : names.ends[name]].decode(errors="replace")
        found[name] = table.index_of(prefixes[scopes.of_line[name]], rest)
    return found
