"""The Merkle tree of RFC 9162: against the RFC's own recursive definition, and proofs that prove."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.merkle import EMPTY_ROOT, leaf_hash, node_hash, proof_of, proven_root, root_of

ENTRIES = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def root_by_the_rfc(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_by_the_rfc(leaves[:split]), root_by_the_rfc(leaves[split:]))


def test_no_entry_has_the_hash_of_nothing_as_its_root() -> None:
    assert root_of([]) == EMPTY_ROOT


@given(ENTRIES)
def test_the_root_is_the_one_that_the_rfc_defines(entries: list[bytes]) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    assert root_of(leaves) == root_by_the_rfc(leaves)


@given(ENTRIES, st.data())
def test_every_leaf_has_a_proof_that_leads_to_the_root(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert proven_root(leaves[index], index, len(leaves), proof_of(leaves, index)) == root_of(leaves)


@given(ENTRIES, st.data())
def test_a_proof_of_another_entry_leads_elsewhere(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    index = data.draw(st.integers(0, len(leaves) - 1))
    forged = leaf_hash(entries[index] + b"!")
    assert proven_root(forged, index, len(leaves), proof_of(leaves, index)) != root_of(leaves)


@given(ENTRIES, st.data())
def test_a_proof_of_the_wrong_length_proves_nothing(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    index = data.draw(st.integers(0, len(leaves) - 1))
    longer = [*proof_of(leaves, index), leaves[0]]
    assert proven_root(leaves[index], index, len(leaves), longer) is None
