"""Receipts and daily roots of the first form: what proves one donation to anybody, offline, without showing the others.

`contracts.receipts` has the form that leads to the public log; these stay provable. A receipt (`panda-receipt/1`) leads
from a donation's five values to a key that its holder trusts:

    donation → leaf → (inclusion proof) → root of its page → seal, chained to the seal before
             → (inclusion proof) → the shard's seals of a day → (inclusion proof) → root of the day → signature

The receipt as a whole is signed too. That covers what no hash of the page does: the interval on the fen line, which is
a sum over rows that the receipt must not show. All hashes, keys and signatures are lower-case hex; all times are
microseconds since 1970 UTC; all money is fen. Numbers stay below 2^53 so that a browser reads them exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from pandapack.contracts.columns import Row
from pandapack.contracts.donations import StructName as Name
from pandapack.contracts.merkle import leaf_hash, proof_of, proven_root, root_of
from pandapack.contracts.pages import FIRST_SEAL, page_id, seal_hash
from pandapack.contracts.strict_json import is_exact

RECEIPT_SCHEME = "panda-receipt/1"
ROOT_SCHEME = "panda-daily-root/1"
SHARD_ROOT_SCHEME = "panda-shard-root/1"
FIRST_ROOT = bytes(32)
"""What stands for the root before the first one."""
NUMBER_MAX = 2**53 - 1
PROOF_HASHES_MAX = 64
RECEIPT_BYTES_MAX = 256 * 1024

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Signature = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
Number = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
PageNumber = Annotated[int, Meta(ge=-1, le=NUMBER_MAX)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Proof = Annotated[list[Hash], Meta(max_length=PROOF_HASHES_MAX)]


class Donation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The five values that a leaf hashes."""

    id: Name
    merchant: Name
    programme: Name
    amount_fen: Number
    at_us: Annotated[int, Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]

    def leaf(self) -> bytes:
        """32 bytes: the leaf's hash in the tree of its page."""
        return leaf_hash(Row(self.id, self.merchant, self.programme, self.amount_fen, self.at_us).leaf())


class PagePosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a donation lies: its row on a page of a shard, and fen `[fen_from, fen_to)` of its programme's fen line."""

    shard: Number
    page: Number
    row: Number
    fen_from: Number
    fen_to: Number


class SealProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The seal of the page, and the sibling hashes from the donation's leaf up to the page's root."""

    rows: Number
    proof: Proof
    root: Hash
    previous: Hash
    chained: Hash


class ShardRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shard's chain when a day had ended.

    page, chained: the last sealed page (-1 and zeros: none yet) and its seal.
    first, seals_root: the first page that the root before did not cover, and the Merkle root over the chained seals
    of the pages from there to `page`.
    counts, fen: by programme, all donations of the shard up to and with that page.
    """

    shard: Number
    first: Number
    page: PageNumber
    chained: Hash
    seals_root: Hash
    counts: dict[Name, Number] = {}
    fen: dict[Name, Number] = {}

    def leaf(self) -> bytes:
        """32 bytes: the shard's leaf in the tree of the daily root."""
        return leaf_hash(SHARD_ROOT_SCHEME.encode() + b"\n" + canonical(self))


class DailyRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of all shards' chains when a day (Asia/Shanghai) had ended, chained to the day before, and signed."""

    scheme: str
    day: Day
    previous: Hash
    shards: list[ShardRoot]
    root: Hash
    hash: Hash
    key: Hash
    signature: Signature


class RootProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root of the day that covers a page's seal: its one shard, and the hashes that lead from seal to signature."""

    day: Day
    shards: Number
    shard: ShardRoot
    seal_proof: Proof
    shard_proof: Proof
    root: Hash
    previous: Hash
    hash: Hash
    signature: Signature


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that proves one donation. `daily_root` is null until the day has ended on which its page was sealed."""

    scheme: str
    donation: Donation
    position: PagePosition
    seal: SealProof
    daily_root: RootProof | None
    key: Hash
    signature: Signature


def canonical(value: msgspec.Struct) -> bytes:
    """JSON with sorted names and without spaces: what is hashed and signed."""
    return msgspec.json.encode(value, order="sorted")


class Signer:
    """Holds the private key. Raises ValueError for one that is not 32 bytes in hex."""

    def __init__(self, private_hex: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_hex.strip()))
        self.public = self._key.public_key().public_bytes_raw().hex()

    def sign(self, text: bytes) -> str:
        """64 bytes in hex."""
        return self._key.sign(text).hex()


def is_signed(text: bytes, signature: str, key: str) -> bool:
    """Whether the holder of `key` signed the text."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def root_text(day: str, previous: str, shards: int, root: str) -> bytes:
    """What of a daily root is hashed and signed."""
    return f"{ROOT_SCHEME}\n{day}\n{previous}\n{shards}\n{root}".encode()


def receipt_text(receipt: Receipt) -> bytes:
    """What of a receipt is signed: all but the signature."""
    fields = {name: getattr(receipt, name) for name in receipt.__struct_fields__ if name != "signature"}
    return RECEIPT_SCHEME.encode() + b"\n" + msgspec.json.encode(fields, order="sorted")


def seal_leaf(chained: str) -> bytes:
    """32 bytes: a seal's leaf in the tree of the seals that are new under a root."""
    return leaf_hash(bytes.fromhex(chained))


def root_proof(root: DailyRoot, shard: int, page: int, chained: Sequence[str]) -> RootProof:
    """How a root covers a page. `chained`: the seals of the shard's pages that are new under this root, in order."""
    own = root.shards[shard]
    assert own.first <= page <= own.page, f"the root of {root.day} does not cover page {page} of shard {shard}"
    return RootProof(
        day=root.day,
        shards=len(root.shards),
        shard=own,
        seal_proof=_hex(proof_of([seal_leaf(seal) for seal in chained], page - own.first)),
        shard_proof=_hex(proof_of([one.leaf() for one in root.shards], shard)),
        root=root.root,
        previous=root.previous,
        hash=root.hash,
        signature=root.signature,
    )


def make_receipt(
    donation: Donation, position: PagePosition, seal: SealProof, daily_root: RootProof | None, signer: Signer
) -> Receipt:
    """A signed receipt."""
    unsigned = Receipt(RECEIPT_SCHEME, donation, position, seal, daily_root, signer.public, "0" * 128)
    return msgspec.structs.replace(unsigned, signature=signer.sign(receipt_text(unsigned)))


def _hex(hashes: Sequence[bytes]) -> list[str]:
    return [one.hex() for one in hashes]


class Outcome(StrEnum):
    """How a step of a check ended.

    ABSENT: the receipt has nothing there yet, or nobody asked, which is no failure. UNKEYED: it takes a key that its
    holder trusts, and none was entered.
    """

    OK = "ok"
    FAILED = "failed"
    ABSENT = "absent"
    UNKEYED = "unkeyed"


class Conclusion(StrEnum):
    """What all steps together say. NO_KEY: nothing contradicts, and nothing is proven without a key either."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"
    NO_KEY = "no_key"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a check, in plain words."""

    name: str
    outcome: Outcome
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All steps. `donation` is that of the receipt; None where the text is no receipt at all."""

    steps: tuple[Step, ...]
    donation: Donation | None = None

    @property
    def conclusion(self) -> Conclusion:
        """A failed step decides, whatever lacks a key."""
        outcomes = {step.outcome for step in self.steps}
        if Outcome.FAILED in outcomes:
            return Conclusion.NOT_PROVEN
        return Conclusion.NO_KEY if Outcome.UNKEYED in outcomes else Conclusion.PROVEN

    @property
    def is_proven(self) -> bool:
        """Whether every step holds that there is."""
        return self.conclusion is Conclusion.PROVEN


WORDS: dict[str, tuple[str, str]] = {
    "format": (
        "The text is a receipt of a known form, and says each thing once",
        "文本是已知格式的收据，且每项只出现一次",
    ),
    "interval": ("The interval on the fen line is as long as the gift", "分线上的区间长度与捐赠金额相等"),
    "page": ("The donation's hash leads to the root of its page", "捐赠的哈希可推出它所在那一页账本的根"),
    "seal": (
        "The page's root and the seal before give the page's seal",
        "这一页的根与前一封存码可推出其封存码",
    ),
    "root_seal": ("The seal is among those that the day's root covers", "该封存码包含在当日总封存码之内"),
    "root_shard": ("The shard's state leads to the day's root", "该账本分片的状态可推出当日总封存码的根"),
    "root_hash": ("The day's root is bound to the root of the day before", "当日总封存码与前一日总封存码相连"),
    "root_signature": ("The day's root is signed with the trusted key", "当日总封存码由受信任的密钥签名"),
    "root": ("The day's root does not cover this page yet", "当日总封存码尚未覆盖账本的这一页"),
    "key": ("The receipt names the key that you trust", "收据所用密钥正是您信任的密钥"),
    "signature": ("The whole receipt is signed with the trusted key", "整张收据由受信任的密钥签名"),
}


def verify(raw: bytes, trusted_key: str | None) -> Verdict:
    """Checks a receipt's text against a public key (hex) that its holder has from elsewhere. Never raises."""
    receipt = read_receipt(raw, Receipt)
    if receipt is None or receipt.scheme != RECEIPT_SCHEME:
        return Verdict((_step("format", False),))
    steps = (
        _step("format", True),
        *_page_steps(receipt),
        *_root_steps(receipt, trusted_key),
        _keyed("key", trusted_key, lambda key: receipt.key == key),
        _keyed("signature", trusted_key, lambda key: is_signed(receipt_text(receipt), receipt.signature, key)),
    )
    return Verdict(steps, receipt.donation)


R = TypeVar("R", bound=msgspec.Struct)


def read_receipt(raw: bytes, form: type[R]) -> R | None:
    """A text of that form that all readers read alike; None where it is none. Never raises."""
    if len(raw) > RECEIPT_BYTES_MAX or not is_exact(raw):
        return None
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _step(name: str, holds: bool) -> Step:
    return Step(name, Outcome.OK if holds else Outcome.FAILED, *WORDS[name])


def _keyed(name: str, key: str | None, holds: Callable[[str], bool]) -> Step:
    """A step that takes a key."""
    return Step(name, Outcome.UNKEYED, *WORDS[name]) if key is None else _step(name, holds(key))


def _page_steps(receipt: Receipt) -> list[Step]:
    donation, position, seal = receipt.donation, receipt.position, receipt.seal
    root = proven_root(donation.leaf(), position.row, seal.rows, _bytes(seal.proof))
    named = page_id(position.shard, position.page)
    chained = seal_hash(bytes.fromhex(seal.previous), named, seal.rows, bytes.fromhex(seal.root))
    is_first = seal.previous == FIRST_SEAL.hex()
    return [
        _step("interval", position.fen_to - position.fen_from == donation.amount_fen),
        _step("page", root is not None and root.hex() == seal.root),
        _step("seal", chained.hex() == seal.chained and is_first == (position.page == 0)),
    ]


def _root_steps(receipt: Receipt, trusted_key: str | None) -> list[Step]:
    root, position = receipt.daily_root, receipt.position
    if root is None:
        return [Step("root", Outcome.ABSENT, *WORDS["root"])]
    own = root.shard
    new_pages = own.page - own.first + 1
    seals = proven_root(seal_leaf(receipt.seal.chained), position.page - own.first, new_pages, _bytes(root.seal_proof))
    shards = proven_root(own.leaf(), position.shard, root.shards, _bytes(root.shard_proof))
    text = root_text(root.day, root.previous, root.shards, root.root)
    is_last = own.page == position.page
    return [
        _step("root_seal", _is(seals, own.seals_root) and (not is_last or own.chained == receipt.seal.chained)),
        _step("root_shard", _is(shards, root.root) and own.shard == position.shard),
        _step("root_hash", leaf_hash(text).hex() == root.hash),
        _keyed("root_signature", trusted_key, lambda key: is_signed(text, root.signature, key)),
    ]


def _is(found: bytes | None, expected: str) -> bool:
    return found is not None and found.hex() == expected


def _bytes(hashes: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in hashes]


def root_failures(root: DailyRoot, trusted_key: str, before: DailyRoot | None) -> list[str]:
    """What is wrong with a whole daily root; nothing where all holds. `before`: the root of the day before."""
    text = root_text(root.day, root.previous, len(root.shards), root.root)
    previous = before.hash if before else FIRST_ROOT.hex()
    checks = {
        "its scheme is another": root.scheme == ROOT_SCHEME,
        "its shards do not give its root": root_of([shard.leaf() for shard in root.shards]).hex() == root.root,
        "it is not chained to the root before": root.previous == previous,
        "its hash is another": leaf_hash(text).hex() == root.hash,
        "the trusted key did not sign it": is_signed(text, root.signature, trusted_key),
    }
    return [failure for failure, holds in checks.items() if not holds]
