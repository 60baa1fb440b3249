"""What a batch of records leaves behind beside new rows: its anchor, findings, and rows that are rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class First(NamedTuple):
    """The row that counts where another came under its identity. `at_us`: microseconds since 1970 UTC.

    `page`: the number of its page; None: the one that is written now, or not known. `row`: its row there, from 0, on
    the page that is written now among the new rows; None of a reversal.
    """

    programme: str
    amount_fen: int
    at_us: int
    page: int | None
    row: int | None

    def is_repeated_by(self, other: First) -> bool:
        """Whether another one says the same, so that it is a duplicate and no conflict."""
        return (self.programme, self.amount_fen) == (other.programme, other.amount_fen)

    def on(self, page: int, rows_before: int) -> First:
        """The same, where it lies once the page that is written now has this number, and had so many rows before."""
        if self.page is not None:
            return self
        return self._replace(page=page, row=None if self.row is None else rows_before + self.row)


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a row that was not counted. `index` is its line in the push, from 0; None: not known.

    `merchant` is scoped. `kind`: duplicate or conflict; of a reversal also refused or parked. `day` and `amount_fen`
    are the row's own, of a reversal those of its donation and what it asked for. `first`: of a duplicate or a conflict,
    the one that counts. `left_fen`: of a refused or conflicting reversal, what is left of its donation, where known.
    """

    push: str
    index: int | None
    kind: str
    merchant: str
    id: str
    day: str | None = None
    amount_fen: int | None = None
    first: First | None = None
    left_fen: int | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no donation (or no reversal) of this shard: it goes to the dead letters, untouched.

    `index` is its line in the record at `offset`; None: the whole record, which nobody reads. `platform` is whose it
    was, empty where nobody vouches for one.
    """

    offset: int
    index: int | None
    raw: bytes
    reason: str
    platform: str = ""
    is_reversal: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last record that is on a page: if the log does not hold it any more, the log is another one."""

    offset: int
    timestamp_ms: int
    digest: str
