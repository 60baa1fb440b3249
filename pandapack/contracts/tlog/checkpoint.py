"""Checkpoints: which log, how many entries, under which root. Source: C2SP tlog-checkpoint.

Ours say in one extension line when they were signed: `signed-at 2031-05-04T10:00:00.250Z`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Self

from pandapack.contracts.times import within_range
from pandapack.contracts.tlog.encoding import (
    HASH_BYTES,
    SIZE_MAX,
    Malformed,
    decimal_of,
    hash_of,
    shown,
    to_base64,
    without_control,
)
from pandapack.contracts.tlog.note import Note, NotSigned, SignerKey, VerifierKey, sign, signers_of

SIGNED_AT = "signed-at "
EXTENSIONS_MAX = 16
ORIGIN_BYTES_MAX = 255
"""What an ML-DSA cosignature of the specification can name, and more than any address needs."""

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its origin, how many entries it has, the root over them (32 bytes), and lines more."""

    LINES: ClassVar[int] = 3

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.origin.encode()) <= ORIGIN_BYTES_MAX:
            raise Malformed(f"an origin has 1 to {ORIGIN_BYTES_MAX} bytes: {shown(self.origin)}")
        if not 0 <= self.size <= SIZE_MAX or len(self.root) != HASH_BYTES:
            raise Malformed(f"a size lies from 0 to {SIZE_MAX}, and a root has {HASH_BYTES} bytes")
        if len(self.extensions) > EXTENSIONS_MAX or not all(self.extensions):
            raise Malformed(f"there are at most {EXTENSIONS_MAX} extension lines, and none is empty")
        for line in (self.origin, *self.extensions):
            without_control(line, "a checkpoint's line")

    @property
    def text(self) -> str:
        """The text of its note."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, to_base64(self.root), *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Self:
        """What a note's text says. Raises Malformed."""
        if not text.endswith("\n"):
            raise Malformed("a checkpoint ends in a newline")
        lines = text[:-1].split("\n")
        if len(lines) < cls.LINES:
            raise Malformed(f"a checkpoint has {cls.LINES} lines at least, not {len(lines)}")
        size, root = decimal_of(lines[1], "a checkpoint's size"), hash_of(lines[2], "a checkpoint's root")
        return cls(lines[0], size, root, tuple(lines[cls.LINES :]))

    @property
    def signed_at(self) -> datetime:
        """When ours was signed, in UTC. Raises Malformed where its only extension line does not say so."""
        lines = [line.removeprefix(SIGNED_AT) for line in self.extensions if line.startswith(SIGNED_AT)]
        if len(self.extensions) != 1 or len(lines) != 1 or _TIME.fullmatch(lines[0]) is None:
            raise Malformed(f"a checkpoint of ours has one extension line, which says {SIGNED_AT}and a time")
        try:
            at = within_range(datetime.fromisoformat(lines[0]))
        except ValueError as error:
            raise Malformed(f"a checkpoint says a time that there is not: {shown(lines[0])}") from error
        # Newer Pythons read 24:00 as the next day.
        if _written(at) != lines[0]:
            raise Malformed(f"a checkpoint's time is written otherwise: {shown(lines[0])}, not {_written(at)}")
        return at


def _written(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def checkpoint_at(origin: str, size: int, root: bytes, at: datetime) -> Checkpoint:
    """A checkpoint of ours, to be signed at that time (with a zone; kept to the millisecond before)."""
    return Checkpoint(origin, size, root, (f"{SIGNED_AT}{_written(within_range(at))}",))


def sign_checkpoint(checkpoint: Checkpoint, keys: Sequence[SignerKey]) -> Note:
    """The note of a checkpoint. While a log's key changes, the old and the new one sign it."""
    return sign(checkpoint.text, keys)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint, its note, and those of the trusted keys that signed it: one at least."""

    checkpoint: Checkpoint
    note: Note
    signers: tuple[VerifierKey, ...]


def open_checkpoint(raw: bytes, origin: str, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
    """The checkpoint of a note, as signed by the log of that origin. Raises Malformed or NotSigned."""
    note = Note.parse(raw)
    signers = signers_of(note, keys)
    if not signers:
        raise NotSigned("no trusted key of the log signed this checkpoint")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != origin:
        raise NotSigned(f"this is a checkpoint of {shown(checkpoint.origin)}, not of {shown(origin)}")
    return SignedCheckpoint(checkpoint, note, tuple(signers))
