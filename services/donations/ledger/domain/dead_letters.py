"""Which dead letters become of the rows of a batch that are rejected: bounded a record, and none is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pandapack.contracts.dead_letters import DEAD_LETTER_BYTES_MAX, ROW_DEAD_LETTERS_A_RECORD_MAX
from pandapack.contracts.pushed_columns import rows_claimed
from services.donations.ledger.domain.findings import RejectedRow


@dataclass(frozen=True, slots=True)
class NewDeadLetter:
    """A dead letter before it is sent. `path`: of its address, behind topic and shard.

    `rows`: how many rows it has, where it is not a single one; `size`: of a record that is too long for a letter.
    """

    path: str
    reason: str
    value: bytes
    platform: str
    is_reversal: bool
    rows: int | None = None
    size: int | None = None


def dead_letters_of(rejected: Iterable[RejectedRow]) -> Iterator[NewDeadLetter]:
    """A letter a row, up to `ROW_DEAD_LETTERS_A_RECORD_MAX` of a record; the rest of it lies in as few as it fits in.

    A record that nobody marked is one letter, whatever it holds. The rows of one record lie together.
    """
    for offset, group in groupby(rejected, lambda row: row.offset):
        rows = list(group)
        yield from map(_dead_letter_of, rows[:ROW_DEAD_LETTERS_A_RECORD_MAX])
        for number, some in enumerate(_fitting(rows[ROW_DEAD_LETTERS_A_RECORD_MAX:]), 1):
            value = b"\n".join(row.raw for row in some)
            first = some[0]
            path = f"{offset}/rest/{number}"
            yield NewDeadLetter(path, first.reason, value, first.platform, first.is_reversal, rows=len(some))


def _dead_letter_of(row: RejectedRow) -> NewDeadLetter:
    value, size = row.raw[:DEAD_LETTER_BYTES_MAX], len(row.raw)
    cut = size if size > DEAD_LETTER_BYTES_MAX else None
    if row.index is not None:
        path = f"{row.offset}/{row.index}"
        return NewDeadLetter(path, row.reason, value, row.platform, row.is_reversal, size=cut)
    rows = rows_claimed(row.raw) or (row.raw.count(b"\n") + 1 if row.raw else 0)
    return NewDeadLetter(str(row.offset), row.reason, value, row.platform, row.is_reversal, rows=rows, size=cut)


def _fitting(rows: Sequence[RejectedRow]) -> Iterator[list[RejectedRow]]:
    """The rows in runs that fit into a letter each."""
    some, size = list[RejectedRow](), 0
    for row in rows:
        if some and size + len(row.raw) >= DEAD_LETTER_BYTES_MAX:
            yield some
            some, size = [], 0
        some.append(row)
        size += len(row.raw) + 1
    if some:
        yield some
