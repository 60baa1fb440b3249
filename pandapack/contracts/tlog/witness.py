"""What a log and a witness say to each other, and what a witness decides. Source: C2SP tlog-witness (add-checkpoint).

A witness keeps, by origin, the last checkpoint that it cosigned. Whoever runs one reads that, asks `witnessed`, keeps
the new checkpoint where the old is still the last (in one step), and only then answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from pandapack.contracts.merkle import EMPTY_ROOT
from pandapack.contracts.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from pandapack.contracts.tlog.cosignature import WitnessKey, WitnessSigner
from pandapack.contracts.tlog.encoding import Malformed, decimal_of, hash_of, text_of, to_base64
from pandapack.contracts.tlog.note import (
    NOTE_BYTES_MAX,
    Note,
    NotSigned,
    Signature,
    VerifierKey,
    signature_lines,
    signers_of,
)
from pandapack.contracts.tlog.tree import PROOF_HASHES_MAX, is_consistent

ADD_CHECKPOINT = "add-checkpoint"
"""Behind a witness's address: where a log posts its checkpoints."""
OLD = "old "
REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 8 * 1024
"""A note, behind 63 hashes in base64 and a size."""
TEXT_TYPE = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"
"""Of a 409's body: the size that the witness has cosigned last."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A log's request: the size that the witness cosigned last, the proof from there, and the checkpoint's note."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    @property
    def raw(self) -> bytes:
        """The request's body."""
        hashes = "".join(f"{to_base64(one)}\n" for one in self.proof)
        return f"{OLD}{self.old_size}\n{hashes}\n".encode() + self.note.raw

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """From a request's body. Raises Malformed."""
        before, empty, note = text_of(raw, "the request", REQUEST_BYTES_MAX).partition("\n\n")
        old, *proof = before.split("\n")
        if not empty or not old.startswith(OLD):
            raise Malformed(f"a request is a line '{OLD}' with a size, hashes, an empty line and a checkpoint")
        if len(proof) > PROOF_HASHES_MAX:
            raise Malformed(f"a proof has at most {PROOF_HASHES_MAX} hashes, not {len(proof)}")
        hashes = tuple(hash_of(line, f"hash {number} of the proof") for number, line in enumerate(proof))
        return cls(decimal_of(old.removeprefix(OLD), "the old size"), hashes, Note.parse(note.encode()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers by HTTP."""

    status: HTTPStatus
    body: str
    content_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The last checkpoint of a log that a witness cosigned.

    `note` has the signatures of the log's keys and the witness's own: it is what the witness shows to whoever asks.
    """

    origin: str
    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer, and what to keep before answering: `state` is None where nothing changes.

    `state` replaces what was handed in and nothing newer; where something newer is kept by now, decide again.
    """

    answer: Answer
    state: Witnessed | None = None


class _No(Exception):
    """A request that is not cosigned, with its answer."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.answer = Answer(status, f"{why}\n")


def origin_of(raw: bytes) -> str:
    """Which log a request is about, so that its state can be read. Raises Malformed."""
    return Checkpoint.parse(AddCheckpoint.parse(raw).note.text).origin


def shown_at(origin: str) -> str:
    """Behind a witness's address: where it shows the last checkpoint of a log that it cosigned."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def witnessed(
    raw: bytes,
    logs: Mapping[str, Sequence[VerifierKey]],
    last: Witnessed | None,
    signer: WitnessSigner,
    at_s: int,
) -> Outcome:
    """What a witness does with a request's body.

    logs: the keys that it trusts, by origin. last: what it cosigned last of this origin (`origin_of`).
    at_s: the time, seconds since 1970 UTC.
    """
    try:
        request, signed = _opened(raw, logs)
    except _No as no:
        return Outcome(no.answer)
    checkpoint = signed.checkpoint
    assert last is None or last.origin == checkpoint.origin, "this is the state of another log"
    size, root = (last.size, last.root) if last else (0, EMPTY_ROOT)
    if request.old_size != size:
        return Outcome(Answer(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE))
    if not is_consistent(size, root, checkpoint.size, checkpoint.root, request.proof):
        why = f"nothing shows that this tree of {checkpoint.size} entries begins with the {size} cosigned\n"
        return Outcome(Answer(HTTPStatus.UNPROCESSABLE_ENTITY, why))
    cosignature = signer.cosign(checkpoint, at_s)
    kept = [line for key in signed.signers for line in signed.note.signatures_of(key)]
    note = Note(signed.note.text, (*kept, cosignature))
    state = Witnessed(checkpoint.origin, checkpoint.size, checkpoint.root, note.raw)
    return Outcome(Answer(HTTPStatus.OK, cosignature.line), state)


def _opened(raw: bytes, logs: Mapping[str, Sequence[VerifierKey]]) -> tuple[AddCheckpoint, SignedCheckpoint]:
    """The request, once its checkpoint is signed by its log. Raises _No."""
    try:
        request = AddCheckpoint.parse(raw)
        checkpoint = Checkpoint.parse(request.note.text)
    except Malformed as why:
        raise _No(HTTPStatus.BAD_REQUEST, str(why)) from why
    keys = logs.get(checkpoint.origin)
    if keys is None:
        raise _No(HTTPStatus.NOT_FOUND, "this witness does not know the log of this checkpoint")
    try:
        signed = open_checkpoint(request.note.raw, checkpoint.origin, keys)
    except NotSigned as why:
        raise _No(HTTPStatus.FORBIDDEN, str(why)) from why
    if request.old_size > checkpoint.size:
        raise _No(
            HTTPStatus.BAD_REQUEST, f"the old size {request.old_size} is above the checkpoint's {checkpoint.size}"
        )
    return request, signed


def conflict_size(body: bytes) -> int:
    """The size that a witness cosigned last, from the body of its 409. Raises Malformed."""
    text = text_of(body, "the witness's answer", NOTE_BYTES_MAX)
    if not text.endswith("\n"):
        raise Malformed("a witness's size ends in a newline")
    return decimal_of(text[:-1], "the witness's size")


def cosignatures_of(body: bytes, note: Note, keys: Sequence[WitnessKey]) -> list[Signature]:
    """The lines of a witness's answer that are these keys' cosignatures of a checkpoint; others are ignored.

    Raises Malformed, and NotSigned where a line that names one of the keys does not hold.
    """
    answered = Note(note.text, signature_lines(text_of(body, "the witness's answer", NOTE_BYTES_MAX)))
    return [answered.signatures_of(key)[0] for key in signers_of(answered, keys)]
