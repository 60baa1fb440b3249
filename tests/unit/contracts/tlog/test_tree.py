"""The tree over tiles: against the RFC's own definitions, and proofs that prove nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.merkle import EMPTY_ROOT, leaf_hash, proof_of, root_of
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.tiles import HEIGHT, WIDTH, tiles_of
from pandapack.contracts.tlog.tree import (
    PROOF_HASHES_MAX,
    Edge,
    append,
    consistency_proof,
    edge_at,
    inclusion_proof,
    is_consistent,
    is_included,
    root_at,
)
from tests.unit.contracts.tlog.logs import StoredLog, leaves_of

SIZE = 66_000
LOG = StoredLog([SIZE])
"""Three levels of tiles."""
EDGES = sorted({max(0, edge + by) for edge in (0, WIDTH, 2 * WIDTH, WIDTH**2, SIZE) for by in (-2, -1, 0, 1, 2)})
SIZES = st.one_of(st.sampled_from([size for size in EDGES if size <= SIZE]), st.integers(0, SIZE), st.integers(0, 600))
ENTRIES_OF_THE_FIELD = [bytes.fromhex(entry) for entry in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS_OF_THE_FIELD = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""What Certificate Transparency's own tests expect of those entries."""


def consistency_by_the_rfc(old: int, leaves: Sequence[bytes], is_whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1, word for word."""
    if old == len(leaves):
        return [] if is_whole else [root_of(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*consistency_by_the_rfc(old, leaves[:split], is_whole), root_of(leaves[split:])]
    return [*consistency_by_the_rfc(old - split, leaves[split:], False), root_of(leaves[:split])]


@dataclass(frozen=True)
class Claim:
    """Hashes that are to fit together."""

    first: bytes
    root: bytes
    proof: tuple[bytes, ...]


def altered(draw: st.DrawFn, claim: Claim) -> Claim:
    """One bit of it is another, or a hash of the proof is missing, twice there, or longer."""
    hashes = [claim.first, claim.root, *claim.proof]
    at = draw(st.integers(0, len(hashes) - 1))
    bit = draw(st.integers(0, 8 * len(hashes[at]) - 1))
    changed = (int.from_bytes(hashes[at], "big") ^ 1 << bit).to_bytes(len(hashes[at]), "big")
    proof = claim.proof
    found = [replace(claim, proof=(*proof, claim.root))]
    if at == 0:
        found.append(replace(claim, first=changed))
    elif at == 1:
        found.append(replace(claim, root=changed))
    else:
        place = at - 2
        found += [
            replace(claim, proof=(*proof[:place], *one, *proof[place + 1 :]))
            for one in ((), (changed,), (proof[place], proof[place]), (proof[place] + b"\0",))
        ]
    return draw(st.sampled_from(found))


def test_the_roots_are_those_that_the_field_expects() -> None:
    leaves = [leaf_hash(entry) for entry in ENTRIES_OF_THE_FIELD]
    roots = [append(Edge(), leaves[:size]).edge.root.hex() for size in range(1, len(leaves) + 1)]
    assert roots == ROOTS_OF_THE_FIELD


def test_no_entry_has_the_hash_of_nothing_as_its_root() -> None:
    assert Edge().root == EMPTY_ROOT == root_at(0, LOG.read_tile) == hashlib.sha256(b"").digest()


@given(st.lists(st.integers(0, 700), max_size=6))
def test_appending_in_any_pieces_gives_the_same_tree(pieces: list[int]) -> None:
    sizes = [sum(pieces[: count + 1]) for count in range(len(pieces))]
    leaves = LOG.leaves[: sum(pieces)]
    log = StoredLog()
    for size in sizes:
        before = log.edge.size
        if size > before:
            log.grow(leaves[before:size])
        assert log.edge.root == root_of(leaves[:size])
        assert log.edge == edge_at(size, log.read_tile)
        assert set(tiles_of(size)) <= log.tiles.keys()
    assert {tile: log.tiles[tile] for tile in tiles_of(len(leaves))} == StoredLog([len(leaves)], leaves).tiles


def test_appending_nothing_changes_nothing() -> None:
    assert append(LOG.edge, []).edge == LOG.edge
    assert append(LOG.edge, []).tiles == {}


@given(SIZES)
def test_the_root_needs_one_tile_a_level(size: int) -> None:
    log = StoredLog([size], LOG.leaves)
    assert root_at(size, log.read_tile) == log.edge.root
    assert all(tile.width < WIDTH and tile.index == size >> HEIGHT * (tile.level + 1) for tile in log.reads)
    assert len({tile.level for tile in log.reads}) == len(log.reads)


@given(SIZES)
def test_an_old_root_is_found_in_tiles_that_have_grown_since(size: int) -> None:
    assert root_at(size, LOG.read_grown_tile) == root_of(LOG.leaves[:size])


@given(SIZES.filter(bool), st.data())
def test_every_entry_is_proven_at_every_size(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, LOG.read_grown_tile)
    root = root_at(size, LOG.read_grown_tile)
    assert is_included(LOG.leaves[index], index, size, proof, root)
    if size <= 600:
        assert proof == proof_of(LOG.leaves[:size], index)


@given(SIZES.filter(bool), st.data())
def test_an_altered_proof_of_an_entry_proves_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, LOG.read_grown_tile)
    claim = Claim(LOG.leaves[index], root_at(size, LOG.read_grown_tile), tuple(proof))
    other = altered(data.draw, claim)
    assert not is_included(other.first, index, size, other.proof, other.root)
    elsewhere = data.draw(st.integers(-1, size).filter(lambda found: found != index))
    assert not is_included(claim.first, elsewhere, size, claim.proof, claim.root)


@given(SIZES, SIZES)
def test_any_two_sizes_are_proven_consistent(one: int, other: int) -> None:
    old, size = sorted((one, other))
    proof = consistency_proof(old, size, LOG.read_grown_tile)
    assert is_consistent(old, root_at(old, LOG.read_grown_tile), size, root_at(size, LOG.read_grown_tile), proof)
    assert len(proof) <= PROOF_HASHES_MAX
    if 0 < old <= size <= 600:
        assert proof == consistency_by_the_rfc(old, LOG.leaves[:size])


@given(SIZES, SIZES, st.data())
def test_an_altered_proof_of_two_sizes_proves_nothing(one: int, other: int, data: st.DataObject) -> None:
    old, size = sorted((one, other))
    proof = consistency_proof(old, size, LOG.read_grown_tile)
    claim = Claim(root_at(old, LOG.read_grown_tile), root_at(size, LOG.read_grown_tile), tuple(proof))
    if old == 0:
        # Every tree begins with the empty one, whatever its root.
        claim = replace(claim, root=EMPTY_ROOT) if size == 0 else claim
        assert not is_consistent(old, leaf_hash(b""), size, claim.root, [])
        assert not is_consistent(old, claim.first, size, claim.root, [claim.root])
        return
    found = altered(data.draw, claim)
    assert not is_consistent(old, found.first, size, found.root, found.proof)


@given(st.integers(1, 600), st.integers(1, 600), st.data())
def test_a_log_that_changed_an_entry_finds_no_proof(one: int, other: int, data: st.DataObject) -> None:
    old, size = sorted((one, other))
    at = data.draw(st.integers(0, old - 1))
    forged = StoredLog([size], [*LOG.leaves[:at], leaf_hash(b"forged"), *LOG.leaves[at + 1 : size]])
    proof = consistency_proof(old, size, forged.read_grown_tile)
    assert not is_consistent(old, root_of(LOG.leaves[:old]), size, forged.edge.root, proof)


def test_a_proof_reads_each_tile_once() -> None:
    log = StoredLog([SIZE], LOG.leaves)
    inclusion_proof(SIZE // 3, SIZE, log.read_tile)
    consistency_proof(SIZE // 3, SIZE, log.read_tile)
    assert len(log.reads) <= 2 * 2 * len(log.edge.levels)


def test_sizes_backwards_are_not_consistent() -> None:
    root = LOG.edge.root
    assert not is_consistent(3, root, 2, root, [])
    assert not is_consistent(-1, root, 2, root, [])


@pytest.mark.parametrize(("old", "size"), [(3, 4), (3, 100), (7, 8), (15, 32), (1, 2)])
def test_a_proof_is_as_long_as_its_sizes_ask(old: int, size: int) -> None:
    for proven_old, proven in ((3, 7), (15, 16)):
        proof = consistency_proof(proven_old, proven, LOG.read_grown_tile)
        roots = [root_of(LOG.leaves[:count]) for count in (proven_old, proven)]
        assert is_consistent(proven_old, roots[0], proven, roots[1], proof)
        assert not is_consistent(old, roots[0], size, roots[1], proof)


def test_a_long_proof_is_refused_unread() -> None:
    proof = [LOG.edge.root] * (PROOF_HASHES_MAX + 1)
    assert not is_included(LOG.leaves[0], 0, 2**62, proof, LOG.edge.root)
    assert not is_consistent(1, LOG.leaves[0], 2**62, LOG.edge.root, proof)


@pytest.mark.parametrize("raw", [b"", b"\0" * 31, b"\0" * 32, b"\0" * 65, b"\0" * 32 * 257])
def test_a_tile_of_the_wrong_length_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        root_at(2, lambda _level, _index, _width: raw)


def test_leaves_differ() -> None:
    assert len(set(leaves_of(1_000))) == 1_000
