"""What a batch of records leaves behind beside new rows: its anchor, findings, and rows that are rejected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a row that was not counted. `index` is its line in the record.

    `kind`: duplicate or conflict; of a reversal also refused or parked.
    """

    push: str
    index: int
    kind: str
    merchant: str
    id: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no donation (or no reversal) of this shard: it goes to the dead letters, untouched.

    `index` is its line in the record at `offset`.
    """

    offset: int
    index: int
    raw: bytes
    reason: str
    is_reversal: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last record that is on a page: if the log does not hold it any more, the log is another one."""

    offset: int
    timestamp_ms: int
    digest: str
