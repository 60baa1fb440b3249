"""A receipt of the public log, the keys that it is checked with, and its forgeries: for Python and the browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import PageSealed, SealedProgramme, seals_source
from pandapack.contracts.envelope import encode, envelop
from pandapack.contracts.leaves import leaves_of, page_root
from pandapack.contracts.merkle import leaf_hash, proof_of
from pandapack.contracts.proof import Donation, canonical
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.veil import Veil
from pandapack.contracts.receipts import SCHEME, LoggedEntry, PageProof, Receipt
from pandapack.contracts.tlog.checkpoint import Checkpoint, checkpoint_at, sign_checkpoint
from pandapack.contracts.tlog.encoding import to_base64
from pandapack.contracts.tlog.note import Note, SignerKey
from pandapack.contracts.tlog.tree import inclusion_proof
from tests.unit.contracts.tlog.logs import AT, AT_S, LOG_KEY, ORIGIN, WITNESSES, StoredLog, entry_of, seed

SHARD, PAGE = 3, 17
SIZE, INDEX = 700, 388
OLD_KEY = SignerKey(ORIGIN, seed("old log"))
OTHER_LOG = SignerKey("other.example/log", seed("other log"))
STRANGER = SignerKey(ORIGIN, seed("stranger"))
KEY = LOG_KEY.verifier.text
WITNESSED = tuple(one.verifier.text for one in WITNESSES)


def rows(count: int) -> list[Row]:
    return [
        Row(str(10**18 + n), f"shop:M{n % 7}", "love-parcel", 1 + n % 9, 1_636_596_000_000_000 + n)
        for n in range(count)
    ]


def sealed_entry(columns: Columns, *, shard: int = SHARD, page: int = PAGE) -> bytes:
    """The log's entry of a page."""
    fen = int(columns.amounts_fen.sum())
    event = PageSealed(
        shard=shard,
        page=page,
        rows=len(columns),
        fen=fen,
        root=page_root(columns).hex(),
        programmes=(SealedProgramme(programme="love-parcel", count=len(columns), fen=fen),),
    )
    at = datetime(2021, 11, 12, 9, 30, tzinfo=UTC)
    envelope = envelop(event, source=seals_source(shard), number=page + 1, at=at)
    (entry,) = entries_of([Journaled(envelope, encode(envelope))], at, Veil("5e" * 32))
    return entry


def log_with(entry: bytes, *, size: int = SIZE, index: int = INDEX) -> StoredLog:
    """A log of so many entries, one of which is this one."""
    leaves = [leaf_hash(entry if number == index else entry_of(number)) for number in range(size)]
    return StoredLog([size], leaves)


def cosigned_note(checkpoint: Checkpoint, keys: tuple[SignerKey, ...] = (LOG_KEY,), witnesses: int = 2) -> Note:
    """A checkpoint's note, signed by the log and cosigned by some."""
    lines = [one.cosign(checkpoint, AT_S + number) for number, one in enumerate(WITNESSES[:witnesses])]
    return sign_checkpoint(checkpoint, keys).with_signatures(lines)


def receipt_for(
    columns: Columns, row: int, log: StoredLog, entry: bytes, note: Note, *, index: int = INDEX, page: int = PAGE
) -> Receipt:
    one = columns.row(row)
    proof = [sibling.hex() for sibling in proof_of(leaves_of(columns), row)]
    included = [sibling.hex() for sibling in inclusion_proof(index, log.edge.size, log.read_tile)]
    return Receipt(
        SCHEME,
        Donation(one.id, one.merchant, one.programme, one.amount_fen, one.at_us),
        PageProof(SHARD, page, row, len(columns), proof, page_root(columns).hex()),
        LoggedEntry(index, entry.decode(), included),
        note.raw.decode(),
    )


COLUMNS = Columns.of(rows(11))
ENTRY = sealed_entry(COLUMNS)
LOG = log_with(ENTRY)
CHECKPOINT = checkpoint_at(ORIGIN, SIZE, LOG.edge.root, AT)
NOTE = cosigned_note(CHECKPOINT)
RECEIPT = receipt_for(COLUMNS, 6, LOG, ENTRY, NOTE)
RAW = canonical(RECEIPT)


def _in_another_log(entry: bytes, note_keys: tuple[SignerKey, ...] = (LOG_KEY,)) -> Receipt:
    """The receipt with another entry, by a log that has it, signed and cosigned: what a log that lies would show."""
    log = log_with(entry)
    note = cosigned_note(checkpoint_at(ORIGIN, SIZE, log.edge.root, AT), note_keys)
    return receipt_for(COLUMNS, 6, log, entry, note)


def _told(**changes: object) -> Receipt:
    """The entry tells something else, and the log has it so."""
    return _in_another_log(msgspec.json.encode({**json.loads(ENTRY), **changes}, order="sorted"))


def _page(**changes: object) -> Receipt:
    return _with(page=msgspec.structs.replace(RECEIPT.page, **changes))


def _entry(**changes: object) -> Receipt:
    return _with(entry=msgspec.structs.replace(RECEIPT.entry, **changes))


def _with(**changes: object) -> Receipt:
    return msgspec.structs.replace(RECEIPT, **changes)


def _noted(note: Note | str) -> Receipt:
    return _with(checkpoint=note if isinstance(note, str) else note.raw.decode())


def _twice(text: str, name: str, instead: str) -> bytes:
    """The same text with another value before one of its names: some readers take the first of two."""
    assert f'"{name}":' in text
    return text.replace(f'"{name}":', f'"{name}":{instead},"{name}":', 1).encode()


def _huge() -> str:
    checkpoint = Checkpoint(ORIGIN, 2**53, LOG.edge.root)
    return sign_checkpoint(checkpoint, [LOG_KEY]).raw.decode()


@dataclass(frozen=True)
class Case:
    """A text, what it is checked with, and the steps that fail; `unkeyed`: those that lack a key."""

    name: str
    raw: bytes
    failed: tuple[str, ...] = ()
    keys: str = KEY
    witnesses: tuple[str, ...] = ()
    quorum: int = 0
    unkeyed: tuple[str, ...] = ()


def _case(name: str, receipt: Receipt | bytes, *failed: str, **checked: object) -> Case:
    raw = receipt if isinstance(receipt, bytes) else canonical(receipt)
    return Case(name, raw, failed, **checked)  # type: ignore[arg-type]


DONATION, TEXT, CHECKED = RECEIPT.donation, RAW.decode(), RECEIPT.checkpoint
OTHER_ROW = receipt_for(COLUMNS, 5, LOG, ENTRY, NOTE)
OLD_NOTE = cosigned_note(CHECKPOINT, (OLD_KEY,))
BOTH_NOTE = cosigned_note(CHECKPOINT, (OLD_KEY, LOG_KEY))
OLD = OLD_KEY.verifier.text
FALSE_LINE = LOG_KEY.sign("something else\n")
WITNESS_OF_ANOTHER = WITNESSES[1].cosign(Checkpoint(ORIGIN, SIZE, bytes(32)), AT_S)

TRUE: tuple[Case, ...] = (
    _case("as it is", RECEIPT),
    _case("laid out for people", json.dumps(json.loads(RAW), indent=4).encode()),
    _case("with an unknown key's line", _noted(NOTE.with_signatures([STRANGER.sign(CHECKPOINT.text)]))),
    _case(
        "with keys that say nothing here", RECEIPT, keys=f"# mine\n\n{OTHER_LOG.verifier.text}\n {KEY}\t\n{'5f' * 32}"
    ),
    _case("two witnesses of three", RECEIPT, witnesses=WITNESSED, quorum=2),
    _case("while the key changes, by the old one", _noted(BOTH_NOTE), keys=OLD),
    _case("while the key changes, by the new one", _noted(BOTH_NOTE), keys=KEY),
    _case("by an old key up to its last size", _noted(OLD_NOTE), keys=f"{KEY}\n{OLD} until {SIZE}"),
    _case("by both, the old one retired before", _noted(BOTH_NOTE), keys=f"{OLD} until 1\n{KEY}"),
)
UNKEYED: tuple[Case, ...] = (
    _case("no key", RECEIPT, keys="", unkeyed=("checkpoint",)),
    _case("a key for receipts of the first form alone", RECEIPT, keys="5f" * 32, unkeyed=("checkpoint",)),
    _case("no key, but witnesses", RECEIPT, keys="", witnesses=WITNESSED[:1], quorum=1, unkeyed=("checkpoint",)),
)
FORGED: tuple[Case, ...] = (
    _case("another amount", _with(donation=msgspec.structs.replace(DONATION, amount_fen=99)), "page"),
    _case("another merchant", _with(donation=msgspec.structs.replace(DONATION, merchant="shop:M1")), "page"),
    _case("another programme", _with(donation=msgspec.structs.replace(DONATION, programme="boots")), "page"),
    _case("another time", _with(donation=msgspec.structs.replace(DONATION, at_us=DONATION.at_us + 1)), "page"),
    _case("another donation's proof", _with(page=OTHER_ROW.page), "page"),
    _case("another row", _page(row=5), "page"),
    _case("a row beyond the page", _page(row=11), "page"),
    _case("a hash too few", _page(proof=RECEIPT.page.proof[:-1]), "page"),
    _case("a hash too many", _page(proof=[*RECEIPT.page.proof, "0" * 64]), "page"),
    _case("another root", _page(root="0" * 64), "page", "entry"),
    _case("more rows", _page(rows=12), "entry"),
    _case("another page", _page(page=18), "entry"),
    _case("another shard", _page(shard=4), "entry"),
    _case("an entry of another root", _told(root="0" * 64), "entry"),
    _case("an entry of more rows", _told(rows=12), "entry"),
    _case("an entry of another type", _told(type="donations.DonationsRecorded"), "entry"),
    _case("an entry of another source", _told(source=seals_source(4)), "entry"),
    _case("an entry of another number", _told(sequence=PAGE + 2), "entry"),
    _case("an entry of another form", _told(v=2), "entry"),
    _case("an entry whose rows are no whole number", _told(rows=11.0), "entry"),
    _case("an entry with a number that is not exact everywhere", _told(more=2**53), "entry"),
    _case(
        "an entry that says its root twice", _in_another_log(_twice(ENTRY.decode(), "root", f'"{"0" * 64}"')), "entry"
    ),
    _case("an entry that is no JSON", _in_another_log(b"root"), "entry"),
    _case("an entry that is a list", _in_another_log(b"[]"), "entry"),
    _case(
        "an entry that the log does not have", _entry(text=RECEIPT.entry.text.replace('"fen":', '"fen":1')), "inclusion"
    ),
    _case("an entry with a space", _entry(text=RECEIPT.entry.text + " "), "inclusion"),
    _case("another place", _entry(index=INDEX + 1), "inclusion"),
    _case("a place beyond the checkpoint", _entry(index=SIZE), "inclusion"),
    _case("a hash of the log too few", _entry(proof=RECEIPT.entry.proof[1:]), "inclusion"),
    _case("a hash of the log altered", _entry(proof=["0" * 64, *RECEIPT.entry.proof[1:]]), "inclusion"),
    _case("another log's root", _noted(cosigned_note(checkpoint_at(ORIGIN, SIZE, bytes(32), AT))), "inclusion"),
    _case("another size", _noted(cosigned_note(checkpoint_at(ORIGIN, SIZE - 300, LOG.edge.root, AT))), "inclusion"),
    _case("signed by a stranger", _noted(cosigned_note(CHECKPOINT, (STRANGER,))), "checkpoint"),
    _case(
        "signed by another log",
        _noted(cosigned_note(CHECKPOINT, (OTHER_LOG,))),
        "checkpoint",
        keys=OTHER_LOG.verifier.text,
    ),
    _case("a key that nobody knows here", RECEIPT, "checkpoint", keys=STRANGER.verifier.text),
    _case("a signature over something else", _noted(Note(CHECKPOINT.text, (FALSE_LINE,))), "checkpoint"),
    _case(
        "a text altered under its signature", _noted(CHECKED.replace("signed-at 2031", "signed-at 2032")), "checkpoint"
    ),
    _case("signed twice by one key", _noted(Note(NOTE.text, (*NOTE.signatures, NOTE.signatures[0]))), "checkpoint"),
    _case("by an old key beyond its last size", _noted(OLD_NOTE), "checkpoint", keys=f"{OLD} until {SIZE - 1}\n{KEY}"),
    _case(
        "by one key truly and by one falsely",
        _noted(NOTE.with_signatures([OLD_KEY.sign("else\n")])),
        "checkpoint",
        keys=f"{KEY}\n{OLD}",
    ),
    _case("no note", _noted("no note"), "inclusion", "checkpoint"),
    _case("a note without signatures", _noted(CHECKPOINT.text), "inclusion", "checkpoint"),
    _case(
        "a note that is no checkpoint",
        _noted("no checkpoint\n\n" + LOG_KEY.sign("no checkpoint\n").line),
        "inclusion",
        "checkpoint",
    ),
    _case(
        "a size with a zero before it",
        _noted(CHECKED.replace(f"\n{SIZE}\n", f"\n0{SIZE}\n")),
        "inclusion",
        "checkpoint",
    ),
    _case(
        "a root of another spelling",
        _noted(CHECKED.replace(to_base64(LOG.edge.root), to_base64(LOG.edge.root)[:-1])),
        "inclusion",
        "checkpoint",
    ),
    _case("a size beyond what a browser counts", _noted(_huge()), "inclusion", "checkpoint"),
    _case(
        "a control character in the note",
        _noted(CHECKED.replace("signed-at", "signed-\tat")),
        "inclusion",
        "checkpoint",
    ),
    _case("a line of another dash", _noted(CHECKED.replace("\N{EM DASH}", "-")), "inclusion", "checkpoint"),
    _case("fewer witnesses than asked for", RECEIPT, "witnesses", witnesses=WITNESSED, quorum=3),
    _case("none of the witnesses", RECEIPT, "witnesses", witnesses=WITNESSED[2:], quorum=1),
    _case(
        "a witness of another checkpoint",
        _noted(NOTE.with_signatures([WITNESS_OF_ANOTHER])),
        "witnesses",
        witnesses=WITNESSED,
        quorum=1,
    ),
    _case(
        "another amount, and no key",
        _with(donation=msgspec.structs.replace(DONATION, amount_fen=99)),
        "page",
        keys="",
        unkeyed=("checkpoint",),
    ),
    _case("a name twice", _twice(TEXT, "amount_fen", "99"), "format"),
    _case("a scheme twice", _twice(TEXT, "scheme", '"panda-receipt/1"'), "format"),
    _case(
        "a name twice by an escape",
        TEXT.replace('"amount_fen":', '"amount\\u005ffen":99,"amount_fen":').encode(),
        "format",
    ),
    _case("an amount that is no whole number", TEXT.replace('"amount_fen":7', '"amount_fen":7.0').encode(), "format"),
    _case("an amount with an exponent", TEXT.replace('"amount_fen":7', '"amount_fen":7e0').encode(), "format"),
    _case("half a character", TEXT.replace("love-parcel", "love-\\ud83d", 1).encode(), "format"),
    _case("half a character in the note", TEXT.replace("signed-at", "signed\\ud83d-at").encode(), "format"),
    _case("a field more", TEXT.replace('"scheme":', '"more":1,"scheme":').encode(), "format"),
    _case("a field less", TEXT.replace(f',"shard":{SHARD}', "").encode(), "format"),
    _case("of a form to come", TEXT.replace(SCHEME, "panda-receipt/3").encode(), "format"),
    _case("no receipt", b"{}", "format"),
    _case("no JSON", b"no receipt", "format"),
    _case("nothing", b"", "format"),
    _case("brackets without end", b"[" * 100_000, "format"),
    _case("too long", b" " * 300_000 + RAW, "format"),
)
assert DONATION.amount_fen == 7
CASES = (*TRUE, *UNKEYED, *FORGED)
