"""What a witness keeps in its folder: its key, and of each log the last checkpoint that it cosigned. Nothing else.

    key            its private key, its owner's alone; made at the first start
    HASH.note      the checkpoint, signed by the log and by the witness (HASH: SHA-256 of the origin)
    HASH.evidence  a checkpoint that the witness once cosigned and has forgotten since
    lock           held while a witness runs

A note is written beside, synced, renamed over the last one, and the folder synced, before the witness answers: a kill
at any moment leaves the one or the other. Whoever puts back an older folder makes the witness forget what it cosigned,
and that is what it must never do. It is noticed by three things: a note that the witness's own key did not sign; notes
without a key; and a checkpoint with the witness's own line that is larger than what it remembers, which a log shows to
a witness that claims to have seen less. From then on it cosigns nothing more of that log until the right folder is
back. Where an older folder is put back and the log keeps silent, the witness alone cannot tell: ask for k of n.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.cosignature import WitnessSigner
from pandapack.contracts.tlog.encoding import Malformed
from pandapack.contracts.tlog.note import Note, NotSigned, signers_of
from pandapack.contracts.tlog.witness import Witnessed
from pandapack.transparency.copies import write_atomically

OWNERS_ALONE = 0o600


class StateRefused(Exception):
    """The folder is not one that this witness may go on from: why, and what to do."""


class WitnessState:
    """The folder of one witness. It is held by one process at a time."""

    def __init__(self, folder: Path, name: str, seed: bytes) -> None:
        """Opens it, and makes the key from the seed (32 bytes of chance) where there is none. Raises StateRefused."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, OWNERS_ALONE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StateRefused(f"another witness runs in {folder}: stop it, or take another folder") from error
        try:
            self.signer = self._own_key(name, seed)
            for file in sorted(folder.glob("*.note")):
                self._opened(file)
        except StateRefused:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self._lock)

    def last(self, origin: str) -> Witnessed | None:
        """The checkpoint of a log that was cosigned last. Raises StateRefused."""
        file = self._folder / f"{_hash(origin)}.note"
        return self._opened(file) if file.exists() else None

    def keep(self, state: Witnessed) -> None:
        """Replaces it. When this returns it is on the disk."""
        write_atomically(self._folder / f"{_hash(state.origin)}.note", state.note, OWNERS_ALONE)

    def forgotten(self, origin: str) -> int:
        """The size of a checkpoint that was cosigned once and is not remembered; 0: none is known."""
        file, last = self._folder / f"{_hash(origin)}.evidence", self.last(origin)
        if not file.exists():
            return 0
        size = Checkpoint.parse(Note.parse(file.read_bytes()).text).size
        return size if last is None or last.size < size else 0

    def keep_evidence(self, origin: str, note: Note) -> None:
        """Keeps a note with the witness's own line, of more than it remembers."""
        write_atomically(self._folder / f"{_hash(origin)}.evidence", note.raw, OWNERS_ALONE)

    def _own_key(self, name: str, seed: bytes) -> WitnessSigner:
        file = self._folder / "key"
        if not file.exists():
            if any(self._folder.glob("*.note")):
                raise StateRefused(f"{file} is gone, and what it signed is there: put it back from a backup")
            signer = WitnessSigner(name, seed)
            write_atomically(file, f"{signer.text}\n".encode(), OWNERS_ALONE)
        try:
            signer = WitnessSigner.parse(file.read_text().strip())
        except (OSError, ValueError) as error:
            raise StateRefused(f"{file} cannot be used: {error}") from error
        if name and signer.name != name:
            raise StateRefused(f"{file} is the key of {signer.name}, not of {name}")
        return signer

    def _opened(self, file: Path) -> Witnessed:
        """What a note of the folder says, if the witness's own line under it holds. Raises StateRefused."""
        try:
            raw = file.read_bytes()
            note = Note.parse(raw)
            checkpoint = Checkpoint.parse(note.text)
            is_own = signers_of(note, [self.signer.verifier]) != []
        except (OSError, Malformed, NotSigned) as error:
            raise StateRefused(f"{file} cannot be used: {error}; put the folder back from a backup") from error
        if not is_own or file.stem != _hash(checkpoint.origin):
            raise StateRefused(f"{file} was not signed by this witness's key: the folder is mixed from two, or altered")
        return Witnessed(checkpoint.origin, checkpoint.size, checkpoint.root, raw)


def _hash(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()
