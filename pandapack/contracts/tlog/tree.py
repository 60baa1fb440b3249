"""The append-only tree of RFC 9162 (2.1) over stored tiles: roots, appending, inclusion and consistency proofs.

Tiles come through a function that is handed in (`ReadTile`), so that nothing here reads. A tree of N entries is never
built: appending and its root need the right edge alone (at most 255 hashes a level), a proof some tiles a level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pandapack.contracts.merkle import EMPTY_ROOT, node_hash, proven_root, root_of
from pandapack.contracts.tlog.encoding import HASH_BYTES, SIZE_MAX
from pandapack.contracts.tlog.tiles import HEIGHT, WIDTH, Tile, tile_hashes, width_at

PROOF_HASHES_MAX = 63
"""A tree of `SIZE_MAX` entries has so many levels, and tlog-witness allows no longer proof."""


class ReadTile(Protocol):
    """Answers a stored tile's bytes: `width` hashes, or more where it has grown since."""

    def __call__(self, level: int, index: int, width: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree of `size` entries: the hashes of each level's partial tile, `levels[0]` the leaves'.

    It is all that appending and the root need. 32 bytes a hash; a level without a partial tile is empty.
    """

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()

    @property
    def root(self) -> bytes:
        """32 bytes: the root of the whole tree."""
        rest: bytes | None = None
        for hashes in self.levels:
            found = hashes if rest is None else (*hashes, rest)
            rest = root_of(found) if found else None
        return EMPTY_ROOT if rest is None else rest


@dataclass(frozen=True, slots=True)
class Appended:
    """The edge after entries were appended, and the bytes of every tile that is new or grown."""

    edge: Edge
    tiles: dict[Tile, bytes]


def edge_at(size: int, read_tile: ReadTile) -> Edge:
    """The edge of the stored tree of so many entries. Raises Malformed for a tile that is too short."""
    assert 0 <= size <= SIZE_MAX, size
    levels: list[tuple[bytes, ...]] = []
    while size >> HEIGHT * len(levels):
        level = len(levels)
        index, width = divmod(size >> HEIGHT * level, WIDTH)
        levels.append(tuple(tile_hashes(read_tile(level, index, width), width)) if width else ())
    return Edge(size, tuple(levels))


def append(edge: Edge, leaves: Sequence[bytes]) -> Appended:
    """The tree with these leaf hashes (32 bytes each) behind its last. Tiles that were full before are not touched."""
    assert edge.size + len(leaves) <= SIZE_MAX and all(len(leaf) == HASH_BYTES for leaf in leaves)
    tiles: dict[Tile, bytes] = {}
    levels: list[tuple[bytes, ...]] = []
    fresh: Sequence[bytes] = leaves
    while fresh or len(levels) < len(edge.levels):
        level = len(levels)
        before = edge.levels[level] if level < len(edge.levels) else ()
        hashes = [*before, *fresh]
        first = edge.size >> HEIGHT * (level + 1)
        filled: list[bytes] = []
        while len(hashes) - len(filled) * WIDTH >= WIDTH:
            start = len(filled) * WIDTH
            full = hashes[start : start + WIDTH]
            tiles[Tile(level, first + len(filled))] = b"".join(full)
            filled.append(root_of(full))
        partial = tuple(hashes[len(filled) * WIDTH :])
        if partial and fresh:
            tiles[Tile(level, first + len(filled), len(partial))] = b"".join(partial)
        levels.append(partial)
        fresh = filled
    return Appended(Edge(edge.size + len(leaves), tuple(levels)), tiles)


class _Stored:
    """The stored tree of `size` entries. Each tile is read once."""

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self._size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def hash_of(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) of RFC 9162: a full subtree, or all from a full subtree's start to a tree's end."""
        parts: list[bytes] = []
        while end - start > 1:
            left = _split(end - start)
            if left * 2 == end - start:
                break
            parts.append(self._full(start, left))
            start += left
        found = self._full(start, end - start)
        for part in reversed(parts):
            found = node_hash(part, found)
        return found

    def _full(self, start: int, count: int) -> bytes:
        """The hash of a full subtree: `count` is a power of two, and `start` a multiple of it."""
        height = count.bit_length() - 1
        level, within = divmod(height, HEIGHT)
        index, at = divmod(start >> HEIGHT * level, WIDTH)
        return root_of(self._hashes(level, index)[at : at + (1 << within)])

    def _hashes(self, level: int, index: int) -> list[bytes]:
        found = self._tiles.get((level, index))
        if found is None:
            width = width_at(self._size, level, index)
            found = self._tiles[level, index] = tile_hashes(self._read_tile(level, index, width), width)
        return found


def _split(count: int) -> int:
    """The largest power of two below a count of two or more."""
    return 1 << (count - 1).bit_length() - 1


def root_at(size: int, read_tile: ReadTile) -> bytes:
    """32 bytes: the root of the first `size` entries, from the tiles of its right edge. Raises Malformed."""
    return edge_at(size, read_tile).root


def inclusion_proof(index: int, size: int, read_tile: ReadTile) -> list[bytes]:
    """The hashes that lead from entry `index` to the root of `size` entries (RFC 9162, 2.1.3.1)."""
    assert 0 <= index < size <= SIZE_MAX, f"there is no entry {index} among {size}"
    stored = _Stored(size, read_tile)
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(stored.hash_of(middle, end))
            end = middle
        else:
            proof.append(stored.hash_of(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, read_tile: ReadTile) -> list[bytes]:
    """What shows that the tree of `size` entries begins with that of `old` (RFC 9162, 2.1.4.1).

    Empty where they are the same, and from the empty tree, with which all trees are consistent.
    """
    assert 0 <= old <= size <= SIZE_MAX, f"a tree of {size} entries does not begin with {old}"
    if old in (0, size):
        return []
    stored = _Stored(size, read_tile)
    proof: list[bytes] = []
    start, end = 0, size
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(stored.hash_of(middle, end))
            end = middle
        else:
            proof.append(stored.hash_of(start, middle))
            start = middle
    if start > 0:
        proof.append(stored.hash_of(start, end))
    return proof[::-1]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that a leaf hash is that of entry `index` under the root (RFC 9162, 2.1.3.2)."""
    return _are_hashes((leaf, root, *proof)) and _is_proof(proof) and proven_root(leaf, index, size, proof) == root


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that a tree begins with another (RFC 9162, 2.1.4.2).

    An empty tree has the one root that there is for it, and a proof from it or between two of the same size is empty.
    """
    if not (0 <= old <= size <= SIZE_MAX and _is_proof(proof) and _are_hashes((old_root, root, *proof))):
        return False
    if any(found != EMPTY_ROOT for count, found in ((old, old_root), (size, root)) if count == 0):
        return False
    if old == size:
        return old_root == root and not proof
    if old == 0:
        return not proof
    return _leads_to_both(old, old_root, size, root, proof)


def _leads_to_both(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """The RFC's steps, in its order, for 0 < old < size."""
    if not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    old_at, at = old - 1, size - 1
    while old_at & 1:
        old_at, at = old_at >> 1, at >> 1
    old_found = found = path[0]
    for sibling in path[1:]:
        if at == 0:
            return False
        if old_at & 1 or old_at == at:
            old_found, found = node_hash(sibling, old_found), node_hash(sibling, found)
            while not old_at & 1 and old_at:
                old_at, at = old_at >> 1, at >> 1
        else:
            found = node_hash(found, sibling)
        old_at, at = old_at >> 1, at >> 1
    return at == 0 and old_found == old_root and found == root


def _is_proof(proof: Sequence[bytes]) -> bool:
    return len(proof) <= PROOF_HASHES_MAX


def _are_hashes(found: Iterable[bytes]) -> bool:
    return all(len(one) == HASH_BYTES for one in found)
