"""What a log is stored and served as: tiles of 256 hashes and bundles of 256 entries, each at a path of its own.

Source: C2SP tlog-tiles. A tile at level L holds the hashes of full subtrees of 256^L entries each; a bundle holds the
entries under one tile of level 0. The last of a level is partial while it has fewer than 256.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pandapack.contracts.tlog.encoding import HASH_BYTES, SIZE_MAX, Malformed, shown

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes of a full tile, entries of a full bundle."""
LEVEL_MAX = 63
INDEX_MAX = SIZE_MAX // WIDTH
LENGTH_BYTES = 2
ENTRY_BYTES_MAX = (1 << 8 * LENGTH_BYTES) - 1
"""What the length before an entry can say."""
PATH_CHARACTERS_MAX = 64
"""A path of the last index that there can be has 47."""

_GROUP = 1_000
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<groups>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile by its level, its index in the level, and how many hashes it holds (1 to 256: full)."""

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        assert 0 <= self.level <= LEVEL_MAX and 0 <= self.index <= INDEX_MAX and 1 <= self.width <= WIDTH, self

    @property
    def path(self) -> str:
        """`tile/0/x001/x234/067.p/8`."""
        return f"tile/{self.level}/{_index_path(self.index)}{_width_path(self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle of entries by its index, and how many it holds (1 to 256: full)."""

    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        assert 0 <= self.index <= INDEX_MAX and 1 <= self.width <= WIDTH, self

    @property
    def path(self) -> str:
        """`tile/entries/x001/x234/067.p/8`."""
        return f"tile/entries/{_index_path(self.index)}{_width_path(self.width)}"


def _index_path(index: int) -> str:
    groups = [f"{index % _GROUP:03d}"]
    while index >= _GROUP:
        index //= _GROUP
        groups.append(f"x{index % _GROUP:03d}")
    return "/".join(reversed(groups))


def _width_path(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def parse_path(path: str) -> Tile | Bundle:
    """What lies at a path, such as `tile/0/000`. Raises Malformed for any other spelling."""
    found = _PATH.fullmatch(path) if len(path) <= PATH_CHARACTERS_MAX else None
    if found is None:
        raise Malformed(f"this is no path of a tile or of a bundle: {shown(path)}")
    index = int(found["groups"].replace("x", "").replace("/", ""))
    width = int(found["width"]) if found["width"] else WIDTH
    level = None if found["level"] == "entries" else int(found["level"])
    if index > INDEX_MAX or width > WIDTH or (level or 0) > LEVEL_MAX:
        raise Malformed(f"this path lies outside of every log: {shown(path)}")
    made = Bundle(index, width) if level is None else Tile(level, index, width)
    if made.path != path:
        raise Malformed(f"this path is written otherwise: {shown(path)}, not {made.path}")
    return made


def width_at(size: int, level: int, index: int) -> int:
    """How many hashes the tile has in the tree of so many entries: 0 (there is none) to 256."""
    hashes = size >> HEIGHT * level
    return max(0, min(WIDTH, hashes - index * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of the tree of so many entries, level by level."""
    level = 0
    while hashes := size >> HEIGHT * level:
        for index in range(-(-hashes // WIDTH)):
            yield Tile(level, index, width_at(size, level, index))
        level += 1


def bundles_of(first: int, end: int) -> Iterator[Bundle]:
    """The bundles that hold the entries `[first, end)` of the tree of `end` entries."""
    if first < end:
        for index in range(first // WIDTH, (end - 1) // WIDTH + 1):
            yield Bundle(index, width_at(end, 0, index))


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """Each entry behind its length (2 bytes, big-endian). Entries have at most `ENTRY_BYTES_MAX` bytes."""
    assert 1 <= len(entries) <= WIDTH, f"a bundle has 1 to {WIDTH} entries, not {len(entries)}"
    for entry in entries:
        assert len(entry) <= ENTRY_BYTES_MAX, f"an entry has at most {ENTRY_BYTES_MAX} bytes, not {len(entry)}"
    return b"".join(part for entry in entries for part in (len(entry).to_bytes(LENGTH_BYTES, "big"), entry))


def bundle_entries(raw: bytes, width: int) -> list[bytes]:
    """The entries of a bundle of that width. Raises Malformed where there are more, fewer, or pieces."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw):
        start = at + LENGTH_BYTES
        end = start + int.from_bytes(raw[at:start], "big")
        if end > len(raw):
            raise Malformed(f"the bundle ends within its entry {len(entries)}")
        if len(entries) == width:
            raise Malformed(f"the bundle has more than {width} entries")
        entries.append(raw[start:end])
        at = end
    if len(entries) != width:
        raise Malformed(f"the bundle has {len(entries)} entries, not {width}")
    return entries


def tile_hashes(raw: bytes, width: int) -> list[bytes]:
    """The first `width` hashes of a tile, which may have grown since. Raises Malformed where it has fewer or pieces."""
    if len(raw) % HASH_BYTES or not width * HASH_BYTES <= len(raw) <= WIDTH * HASH_BYTES:
        raise Malformed(f"a tile of {width} hashes cannot have {len(raw)} bytes")
    return [raw[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]
