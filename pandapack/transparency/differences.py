"""What was done to a bundle of entries, told from the hashes that its tile says. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.tlog.tiles import LENGTH_BYTES
from pandapack.transparency.findings import Fault, Finding


def entries_within(raw: bytes) -> list[bytes]:
    """The entries of a bundle, however many there are; what is left of one at its end is one, too."""
    found: list[bytes] = []
    at = 0
    while at < len(raw):
        start = at + LENGTH_BYTES
        end = start + int.from_bytes(raw[at:start], "big")
        found.append(raw[start:end])
        at = end
    return found


def difference(first: int, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> Finding | None:
    """Of entries from index `first` on, by their leaf hashes: the first that is not what the tile says, and how."""
    at = next((n for n, pair in enumerate(zip(leaves, hashes, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        if len(leaves) == len(hashes):
            return None
        at = min(len(leaves), len(hashes))
        if len(leaves) < len(hashes):
            return Finding(Fault.ENTRY_REMOVED, f"entry {first + at} is missing, and the tile has its hash")
        return Finding(Fault.ENTRY_INSERTED, f"entry {first + at} is served, and the tile does not know it")
    other = _place_of(hashes[at], leaves, behind=at)
    if other is not None and list(hashes[other : other + 1]) == [leaves[at]]:
        return Finding(Fault.ENTRIES_SWAPPED, f"entries {first + at} and {first + other} stand in each other's place")
    if list(hashes[at + 1 : at + 2]) == [leaves[at]]:
        return Finding(Fault.ENTRY_REMOVED, f"entry {first + at} is missing: the next one stands in its place")
    if list(leaves[at + 1 : at + 2]) == [hashes[at]]:
        return Finding(Fault.ENTRY_INSERTED, f"entry {first + at} is another, and the one that it was stands behind it")
    return Finding(Fault.ENTRY_ALTERED, f"entry {first + at} is not the one whose hash the tile has")


def _place_of(wanted: bytes, leaves: Sequence[bytes], behind: int) -> int | None:
    return next((n for n in range(behind + 1, len(leaves)) if leaves[n] == wanted), None)
