"""Cosignatures: a witness says when it saw a checkpoint to be consistent with all that it saw of the log before.

Source: C2SP tlog-cosignature, Ed25519 (cosignature/v1). A policy asks for k of n witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.encoding import SIZE_MAX, Malformed
from pandapack.contracts.tlog.note import (
    SIGNATURE_BYTES,
    Note,
    NotSigned,
    PrivateKey,
    Signature,
    VerifierKey,
    signers_of,
)

COSIGNATURE = 0x04
SCHEME = "cosignature/v1"
TIME_BYTES = 8


def cosigned_text(checkpoint_text: str, at_s: int) -> bytes:
    """What a witness signs at a time (seconds since 1970 UTC): two lines of its own, and the whole checkpoint."""
    return f"{SCHEME}\ntime {at_s}\n{checkpoint_text}".encode()


def _is_time(at_s: int) -> bool:
    """A witness may leave its time out, as 0, only where it does not say that it saw nothing newer."""
    return 0 < at_s <= SIZE_MAX


@dataclass(frozen=True, slots=True)
class WitnessKey(VerifierKey):
    """A public key that cosigns checkpoints, and signs nothing else."""

    ALGORITHM: ClassVar[int] = COSIGNATURE

    def is_signed(self, text: str, signature: bytes) -> bool:
        """Whether the witness cosigned the checkpoint of this text."""
        if len(signature) != TIME_BYTES + SIGNATURE_BYTES or not _is_time(cosigned_at_s(signature)):
            return False
        try:
            Checkpoint.parse(text)
        except Malformed:
            return False
        return self.is_signed_by_ed25519(cosigned_text(text, cosigned_at_s(signature)), signature[TIME_BYTES:])


def cosigned_at_s(signature: bytes) -> int:
    """When a witness cosigned, by the bytes of its line: seconds since 1970 UTC."""
    return int.from_bytes(signature[:TIME_BYTES], "big")


class WitnessSigner(PrivateKey):
    """A witness's private key."""

    @property
    def verifier(self) -> WitnessKey:
        """The public key that goes with it."""
        return WitnessKey(self.name, self.public)

    def cosign(self, checkpoint: Checkpoint, at_s: int) -> Signature:
        """The line by which the witness says that it saw the checkpoint at that time (seconds since 1970 UTC)."""
        assert _is_time(at_s), at_s
        signed = self.sign_by_ed25519(cosigned_text(checkpoint.text, at_s))
        return Signature(self.name, self.verifier.id, at_s.to_bytes(TIME_BYTES, "big") + signed)


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Whom a reader believes, and how many of them at least must have cosigned. Raises Malformed.

    No key counts twice, under whatever names.
    """

    keys: tuple[WitnessKey, ...]
    needed: int

    def __post_init__(self) -> None:
        if not 0 <= self.needed <= len(self.keys):
            raise Malformed(f"of {len(self.keys)} witnesses {self.needed} cannot be needed")
        if len({key.public for key in self.keys}) != len(self.keys):
            raise Malformed("two witnesses have one key")


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Who cosigned a checkpoint: name and time (seconds since 1970 UTC), and how many it takes, of how many.

    `broken`: why the note as a whole is refused, where a witness's line does not hold.
    """

    by: tuple[tuple[str, int], ...]
    needed: int
    known: int
    broken: str | None = None

    @property
    def is_enough(self) -> bool:
        """Whether as many cosigned as the policy asks for, and no line of theirs is false."""
        return self.broken is None and len(self.by) >= self.needed


def cosigned(note: Note, policy: WitnessPolicy, until_s: int = SIZE_MAX, since_s: int = 0) -> Cosigned:
    """Which of the policy's witnesses cosigned a checkpoint's note.

    What was cosigned before `since_s` or after `until_s` (seconds since 1970 UTC) does not count: by the first an old
    checkpoint is no news, by the second a witness with a wrong clock is none.
    """
    needed, known = policy.needed, len(policy.keys)
    try:
        signers: Sequence[WitnessKey] = signers_of(note, policy.keys)
    except NotSigned as false:
        return Cosigned((), needed, known, str(false))
    times = [(key.name, cosigned_at_s(note.signatures_of(key)[0].value)) for key in signers]
    return Cosigned(tuple(one for one in times if since_s <= one[1] <= until_s), needed, known)
