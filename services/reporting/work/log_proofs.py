"""Proofs from the public log as it is kept: tiles are read where the proof turns out to need them."""

from __future__ import annotations

from pandapack.contracts.tlog.tiles import Tile
from pandapack.contracts.tlog.tree import inclusion_proof
from services.reporting.domain.public_log import LogHead, edge_tile, narrowed
from services.reporting.store.public_log import LogContradicted, PublicLog


class _NotRead(Exception):
    """A proof needs a tile that was not read yet."""

    def __init__(self, tile: Tile) -> None:
        super().__init__(tile.path)
        self.tile = tile


class LogProofs:
    """Inclusion proofs of kept entries."""

    def __init__(self, kept: PublicLog) -> None:
        self._kept = kept

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """The hashes that lead from entry `index` to the root of the first `size` entries, which must be kept.

        Raises StoreUnavailable, LogContradicted.
        """
        head, read = await self._kept.head(), dict[Tile, bytes]()

        def tile_of(level: int, at: int, width: int) -> bytes:
            tile = Tile(level, at, width)
            if tile not in read:
                raise _NotRead(tile)
            return read[tile]

        while True:
            try:
                return inclusion_proof(index, size, tile_of)
            except _NotRead as needed:
                read[needed.tile] = await self._tile(head, needed.tile)

    async def _tile(self, head: LogHead, tile: Tile) -> bytes:
        full = await self._kept.full_tile(tile.level, tile.index)
        found = edge_tile(head, tile) if full is None else narrowed(full, tile.width)
        if found is None:
            raise LogContradicted(f"{tile.path} of a log of {head.size} entries is not kept")
        return found
