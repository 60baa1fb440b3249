"""Another implementation of the same specifications opens, verifies and makes what ours does."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.merkle import leaf_hash
from pandapack.contracts.tlog.checkpoint import open_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessPolicy, cosigned
from pandapack.contracts.tlog.note import Note
from pandapack.contracts.tlog.tiles import bundle_bytes, bundle_entries, bundles_of, tiles_of
from pandapack.contracts.tlog.tree import consistency_proof, inclusion_proof, is_consistent, is_included, root_at
from tests.unit.contracts.tlog.logs import (
    AT_S,
    LOG_KEY,
    ORIGIN,
    WITNESSES,
    StoredLog,
    checkpoint_of,
    entry_of,
    note_of,
    seed,
)

aics = pytest.importorskip("aics_tlog", reason="aics-tlog needs Python 3.12")

SIZE = 700
ENTRIES = [entry_of(number) for number in range(SIZE)]
LOG = StoredLog([SIZE])
SIZES = st.integers(0, SIZE)
KEYS = tuple(witness.verifier for witness in WITNESSES)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, SIZE])
def test_it_writes_the_same_tiles_and_bundles(size: int) -> None:
    log = StoredLog([size])
    expected = aics.tiles.materialise_tiles(ENTRIES[:size])
    ours = {tile.path: log.tiles[tile] for tile in tiles_of(size)}
    for bundle in bundles_of(0, size):
        start = bundle.index * 256
        ours[bundle.path] = bundle_bytes(ENTRIES[start : start + bundle.width])
        assert bundle_entries(expected[bundle.path], bundle.width) == ENTRIES[start : start + bundle.width]
    assert ours == expected


@given(st.integers(1, SIZE), st.data())
@settings(max_examples=30)
def test_it_proves_entries_as_ours_does(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = root_at(size, LOG.read_grown_tile)
    proof = inclusion_proof(index, size, LOG.read_grown_tile)
    assert aics.verify_leaf_inclusion(ENTRIES[index], index, size, proof, root)
    theirs = aics.MerkleTree(ENTRIES[:size]).inclusion_proof(index)
    assert is_included(leaf_hash(ENTRIES[index]), index, size, theirs, root)


@given(SIZES, SIZES)
@settings(max_examples=30)
def test_it_proves_two_sizes_as_ours_does(one: int, other: int) -> None:
    old, size = sorted((one, other))
    roots = [root_at(count, LOG.read_grown_tile) for count in (old, size)]
    proof = consistency_proof(old, size, LOG.read_grown_tile)
    assert aics.verify_consistency(old, size, *roots, proof)
    if old:
        theirs = aics.MerkleTree(ENTRIES[:size]).consistency_proof(old)
        assert is_consistent(old, roots[0], size, roots[1], theirs)


def test_it_takes_our_checkpoint_with_k_of_n() -> None:
    lines = [one.cosign(checkpoint_of(LOG), AT_S) for one in WITNESSES[:2]]
    note = aics.parse_note(note_of(LOG).with_signatures(lines).raw)
    log_key = aics.parse_vkey(LOG_KEY.verifier.text)
    witnesses = [aics.parse_vkey(key.text) for key in KEYS]
    assert aics.verify_checkpoint(note, log_key, witnesses, quorum=2, expected_origin=ORIGIN).ok
    assert not aics.verify_checkpoint(note, log_key, witnesses, quorum=3, expected_origin=ORIGIN).ok


def test_we_take_its_checkpoint_with_k_of_n() -> None:
    ours = checkpoint_of(LOG)
    theirs = aics.Checkpoint(ORIGIN, SIZE, LOG.edge.root, ours.extensions)
    private = {word: Ed25519PrivateKey.from_private_bytes(seed(word)) for word in ("log", "w0", "w1")}
    note = aics.sign_checkpoint(theirs, private["log"], ORIGIN)
    lines = [
        aics.sign_cosignature(
            private[word], f"witness.example/{word}", AT_S, ORIGIN, SIZE, LOG.edge.root, ours.extensions
        )[1]
        for word in ("w0", "w1")
    ]
    raw = aics.Note(text=note.text, signatures=(*note.signatures, *lines)).to_bytes()
    assert open_checkpoint(raw, ORIGIN, [LOG_KEY.verifier]).checkpoint == ours
    assert [cosigned(Note.parse(raw), WitnessPolicy(KEYS, needed)).is_enough for needed in (2, 3)] == [True, False]
