"""Receipts: every donation of every page is proven, and nothing in a receipt can be altered."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.leaves import leaves_of, page_root
from pandapack.contracts.merkle import leaf_hash, proof_of, proven_root, root_of
from pandapack.contracts.pages import FIRST_SEAL, page_id, seal_hash
from pandapack.contracts.proof import (
    WORDS,
    DailyRoot,
    Donation,
    Outcome,
    PagePosition,
    Receipt,
    SealProof,
    ShardRoot,
    Signer,
    canonical,
    make_receipt,
    receipt_text,
    root_failures,
    root_proof,
    seal_leaf,
    verify,
)
from tests.daily_roots import make_daily_root

SIGNER = Signer("11" * 32)
STRANGER = Signer("22" * 32)
SHARDS = 3
SHARD = 1


def rows(count: int) -> list[Row]:
    return [
        Row(str(10**18 + n), f"M{n % 7}", "love-parcel", 1 + n % 9, 1_636_596_000_000_000 + n) for n in range(count)
    ]


def chain(pages: int, root: bytes, count: int) -> list[bytes]:
    """The seals of a shard whose pages are all alike."""
    seals: list[bytes] = []
    for number in range(pages):
        seals.append(seal_hash(seals[-1] if seals else FIRST_SEAL, page_id(SHARD, number), count, root))
    return seals


def root_over(
    chained: list[str], first: int = 0, before: DailyRoot | None = None, day: str = "2021-11-11"
) -> DailyRoot:
    """A daily root in which one shard has new pages, from `first` on, and the others have none at all."""
    seals_root = root_of([seal_leaf(seal) for seal in chained]).hex()
    empty = root_of([]).hex()
    shards = [ShardRoot(shard, 0, -1, FIRST_SEAL.hex(), empty) for shard in range(SHARDS)]
    last = first + len(chained) - 1
    shards[SHARD] = ShardRoot(SHARD, first, last, chained[-1], seals_root, {"love-parcel": 9}, {"love-parcel": 45})
    return make_daily_root(day, shards, before, SIGNER)


def receipt_of(count: int, row: int, page: int = 0, pages: int = 1, *, with_root: bool = True) -> Receipt:
    columns = Columns.of(rows(count))
    one, root = columns.row(row), page_root(columns)
    seals = chain(pages, root, count)
    donation = Donation(one.id, one.merchant, one.programme, one.amount_fen, one.at_us)
    previous = seals[page - 1] if page else FIRST_SEAL
    proof = [sibling.hex() for sibling in proof_of(leaves_of(columns), row)]
    seal = SealProof(count, proof, root.hex(), previous.hex(), seals[page].hex())
    chained = [one.hex() for one in seals]
    daily = root_proof(root_over(chained), SHARD, page, chained) if with_root else None
    return make_receipt(donation, PagePosition(SHARD, page, row, 100, 100 + one.amount_fen), seal, daily, SIGNER)


def failed(raw: bytes, key: str = SIGNER.public) -> set[str]:
    return {step.name for step in verify(raw, key).steps if step.outcome is Outcome.FAILED}


@given(st.integers(1, 300), st.data())
@settings(max_examples=40)
def test_any_row_of_a_page_of_any_size_is_proven(count: int, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, count - 1))
    pages = data.draw(st.integers(1, 9))
    page = data.draw(st.integers(0, pages - 1))
    verdict = verify(canonical(receipt_of(count, row, page, pages)), SIGNER.public)
    assert verdict.is_proven, verdict
    assert {step.outcome for step in verdict.steps} == {Outcome.OK}


@pytest.mark.parametrize("with_root", [True, False])
def test_every_single_byte_of_a_receipt_counts(with_root: bool) -> None:
    raw = canonical(receipt_of(11, 6, 2, 5, with_root=with_root))
    assert verify(raw, SIGNER.public).is_proven
    for at in range(len(raw)):
        for altered in {raw[at] ^ 1, raw[at] ^ 0x20, ord("0"), ord(" ")} - {raw[at]}:
            broken = raw[:at] + bytes([altered]) + raw[at + 1 :]
            assert not verify(broken, SIGNER.public).is_proven, broken[max(0, at - 30) : at + 30]


@given(st.data())
@settings(max_examples=60)
def test_no_altered_byte_passes_whatever_it_becomes(data: st.DataObject) -> None:
    raw = canonical(receipt_of(11, 6, 2, 5))
    at = data.draw(st.integers(0, len(raw) - 1))
    altered = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    assert not verify(raw[:at] + bytes([altered]) + raw[at + 1 :], SIGNER.public).is_proven


def test_a_receipt_proves_the_same_however_its_json_is_laid_out() -> None:
    pretty = json.dumps(json.loads(canonical(receipt_of(5, 3))), indent=4).encode()
    assert verify(pretty, SIGNER.public).is_proven


def test_a_receipt_before_its_root_is_proven_and_says_what_it_lacks() -> None:
    verdict = verify(canonical(receipt_of(5, 3, with_root=False)), SIGNER.public)
    assert verdict.is_proven
    assert [step.name for step in verdict.steps if step.outcome is Outcome.ABSENT] == ["root"]


def signed_anew(receipt: Receipt, **changes: object) -> bytes:
    """What somebody would show who holds the signing key and lies."""
    changed = msgspec.structs.replace(receipt, **changes)
    return canonical(msgspec.structs.replace(changed, signature=SIGNER.sign(receipt_text(changed))))


R = receipt_of(11, 6, 2, 5)
assert R.daily_root is not None
LIES: list[tuple[str, dict[str, object], str]] = [
    ("another amount", {"donation": msgspec.structs.replace(R.donation, amount_fen=99)}, "page"),
    ("another row", {"position": msgspec.structs.replace(R.position, row=5)}, "page"),
    ("a longer interval", {"position": msgspec.structs.replace(R.position, fen_to=R.position.fen_to + 1)}, "interval"),
    ("another page", {"position": msgspec.structs.replace(R.position, page=3)}, "seal"),
    ("another root", {"seal": msgspec.structs.replace(R.seal, root="0" * 64)}, "page"),
    ("another seal before", {"seal": msgspec.structs.replace(R.seal, previous="1" * 64)}, "seal"),
    ("another shard's root", {"position": msgspec.structs.replace(R.position, shard=0)}, "root_shard"),
    ("another day", {"daily_root": msgspec.structs.replace(R.daily_root, day="2021-11-12")}, "root_signature"),
    ("a day in other digits", {"daily_root": msgspec.structs.replace(R.daily_root, day="２０２１-11-11")}, "format"),
    ("another root before", {"daily_root": msgspec.structs.replace(R.daily_root, previous="1" * 64)}, "root_hash"),
    (
        "other sums",
        {"daily_root": msgspec.structs.replace(R.daily_root, shard=ShardRoot(1, 0, 4, "0" * 64, "0" * 64))},
        "root_shard",
    ),
]


@pytest.mark.parametrize(("lie", "changes", "step"), LIES, ids=[lie for lie, *_ in LIES])
def test_a_lie_is_found_even_where_the_receipt_is_signed_anew(lie: str, changes: dict[str, object], step: str) -> None:
    assert step in failed(signed_anew(R, **changes)), lie


def test_a_receipt_signed_by_a_stranger_is_not_proven() -> None:
    assert failed(canonical(R), STRANGER.public) == {"key", "signature", "root_signature"}


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b"x" * 300_000, b'{"scheme": 1}'])
def test_what_is_no_receipt_fails_at_its_form(raw: bytes) -> None:
    assert failed(raw) == {"format"}


def test_a_receipt_shows_no_other_donation() -> None:
    shown = canonical(receipt_of(40, 6)).decode()
    ids = [row.id for row in rows(40) if row.id in shown]
    assert ids == [rows(40)[6].id]


def test_every_step_has_words_in_both_languages() -> None:
    names = {step.name for step in verify(canonical(R), SIGNER.public).steps} | {"root"}
    assert names == set(WORDS)
    assert all(en and zh and en != zh for en, zh in WORDS.values())


def test_daily_roots_are_a_chain_and_a_missing_day_shows() -> None:
    first = root_over([hashlib.sha256(b"0").hexdigest()])
    second = root_over([hashlib.sha256(b"1").hexdigest()], 1, first, "2021-11-12")
    assert root_failures(first, SIGNER.public, None) == []
    assert root_failures(second, SIGNER.public, first) == []
    assert root_failures(second, SIGNER.public, None) == ["it is not chained to the root before"]
    assert root_failures(second, STRANGER.public, first) == ["the trusted key did not sign it"]
    altered = msgspec.structs.replace(second, shards=second.shards[:-1])
    assert "its shards do not give its root" in root_failures(altered, SIGNER.public, first)


# The tree of seven entries of RFC 6962, 2.1.3, whose tree RFC 9162 keeps: leaf → the nodes of its path, by name.
RFC_PATHS = {0: "bhl", 3: "cgl", 4: "fjk", 6: "ik"}


def test_the_proofs_are_those_that_the_rfc_draws() -> None:
    a, b, c, d, e, f, j = (leaf_hash(bytes([n])) for n in range(7))

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    g, h, i = node(a, b), node(c, d), node(e, f)
    k, l = node(g, h), node(i, j)  # noqa: E741
    # The RFC's names: leaves a b c d e f j; g h i above pairs; k l above those.
    names = {"b": b, "c": c, "f": f, "g": g, "h": h, "i": i, "j": j, "k": k, "l": l}
    leaves = [a, b, c, d, e, f, j]
    for index, path in RFC_PATHS.items():
        assert proof_of(leaves, index) == [names[name] for name in path], index
        assert proven_root(leaves[index], index, 7, [names[name] for name in path]) == node(k, l)
