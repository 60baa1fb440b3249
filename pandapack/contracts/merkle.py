"""The Merkle tree of RFC 9162 (Certificate Transparency 2.0), section 2.1: roots and inclusion proofs, SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF = b"\x00"
NODE = b"\x01"
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """32 bytes; the prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes."""
    return hashlib.sha256(NODE + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes. Pairing level by level gives the RFC's tree: an odd last node moves up unchanged."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    sha256 = hashlib.sha256
    while len(level) > 1:
        paired = [sha256(NODE + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def proof_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The inclusion proof of leaf `index`: sibling hashes from the leaf to the root."""
    assert 0 <= index < len(leaves), f"there is no leaf {index} among {len(leaves)}"
    proof: list[bytes] = []
    level, at = list(leaves), index
    while len(level) > 1:
        sibling = at ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            paired.append(level[-1])
        level, at = paired, at // 2
    return proof


def proven_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to, or None where the proof has not the shape that index and size demand."""
    if not 0 <= index < size:
        return None
    node, at, last, rest = leaf, index, size - 1, list(proof)
    while last > 0:
        if at % 2 == 1 or at < last:
            if not rest:
                return None
            sibling = rest.pop(0)
            node = node_hash(sibling, node) if at % 2 == 1 else node_hash(node, sibling)
        at, last = at // 2, last // 2
    return node if not rest else None
