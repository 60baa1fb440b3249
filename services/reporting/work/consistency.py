"""Tiles of the public log as they are kept, and the proof that it begins with a smaller one."""

from __future__ import annotations

from pandapack.contracts.tlog.encoding import HASH_BYTES
from pandapack.contracts.tlog.tiles import HEIGHT, WIDTH, Tile
from pandapack.contracts.tlog.tree import consistency_proof
from services.reporting.domain.public_log import LogHead, edge_tile, narrowed
from services.reporting.store.public_log import LogContradicted, PublicLog


async def kept_tile(kept: PublicLog, head: LogHead, tile: Tile) -> bytes | None:
    """A tile of the log under this head, as wide as asked for; None where the log has none, or not as wide yet."""
    if tile.index * WIDTH + tile.width > head.size >> HEIGHT * tile.level:
        return None
    full = await kept.full_tile(tile.level, tile.index)
    return edge_tile(head, tile) if full is None else narrowed(full, tile.width)


async def kept_consistency_proof(kept: PublicLog, head: LogHead, old: int, size: int) -> list[bytes]:
    """What shows that the log of `size` entries begins with that of `old`: `0 <= old <= size <= head.size`.

    Which tiles a proof reads depends on sizes alone, so they are found first, with tiles that say nothing, and then
    read: at most two a level. Raises LogContradicted where one that there must be is not kept.
    """
    wanted: list[Tile] = []

    def note_tile(level: int, index: int, width: int) -> bytes:
        wanted.append(Tile(level, index, width))
        return bytes(width * HASH_BYTES)

    consistency_proof(old, size, note_tile)
    tiles: dict[Tile, bytes] = {}
    for tile in wanted:
        found = await kept_tile(kept, head, tile)
        if found is None:
            raise LogContradicted(f"{tile.path} of the log of {head.size} entries is missing")
        tiles[tile] = found
    return consistency_proof(old, size, lambda level, index, width: tiles[Tile(level, index, width)])
