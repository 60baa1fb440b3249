"""A log in memory, with the keys that sign it: what the tests of its form share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import Checkpoint, checkpoint_at, sign_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessSigner
from pandapack.contracts.tlog.note import Note, SignerKey
from pandapack.contracts.tlog.tiles import Tile, width_at
from pandapack.contracts.tlog.tree import Edge, append

ORIGIN = "panda.example/log"
AT = datetime(2031, 5, 4, 10, 0, 0, 250_999, tzinfo=UTC)
AT_S = 1_935_828_000


def seed(word: str) -> bytes:
    """32 bytes that are nobody's secret."""
    return hashlib.sha256(word.encode()).digest()


LOG_KEY = SignerKey(ORIGIN, seed("log"))
WITNESSES = tuple(WitnessSigner(f"witness.example/w{number}", seed(f"w{number}")) for number in range(3))


def leaves_of(size: int) -> list[bytes]:
    """The leaf hashes of as many entries, each another."""
    return [leaf_hash(entry_of(number)) for number in range(size)]


def entry_of(number: int) -> bytes:
    """The entry of that number."""
    return f"entry {number}".encode()


class StoredLog:
    """Every tile that was ever written, and which were read."""

    def __init__(self, sizes: Sequence[int] = (), leaves: Sequence[bytes] | None = None) -> None:
        self.leaves: list[bytes] = []
        self.edge = Edge()
        self.tiles: dict[Tile, bytes] = {}
        self.reads: list[Tile] = []
        self._all = leaves_of(max(sizes, default=0)) if leaves is None else leaves
        for size in sizes:
            self.grow(self._all[len(self.leaves) : size])

    def grow(self, leaves: Sequence[bytes]) -> None:
        """Appends, and keeps what it gives; nothing is ever written twice."""
        appended = append(self.edge, leaves)
        assert not self.tiles.keys() & appended.tiles.keys()
        self.tiles |= appended.tiles
        self.edge = appended.edge
        self.leaves += leaves

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """The tile as it was at that width."""
        tile = Tile(level, index, width)
        self.reads.append(tile)
        return self.tiles[tile]

    def read_grown_tile(self, level: int, index: int, width: int) -> bytes:
        """The tile as it is now: a log may forget what it was before."""
        grown = width_at(self.edge.size, level, index)
        assert grown >= width
        return self.tiles[Tile(level, index, grown)]


def checkpoint_of(log: StoredLog) -> Checkpoint:
    """What the log says of itself."""
    return checkpoint_at(ORIGIN, log.edge.size, log.edge.root, AT)


def note_of(log: StoredLog) -> Note:
    """Its checkpoint, signed."""
    return sign_checkpoint(checkpoint_of(log), [LOG_KEY])
