"""Receipts: what proves one donation to anybody, offline, by the public log that everybody is shown.

A receipt (`panda-receipt/2`) leads from a donation's five values to a key of the log that its holder trusts:

    donation → leaf → (inclusion proof) → root of its page → the log's entry that tells of the page
             → (inclusion proof) → root of a checkpoint → signature of the log → signatures of witnesses

It says nothing that it does not prove, so nobody has to sign it. Hashes of the page and of both proofs are lower-case
hex; the checkpoint is the signed note as the log serves it, cosignatures included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from pandapack.contracts.donations import PageSealed, seals_source
from pandapack.contracts.merkle import leaf_hash, proven_root
from pandapack.contracts.proof import (
    NUMBER_MAX,
    WORDS,
    Conclusion,
    Donation,
    Hash,
    Number,
    Outcome,
    Proof,
    Step,
    Verdict,
    read_receipt,
)
from pandapack.contracts.proof import RECEIPT_SCHEME as FIRST_SCHEME
from pandapack.contracts.proof import verify as verify_first
from pandapack.contracts.strict_json import is_exact
from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.cosignature import WitnessPolicy, cosigned
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import Note, NotSigned, signers_of
from pandapack.contracts.tlog.tiles import ENTRY_BYTES_MAX
from pandapack.contracts.tlog.tree import is_included
from pandapack.contracts.trusted_keys import TrustedKeys

SCHEME = "panda-receipt/2"
ENTRY_VERSION = 1
NOBODY = WitnessPolicy((), 0)


class PageProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a donation lies: row `row` (from 0) of the `rows` of a shard's page, and what leads to the page's root."""

    shard: Number
    page: Number
    row: Number
    rows: Number
    proof: Proof
    root: Hash


class LoggedEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the log as it stands there, its index (from 0), and what leads to the root of the checkpoint."""

    index: Number
    text: Annotated[str, Meta(min_length=1, max_length=ENTRY_BYTES_MAX)]
    proof: Proof


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that proves one donation."""

    scheme: str
    donation: Donation
    page: PageProof
    entry: LoggedEntry
    checkpoint: str


class _Sealed(msgspec.Struct, frozen=True):
    """Of an entry that tells of a sealed page, what a receipt compares; it says more."""

    v: int
    type: str
    source: str
    sequence: int
    shard: int
    page: int
    rows: int
    root: str


class _Form(msgspec.Struct, frozen=True):
    scheme: str = ""


WORDS_2: dict[str, tuple[str, str]] = {
    "format": WORDS["format"],
    "page": WORDS["page"],
    "entry": (
        "The log's entry tells of this page, with this root and as many rows",
        "公开日志的条目记有账本的这一页，根与行数均相同",
    ),
    "inclusion": (
        "The entry stands in the log at its place, under the checkpoint's root",
        "该条目位于日志的相应位置，可推出检查点的根",
    ),
    "checkpoint": (
        "The checkpoint is signed by a key of the log that you trust, for a size that the key may sign",
        "检查点由您信任的日志密钥签名，且其大小在该密钥可签范围之内",
    ),
    "witnesses": (
        "As many of the witnesses that you trust as you ask for have cosigned the checkpoint",
        "您信任的见证人中，已有足够多的人为此检查点共同签名",
    ),
}
UNWITNESSED = (
    "No witness was asked for: whether everybody is shown the same log was not checked",
    "未要求见证人：所有人看到的是否为同一日志，未予核对",
)


def verify(raw: bytes, trusted: TrustedKeys, policy: WitnessPolicy = NOBODY) -> Verdict:
    """Checks a receipt's text, of either form, against what its holder trusts. Never raises."""
    form = read_receipt(raw, _Form)
    if form is not None and form.scheme == FIRST_SCHEME:
        return verify_first(raw, _signing_key(raw, trusted))
    receipt = read_receipt(raw, Receipt) if form is not None and form.scheme == SCHEME else None
    if receipt is None:
        return Verdict((_step("format", False),))
    note = _checkpoint_of(receipt)
    steps = (
        _step("format", True),
        _step("page", _leads_to_page(receipt)),
        _step("entry", _tells_of_page(receipt)),
        _step("inclusion", note is not None and _is_logged(receipt.entry, note.checkpoint)),
        _signed(note, trusted),
        _witnessed(note, policy),
    )
    return Verdict(steps, receipt.donation)


class _Keyed(msgspec.Struct, frozen=True):
    key: str = ""


def _signing_key(raw: bytes, trusted: TrustedKeys) -> str | None:
    """Of the keys for receipts of the first form the one that it names, or else the first."""
    named = read_receipt(raw, _Keyed)
    known = [key for key in trusted.signing if named is not None and key == named.key]
    return next(iter([*known, *trusted.signing]), None)


def _step(name: str, holds: bool) -> Step:
    return Step(name, Outcome.OK if holds else Outcome.FAILED, *WORDS_2[name])


def _leads_to_page(receipt: Receipt) -> bool:
    page = receipt.page
    root = proven_root(receipt.donation.leaf(), page.row, page.rows, _bytes(page.proof))
    return root is not None and root.hex() == page.root


def _tells_of_page(receipt: Receipt) -> bool:
    text, page = receipt.entry.text.encode(), receipt.page
    if len(text) > ENTRY_BYTES_MAX or not is_exact(text):
        return False
    try:
        told = msgspec.json.decode(text, type=_Sealed)
    except msgspec.DecodeError:
        return False
    head = (told.v, told.type, told.source, told.sequence)
    expected = (ENTRY_VERSION, PageSealed.TYPE, seals_source(page.shard), page.page + 1)
    return head == expected and (told.shard, told.page, told.rows, told.root) == (
        page.shard,
        page.page,
        page.rows,
        page.root,
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A note that holds a checkpoint, whoever signed it."""

    note: Note
    checkpoint: Checkpoint


def _checkpoint_of(receipt: Receipt) -> _Opened | None:
    try:
        note = Note.parse(receipt.checkpoint.encode())
        opened = _Opened(note, Checkpoint.parse(note.text))
    except Malformed:
        return None
    return opened if opened.checkpoint.size <= NUMBER_MAX else None


def _is_logged(entry: LoggedEntry, checkpoint: Checkpoint) -> bool:
    leaf = leaf_hash(entry.text.encode())
    return is_included(leaf, entry.index, checkpoint.size, _bytes(entry.proof), checkpoint.root)


def _signed(opened: _Opened | None, trusted: TrustedKeys) -> Step:
    """By a key of the log that the checkpoint names; a false line by any of its keys makes the note false."""
    if not trusted.log:
        return Step("checkpoint", Outcome.UNKEYED, *WORDS_2["checkpoint"])
    if opened is None:
        return _step("checkpoint", False)
    own = [one for one in trusted.log if one.key.name == opened.checkpoint.origin]
    try:
        signers = signers_of(opened.note, [one.key for one in own])
    except NotSigned:
        return _step("checkpoint", False)
    size = opened.checkpoint.size
    return _step("checkpoint", any(one.key in signers and one.may_sign(size) for one in own))


def _witnessed(opened: _Opened | None, policy: WitnessPolicy) -> Step:
    if policy.needed == 0:
        return Step("witnesses", Outcome.ABSENT, *UNWITNESSED)
    return _step("witnesses", opened is not None and cosigned(opened.note, policy).is_enough)


def _bytes(hashes: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in hashes]


CONCLUSIONS: dict[Conclusion, tuple[str, str]] = {
    Conclusion.PROVEN: ("Proven.", "验证通过。"),
    Conclusion.NOT_PROVEN: ("NOT proven: do not rely on this receipt.", "验证未通过：请勿采信此收据。"),
    Conclusion.NO_KEY: (
        (
            "No key entered: what can be said is that nothing in this receipt contradicts itself. Whoever made it may "
            "have made all of it; only a key that you have from elsewhere shows who did."
        ),
        "未输入密钥：只能说此收据自身没有矛盾。它可能全部出自制作者之手；只有您从别处取得的密钥才能表明出自何人。",
    ),
}
"""What all steps together say, in English and Chinese."""
