"""The public log's head, and the records of `public.log` that it follows.

The topic decides. A record names the size and the root of the log that it continues; of all records that continue the
same log the first is taken, and the others are passed over by whoever reads them. So there is one log, whatever owners
write at the same time, and all else (entries, tiles, the head) follows from the topic, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.encoding import HASH_BYTES
from pandapack.contracts.tlog.tiles import HEIGHT, WIDTH, Tile
from pandapack.contracts.tlog.tree import Edge, append
from pandapack.decision import Refusal

RECORD_FORM = 1
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


class LogRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries that were appended together. `size`, `root` (hex): of the log before them. `at`: business time.

    `positions`: the partitions that these entries come from → the offset up to which the log has them now.
    """

    v: int
    size: int
    root: str
    at: datetime
    positions: dict[str, int]
    entries: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class LogHead:
    """How far the log has come. `next_offset`: of `public.log`, behind the last record that it follows.

    `version` fences whoever stores it. `owner` is the process that did last, at wall time `moved_at`.
    """

    version: int = 0
    edge: Edge = field(default_factory=Edge)
    at: datetime = BEFORE_ALL
    next_offset: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)
    owner: str = ""
    moved_at: datetime = BEFORE_ALL

    @property
    def size(self) -> int:
        return self.edge.size


@dataclass(frozen=True, slots=True)
class Followed:
    """The head behind a record; its entries, from the size before on; and the tiles that it filled."""

    head: LogHead
    entries: tuple[bytes, ...]
    tiles: Mapping[Tile, bytes]


_decoder = msgspec.json.Decoder(LogRecord)


def record_behind(head: LogHead, at: datetime, positions: Mapping[str, int], entries: Sequence[bytes]) -> LogRecord:
    """The record that continues the log with these entries. Business time does not run backwards in it."""
    raw = [msgspec.Raw(entry) for entry in entries]
    return LogRecord(RECORD_FORM, head.size, head.edge.root.hex(), max(at, head.at), dict(positions), raw)


def encode_record(record: LogRecord) -> bytes:
    """The record's bytes: JSON, entries as they are."""
    return msgspec.json.encode(record)


def decode_record(value: bytes) -> LogRecord:
    """Raises msgspec.DecodeError for what is none."""
    return _decoder.decode(value)


def follow(head: LogHead, offset: int, record: LogRecord) -> Followed | Refusal:
    """The log with a record of `public.log`, or, where another was first, as it was and behind it.

    Refused are a record of a longer log than is known, and one of the same length with another root: both say that
    what is kept here and the topic are not one log.
    """
    passed = replace(head, next_offset=offset + 1)
    if record.size < head.size:
        return Followed(passed, (), {})
    if record.size > head.size:
        detail = f"public.log offset {offset} continues a log of {record.size} entries; there are {head.size}"
        return Refusal("log_gap", detail)
    if record.root != head.edge.root.hex():
        detail = f"public.log offset {offset} continues another log of {record.size} entries, of root {record.root}"
        return Refusal("log_forked", detail)
    entries = tuple(bytes(entry) for entry in record.entries)
    appended = append(head.edge, [leaf_hash(entry) for entry in entries])
    positions = {**head.positions, **record.positions}
    full = {tile: hashes for tile, hashes in appended.tiles.items() if tile.width == WIDTH}
    return Followed(replace(passed, edge=appended.edge, at=record.at, positions=positions), entries, full)


def edge_tile(head: LogHead, tile: Tile) -> bytes | None:
    """A tile of the right edge, as wide as asked for; None where it is another's or not as wide yet."""
    level = head.edge.levels[tile.level] if tile.level < len(head.edge.levels) else ()
    is_last = tile.index == head.size >> HEIGHT * (tile.level + 1)
    return b"".join(level[: tile.width]) if is_last and tile.width <= len(level) else None


def narrowed(full: bytes, width: int) -> bytes:
    """The first hashes of a full tile: what it was when it had so many."""
    return full[: width * HASH_BYTES]
